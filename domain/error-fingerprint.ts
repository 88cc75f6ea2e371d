/** Equal errors under one name, and messages without personal data. Every pattern reads its text once: no run is begun inside itself. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { cut } from './error-fields.ts';

export interface Fingerprinted { readonly exception_type: string; readonly task_name: string; readonly message: string }

/** Code points of a scrubbed message. */
export const scrubbedMax = 500;
/** UTF-16 units of a message that are looked at; the rest is dropped first. */
const readMax = 4_000;

/** A number that counts or measures. A status of another server is a name: 401 and 429 are two errors with two remedies. */
const quantity = /(?<!\bstatus:? \d{0,2})\p{Nd}+/giu;

/** A scrubbed message, also without the numbers and blanks in which one occurrence differs from the next. */
export function normalise(message: string): string {
  return scrub(message).replaceAll(quantity, '<n>').replaceAll(/\s+/g, ' ');
}

/** 16 hex characters over class, task and normalised message. */
export function fingerprintOf({ exception_type: type, task_name: task, message }: Fingerprinted): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify([type, task, normalise(message)])))).slice(0, 16);
}

/** In this order. A pattern that ends with what may be missing (a quote, a bracket) takes the rest of a text that was cut. */
const removed: readonly (readonly [RegExp, string])[] = [
  [/[\p{C}\u2028\u2029]+/gu, ' '],
  // an address keeps its scheme and host: who failed is worth knowing, what was asked is not
  [/(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^\s/?#@'"`]*@)*([^\s/?#@'"`]*)[^\s'"`]*/gi, '$1$2'],
  [/\b(pass(?:word|wd)?|secret|api[_-]?key|token|authorization)(\s{0,3}[=:]\s{0,3})(?:bearer |basic )?[^\s,;&)]+/gi, '$1$2<secret>'],
  [/\bgw_[0-9a-z_]+|\b(?:sk|pk|xox[a-z])-[\w-]{8,}/gi, '<key>'],
  [/\beyJ[\w.-]+/g, '<token>'],
  [/\b(bearer|basic) +[\w.~+/=-]+/gi, '$1 <token>'],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?/g, '<time>'],
  [/(?:(?<![^\s@<>()[\]",;:'`])[^\s@<>()[\]",;:'`]+|(?<=['`]))@[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)*/gu, '<email>'],
  // PostgreSQL's details: Key (email)=(x)
  [/=\([^)]*(?:\)|$)/g, '=(<value>)'],
  [/"[^"]*(?:"|$)|`[^`]*(?:`|$)|“[^”]*(?:”|$)|„[^“]*(?:“|$)|«[^»]*(?:»|$)/g, '<value>'],
  // an apostrophe within a word opens nothing and closes nothing
  [/(?<![\p{L}\p{N}])'(?:[^']|'(?=[\p{L}\p{N}]))*(?:'|$)/gu, '<value>'],
  [/\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g, '<number>'],
  [/\b(?:0x)?[0-9a-f]{16,}\b/gi, '<hex>'],
  [/(?<![\w+/=-])(?=[\w+/=-]{0,100}\d)[\w+/=-]{24,}/g, '<token>'],
  [/(?<!\p{Nd})\+?\p{Nd}(?:[ ().-]{0,2}\p{Nd}){8,}/gu, '<number>'],
];

/** Without e-mail addresses, numbers of phones, cards and accounts, tokens, keys, quoted values and what stands behind a host. */
export function scrub(message: string): string {
  let text = cut(message, readMax);
  for (const [pattern, instead] of removed) text = text.replaceAll(pattern, instead);
  return Array.from(text.trim()).slice(0, scrubbedMax).join('').trim();
}
