/** Archives of any members, honest or lying about their sizes. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface Member {
  readonly name: string;
  readonly content: Uint8Array | string;
  readonly stored?: boolean;
  /** What the directory says instead of the true length. */
  readonly saysBytes?: number;
  readonly encrypted?: boolean;
  /** Its bytes are those of the first member. */
  readonly sharesFirst?: boolean;
}

export function zipOf(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const member of members) {
    const content = Buffer.from(member.content as string);
    const data = member.stored === true ? content : deflateRawSync(content, { level: 9 });
    const place = member.sharesFirst === true ? 0 : at;
    const common = headerOf(member, content, data.length);
    const name = Buffer.from(member.name);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, Buffer.alloc(10), number(place, 4), name]),
    );
    if (member.sharesFirst === true) continue;
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, data]);
    parts.push(local);
    at += local.length;
  }
  const entries = Buffer.concat(directory);
  const count = number(members.length, 2);
  return Buffer.concat([
    ...parts, entries,
    Buffer.from('PK\x05\x06\x00\x00\x00\x00', 'latin1'), count, count, number(entries.length, 4), number(at, 4), number(0, 2),
  ]);
}

function headerOf(member: Member, content: Buffer, packed: number): Buffer {
  return Buffer.concat([
    number(20, 2), number(0x0800 | (member.encrypted === true ? 1 : 0), 2), number(member.stored === true ? 0 : 8, 2), number(0, 4),
    number(crc32(content), 4), number(packed, 4), number(member.saysBytes ?? content.length, 4), number(Buffer.byteLength(member.name), 2),
    number(0, 2),
  ]);
}

function number(value: number, bytes: 2 | 4): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
}
