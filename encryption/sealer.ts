/**
 * Sealing what people said: AES-256-GCM under keys with ids, the first of which encrypts. Whatever leaves the process for
 * Temporal, PostgreSQL or Redis with an answer in it goes through here.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { ConfigurationError } from '../domain/configuration-error.ts';

/** Keys by id. The first encrypts, all of them open. */
export interface CodecKeys { readonly primary: string; readonly byId: ReadonlyMap<string, Uint8Array> }

export interface Sealer {
  /** Id of the key that seals, or null where nothing is sealed. */
  readonly primary: string | null;
  /** `context` says what the bytes are and whose; they open under the same one only. It is not kept in the envelope. */
  seal(bytes: Uint8Array, context: string): Buffer;
  /**
   * What was sealed; bytes without our envelope come back as they are (written before encryption, or with it off).
   * Throws KeyUnavailableError for a key id that is not known, SealBrokenError for a changed envelope or another context.
   */
  open(envelope: Uint8Array, context: string): Buffer;
  knows(keyId: string): boolean;
}

/** The key that this was sealed with is not among the configured ones. Its id is no secret. */
export class KeyUnavailableError extends Error {
  override readonly name = 'KeyUnavailableError';
  readonly keyId: string;
  constructor(keyId: string) {
    super(`The encryption key ${keyId} is not configured.`);
    this.keyId = keyId;
  }
}

/** The envelope was changed, moved to another place, or its key id now names another key. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError';
}

export const codecKeysSetting = 'GANGWAY_CODEC_KEYS';
const keyBytes = 32;
const keyForm = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/]{43}=|[A-Za-z0-9_-]{43})$/;
const maxKeys = 100;

/**
 * `id:base64 of 32 bytes`, comma-separated. Throws ConfigurationError that names where the keys come from and the place in it, never a
 * value.
 */
export function readCodecKeys(setting: string, source: string = codecKeysSetting): CodecKeys {
  const badKeys = (what: string): ConfigurationError => new ConfigurationError([`${source}: ${what}`]);
  const parts = setting.split(',').map((part) => part.trim()).filter((part) => part !== '');
  if (parts.length === 0 || parts.length > maxKeys) throw badKeys(`has to hold 1 to ${maxKeys} keys`);
  const byId = new Map<string, Uint8Array>();
  for (const [at, part] of parts.entries()) {
    const [, id = '', base64 = ''] = keyForm.exec(part) ?? [];
    const key = Buffer.from(base64, 'base64');
    if (key.length !== keyBytes) throw badKeys(`its key ${at + 1} is not of the form id:base64 of ${keyBytes} bytes`);
    if (byId.has(id)) throw badKeys(`its key ${at + 1} has the id of a key before it`);
    byId.set(id, Uint8Array.from(key));
  }
  return { primary: [...byId.keys()][0] ?? '', byId };
}

/** Tells one key from another under the same id, and says nothing of the key: 16 bytes. Throws KeyUnavailableError. */
export function checkValueOf(keys: CodecKeys, id: string): Buffer {
  return createHmac('sha256', keyOf(keys, id)).update('gangway key check 1').digest().subarray(0, 16);
}

/**
 * Envelope, version 1: `GWS` 1 | length of the key id, 1 byte | key id | salt 16 | IV 12 | tag 16 | ciphertext.
 * Random IVs under one key are safe for some 2^32 messages, which a busy installation writes within weeks. So messages are
 * sealed with a key derived from the configured one and a random salt, and the salt changes with each process and every
 * 2^24 messages. Not with each message: making a key object costs more (20 us) than sealing 1 KB with one (6 us).
 */
const magic = Buffer.from('GWS\u0001', 'latin1');
const [saltBytes, ivBytes, tagBytes] = [16, 12, 16];
/** Everything of an envelope beside the key id and the ciphertext. */
const frameBytes = magic.length + 1 + saltBytes + ivBytes + tagBytes;
const messagesPerSalt = 2 ** 24;
/** Derived keys kept for opening; an entry is some 300 bytes. */
const keptKeys = 1_000;

export function isSealed(bytes: Uint8Array): boolean {
  return bytes.length > frameBytes && magic.equals(bytes.subarray(0, magic.length));
}

/** What was sealed as JSON. Throws KeyUnavailableError, SealBrokenError. */
export function openJson<T>(sealer: Sealer, sealed: Uint8Array, context: string): T {
  return JSON.parse(sealer.open(sealed, context).toString('utf8')) as T;
}

export function createSealer(keys: CodecKeys): Sealer {
  const head = Buffer.concat([magic, Buffer.from([keys.primary.length]), Buffer.from(keys.primary, 'latin1')]);
  const derived = derivedKeys(keys);
  let salt = randomBytes(saltBytes);
  let messages = 0;
  return {
    primary: keys.primary,
    knows: (keyId) => keys.byId.has(keyId),
    seal: (bytes, context) => {
      messages += 1;
      if (messages % messagesPerSalt === 0) salt = randomBytes(saltBytes);
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', derived(keys.primary, salt), iv);
      cipher.setAAD(additionalData(keys.primary, context));
      const sealed = [cipher.update(bytes), cipher.final()];
      return Buffer.concat([head, salt, iv, cipher.getAuthTag(), ...sealed]);
    },
    open: (bytes, context) => (
      isSealed(bytes) ? openSealed(derived, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), context) : Buffer.from(bytes)
    ),
  };
}

type DerivedKeys = (keyId: string, salt: Buffer) => KeyObject;

/** Remembers the keys used last. Throws KeyUnavailableError. */
function derivedKeys(keys: CodecKeys): DerivedKeys {
  const known = new Map<string, KeyObject>();
  return (keyId, salt) => {
    const name = `${keyId}:${salt.toString('latin1')}`;
    const key = known.get(name) ?? derivedKey(keyOf(keys, keyId), salt);
    known.delete(name);
    known.set(name, key);
    const oldest = known.keys().next().value;
    if (known.size > keptKeys && oldest !== undefined) known.delete(oldest);
    return key;
  };
}

/** Seals nothing: for measuring what encryption costs. What was sealed before names its key as missing. */
export const unsealed: Sealer = {
  primary: null,
  knows: () => false,
  seal: (bytes) => Buffer.from(bytes),
  open: (bytes) => {
    if (isSealed(bytes)) throw new KeyUnavailableError(keyIdOf(bytes));
    return Buffer.from(bytes);
  },
};

function openSealed(derived: DerivedKeys, envelope: Buffer, context: string): Buffer {
  const keyId = keyIdOf(envelope);
  let at = magic.length + 1 + keyId.length;
  const take = (length: number): Buffer => envelope.subarray(at, at += length);
  const [salt, iv, tag] = [take(saltBytes), take(ivBytes), take(tagBytes)];
  if (tag.length !== tagBytes) throw new SealBrokenError('A sealed value was cut.');
  const decipher = createDecipheriv('aes-256-gcm', derived(keyId, salt), iv);
  decipher.setAAD(additionalData(keyId, context));
  decipher.setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(envelope.subarray(at)), decipher.final()]);
  } catch (error) {
    throw new SealBrokenError('A sealed value does not open in this place with the key of its id.', { cause: error });
  }
}

/** Of a sealed value, without opening it. */
export function keyIdOf(envelope: Uint8Array): string {
  const length = envelope[magic.length] ?? 0;
  return Buffer.from(envelope.subarray(magic.length + 1, magic.length + 1 + length)).toString('latin1');
}

function keyOf(keys: CodecKeys, keyId: string): Uint8Array {
  const key = keys.byId.get(keyId);
  if (key === undefined) throw new KeyUnavailableError(keyId);
  return key;
}

function derivedKey(key: Uint8Array, salt: Uint8Array): KeyObject {
  return createSecretKey(createHmac('sha256', key).update('gangway seal 1').update(salt).digest());
}

function additionalData(keyId: string, context: string): Buffer {
  return Buffer.from(`gangway 1\n${keyId}\n${context}`);
}

/** Contexts outside Temporal: each value opens only for the session or task it was written for. */
export const sealedAs = {
  snapshot: (tenant: string, sessionId: string): string => `snapshot:${sessionId}:${tenant}`,
  checkpoint: (tenant: string, sessionId: string, version: number): string => `checkpoint:${sessionId}:${version}:${tenant}`,
  events: (tenant: string, sessionId: string, firstSequence: number): string => `events:${sessionId}:${firstSequence}:${tenant}`,
  newestCheckpoint: (tenant: string, sessionId: string): string => `newest checkpoint:${sessionId}:${tenant}`,
  view: (tenant: string, sessionId: string): string => `view:${sessionId}:${tenant}`,
  keyedAnswer: (tenant: string): string => `keyed answer:${tenant}`,
  importedEvent: (tenant: string, sessionId: string, at: number, event: string): string => (
    `imported event:${sessionId}:${at}:${event}:${tenant}`
  ),
  task: (tenant: string, taskId: string): string => `task:${taskId}:${tenant}`,
  uploadName: (tenant: string, uploadId: string): string => `upload name:${uploadId}:${tenant}`,
  ticket: (hash: string): string => `stream ticket:${hash}`,
  report: (tenant: string, key: string): string => `report:${key}:${tenant}`,
} as const;
