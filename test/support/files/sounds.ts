/** Recordings of silence in each container, small and whole. */

export function wav(seconds = 0.1): Buffer {
  const data = Buffer.alloc(Math.round(16_000 * seconds) * 2);
  const format = Buffer.concat([u16(1), u16(1), u32(16_000), u32(32_000), u16(2), u16(16)]);
  const body = Buffer.concat([
    Buffer.from('WAVE'), Buffer.from('fmt '), u32(format.length), format, Buffer.from('data'), u32(data.length), data,
  ]);
  return Buffer.concat([Buffer.from('RIFF'), u32(body.length), body]);
}

/** MPEG 1, layer 3, 128 kbit/s, 44.1 kHz: frames of 417 bytes. */
export function mp3({ frames = 20, tag = true } = {}): Buffer {
  const frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x00]), Buffer.alloc(413)]);
  const title = Buffer.concat([Buffer.from('TIT2\0\0\0\x0e\0\0\0', 'latin1'), Buffer.from('At the office')]);
  const header = Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0', 'latin1'), Buffer.from([title.length])]);
  return Buffer.concat([...(tag ? [header, title] : []), ...Array.from({ length: frames }, () => frame)]);
}

/** `codecs`: the first bytes of each stream. */
export function ogg(...codecs: readonly string[]): Buffer {
  const begin = codecs.length === 0 ? ['OpusHead'] : codecs;
  const pages = begin.map((codec, index) => page(2, index, Buffer.concat([Buffer.from(codec, 'latin1'), Buffer.alloc(30)])));
  return Buffer.concat([...pages, ...begin.map((_, index) => page(4, index, Buffer.alloc(100)))]);
}

function page(type: number, serial: number, packet: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('OggS'), Buffer.from([0, type]), Buffer.alloc(8), u32(serial), u32(0), u32(0), Buffer.from([1, packet.length]), packet,
  ]);
}

/** As a browser records it: length and clusters of unknown size. `types`: 1 video, 2 sound. */
export function webm({ types = [2], docType = 'webm', streamed = true }: {
  readonly types?: readonly number[]; readonly docType?: string; readonly streamed?: boolean;
} = {}): Buffer {
  const header = element('1a45dfa3', element('4282', Buffer.from(docType)));
  const tracks = element('1654ae6b', Buffer.concat(types.map((type) => (
    element('ae', Buffer.concat([element('d7', Buffer.from([1])), element('83', Buffer.from([type])), element('86', Buffer.from(
      'A_OPUS'))]))
  ))));
  const block = element('a3', Buffer.alloc(60));
  const cluster = Buffer.concat([element('e7', Buffer.from([0])), block, block]);
  const body = Buffer.concat([element('1549a966', element('2ad7b1', Buffer.from([15, 66, 64]))), tracks, element('1f43b675', cluster,
    streamed)]);
  return Buffer.concat([header, element('18538067', body, streamed)]);
}

function element(id: string, content: Buffer, unknownSize = false): Buffer {
  const size = Buffer.alloc(8);
  if (unknownSize) size.fill(0xff, 1);
  else size.writeUIntBE(content.length, 2, 6);
  size[0] = 0x01;
  return Buffer.concat([Buffer.from(id, 'hex'), size, content]);
}

/** `handlers`: what the tracks are for. */
export function m4a({ brand = 'M4A ', handlers = ['soun'] }: { readonly brand?: string; readonly handlers?: readonly string[
  ] } = {}): Buffer {
  const tracks = handlers.map((handler) => box('trak', box('mdia', box('hdlr', Buffer.alloc(8), Buffer.from(handler), Buffer.alloc(12)))));
  return Buffer.concat([
    box('ftyp', Buffer.from(brand), Buffer.alloc(4), Buffer.from('isommp42')), box('mdat', Buffer.alloc(500)),
    box('moov', box('mvhd', Buffer.alloc(100)), ...tracks),
  ]);
}

export function box(type: string, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length + 8);
  return Buffer.concat([size, Buffer.from(type), content]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
