/**
 * The form of an API key: gw_<id>_<secret>_<checksum>, all lower-case hexadecimal, so that a double click takes it whole and
 * a scanner for leaked secrets knows it by one pattern. The checksum refuses typos without asking a store.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const form = /^(gw_([0-9a-f]{32})_([0-9a-f]{64}))_([0-9a-f]{8})$/;

export interface PresentedKey { readonly keyId: string; readonly hash: Uint8Array }

/** A key of this id with a fresh secret of 32 random bytes, and the SHA-256 of that secret. */
export function makeKey(keyId: string): { readonly key: string; readonly hash: Uint8Array } {
  const secret = randomBytes(32).toString('hex');
  const body = `gw_${keyId.replaceAll('-', '')}_${secret}`;
  return { key: `${body}_${checksum(body)}`, hash: digest(secret) };
}

/** Null for what is no key: another form, or a checksum that does not fit. */
export function readPresentedKey(text: string): PresentedKey | null {
  const [, body = '', id = '', secret = '', given = ''] = form.exec(text) ?? [];
  if (body === '' || given !== checksum(body)) return null;
  return { keyId: id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'), hash: digest(secret) };
}

export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, '0');
}

function digest(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}
