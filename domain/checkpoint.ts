/** A checkpoint: a position in the answer log with the hash of what was known there. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson, type Json } from './json.ts';
import type { SessionStateName } from './lifecycle.ts';

export interface Checkpoint {
  /** From 1, counted by the session. */
  readonly version: number;
  readonly kind: 'auto' | 'stage' | 'manual';
  readonly label: string | null;
  readonly state: SessionStateName;
  /** Entries of the answer log that it covers, and which of them counted. */
  readonly position: number;
  readonly current: readonly number[];
  readonly progress_percent: number;
  /** SHA-256, hex, of the canonical JSON of answers + UI state. */
  readonly hash: string;
  readonly created_at: number;
}

/** SHA-256 of the canonical JSON of a value, hex. */
export function hashOf(value: Json): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))));
}
