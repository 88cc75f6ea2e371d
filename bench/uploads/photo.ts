/** Photos to be sent: noise, which JPEG does not flatten away, so that they have as many bytes as those of a phone. */
import sharp from 'sharp';
import type { Random } from '../statistics.ts';

export interface Pixels { readonly width: number; readonly height: number }

export async function noisyPhoto(random: Random, { width, height }: Pixels): Promise<Buffer> {
  const noise = { width: width / 4, height: height / 4, channels: 3 as const };
  const pixels = Buffer.from(Array.from({ length: noise.width * noise.height * 3 }, () => Math.floor(random() * 256)));
  return sharp(pixels, { raw: noise }).resize(width, height).jpeg({ quality: 90 }).withMetadata({ orientation: 6 }).toBuffer();
}

const startOfImage = 2;

/** The same picture as another file: with a comment of its own, behind the mark of the beginning. */
export function withComment(jpeg: Buffer, text: string): Buffer {
  const comment = Buffer.from(text, 'latin1');
  const head = Buffer.from([0xff, 0xfe, 0, 0]);
  head.writeUInt16BE(comment.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, startOfImage), head, comment, jpeg.subarray(startOfImage)]);
}

export interface FormBody { readonly type: string; readonly body: Buffer }

const boundary = 'bench-0123456789abcdef';

/** As a browser sends it. */
export function formOf(photo: Buffer): FormBody {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([Buffer.from(head, 'latin1'), photo, Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')]),
  };
}
