/** A PNG with a colour profile, which its encoder can only convert to. */
import { crc32, deflateSync } from 'node:zlib';

/** Signature and header, which everything else follows. */
const headerBytes = 8 + 25;

export function withProfile(png: Buffer, profile: Uint8Array): Buffer {
  const content = Buffer.concat([Buffer.from('iCCPprofile\0\0', 'latin1'), deflateSync(profile)]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length - 4);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([png.subarray(0, headerBytes), length, content, checksum, png.subarray(headerBytes)]);
}
