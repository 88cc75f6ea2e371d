/** Pictures: a red upper left quarter on blue, so that one sees how they are turned, and pictures that lie. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { root } from '../folders.ts';

export const red = { r: 220, g: 20, b: 30 } as const;
export const blue = { r: 20, g: 40, b: 200 } as const;

export interface Size { readonly width: number; readonly height: number }

/** `alpha`: the blue part is see-through. */
export function marked({ width, height }: Size, alpha = false): Sharp {
  const corner = { width: Math.floor(width / 2), height: Math.floor(height / 2), channels: 3 as const, background: red };
  const background = alpha ? { ...blue, alpha: 0 } : blue;
  return sharp({ create: { width, height, channels: alpha ? 4 : 3, background } })
    .composite([{ input: { create: corner }, left: 0, top: 0 }]);
}

export async function jpeg(size: Size = { width: 120, height: 80 }): Promise<Buffer> {
  return marked(size).jpeg().toBuffer();
}

export async function png(size: Size = { width: 120, height: 80 }, alpha = false): Promise<Buffer> {
  return marked(size, alpha).png().toBuffer();
}

export async function webp(size: Size = { width: 120, height: 80 }): Promise<Buffer> {
  return marked(size).webp().toBuffer();
}

/** One of those that make-heic.py made. */
export async function heic(name: 'upright' | 'turned' | 'p3' | 'photo' | 'large' | 'too-large'): Promise<Buffer> {
  return readFile(join(root, 'test/support/files', `${name}.heic`));
}

/** What was done to an upright picture that EXIF's orientation 1 to 8 undoes. One at a time: sharp has an order of its own. */
const storedBy: readonly (readonly ((picture: Sharp) => Sharp)[])[] = [
  [], [(picture) => picture.flop()], [(picture) => picture.rotate(180)], [(picture) => picture.flip()],
  [(picture) => picture.rotate(90), (picture) => picture.flop()], [(picture) => picture.rotate(270)],
  [(picture) => picture.rotate(270), (picture) => picture.flop()], [(picture) => picture.rotate(90)],
];

/** Stored as a camera that is held otherwise stores it: `orientation` says how to turn it. It knows where and with what it was taken. */
export async function photographed(orientation: number, size: Size = { width: 400, height: 300 }): Promise<Buffer> {
  const steps = storedBy[orientation - 1];
  if (steps === undefined) throw new RangeError(`There is no orientation ${orientation}.`);
  let stored = await marked(size).png().toBuffer();
  for (const step of steps) stored = await step(sharp(stored)).png().toBuffer();
  return sharp(stored).withExif({
    IFD0: { Make: 'Maker of cameras', Copyright: 'SERIAL-0815' },
    IFD2: { MakerNote: 'SERIAL-0815' },
    IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 12/1', GPSLongitudeRef: 'E', GPSLongitude: '13/1 24/1 18/1' },
  }).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
}

/** 30,000 by 30,000 pixels in some hundred kilobytes. */
export function pngBomb(side = 30_000): Buffer {
  const row = Math.ceil(side / 8) + 1;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1;
  return Buffer.concat([
    pngSignature, pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(Buffer.alloc(row * side), { level: 9 })),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, checksum]);
}

/** After its header. */
export function withPngChunk(picture: Buffer, type: string, data: string): Buffer {
  const header = pngSignature.length + 25;
  return Buffer.concat([picture.subarray(0, header), pngChunk(type, Buffer.from(data)), picture.subarray(header)]);
}

export function withJpegComment(picture: Buffer, comment: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(comment.length + 2);
  return Buffer.concat([picture.subarray(0, 2), Buffer.from([0xff, 0xfe]), length, Buffer.from(comment), picture.subarray(2)]);
}

/** The frame says another size than the data has. */
export function jpegSaying(picture: Buffer, { width, height }: Size): Buffer {
  const lying = Buffer.from(picture);
  const frame = lying.indexOf(Buffer.from([0xff, 0xc0, 0x00, 0x11]));
  lying.writeUInt16BE(height, frame + 5);
  lying.writeUInt16BE(width, frame + 7);
  return lying;
}
