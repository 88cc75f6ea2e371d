/** Ids that follow from what they name: the same parts give the same id, so that writing a thing again adds nothing. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** A UUID of version 8: the SHA-256 of the parts, cut. */
export function derivedId(...parts: readonly (string | number)[]): string {
  const hash = sha256(utf8ToBytes(JSON.stringify(parts))).slice(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return bytesToHex(hash).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
