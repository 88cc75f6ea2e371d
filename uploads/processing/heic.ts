/**
 * The pixels of a HEIC picture, turned as its container says. What EXIF says of the orientation does not count then. Runs in the child.
 *
 * 1. They stay in the memory of the decoder, as RGB: a photo of 48 megapixels takes 391 MB so, and 633 MB when it is copied out as RGBA.
 * 2. Phones photograph in Display P3, and pixels by themselves have no profile: strip by strip they pass through a PNG that has it.
 */
import libheif from 'libheif-js/wasm-bundle.js';
import sharp, { type Sharp } from 'sharp';
import { withProfile } from './png-profile.ts';

const stripRows = 256;

export async function readHeic(bytes: Buffer, pixelsMax: number): Promise<Sharp> {
  const { icc } = await sharp(bytes, { limitInputPixels: pixelsMax }).metadata();
  const images = new libheif.HeifDecoder().decode(bytes);
  const image = images.find((each) => each.is_primary()) ?? images[0];
  if (image === undefined) throw new Error('There is no picture in it.');
  if (image.get_width() * image.get_height() > pixelsMax) throw new Error('Input image exceeds pixel limit');
  const { heif_colorspace: { heif_colorspace_RGB: rgb }, heif_chroma: { heif_chroma_interleaved_RGB: interleaved } } = libheif;
  const channel = (await libheif.heif_js_decode_image2(image.handle, rgb, interleaved)).channels?.[0];
  if (channel === undefined) throw new Error('It cannot be decoded.');
  const { width, height, stride, data } = channel;
  if (stride !== 3 * width) closeRows(data, height, stride, 3 * width);
  if (icc !== undefined) await convert(data, width, height, icc);
  return sharp(data.subarray(0, 3 * width * height), { raw: { width, height, channels: 3 }, limitInputPixels: pixelsMax });
}

/** In place: room between rows is taken out. */
function closeRows(data: Uint8Array, height: number, stride: number, row: number): void {
  for (let y = 1; y < height; y += 1) data.copyWithin(y * row, y * stride, y * stride + row);
}

/** In place: from the colours of a profile to sRGB. */
async function convert(data: Uint8Array, width: number, height: number, profile: Buffer): Promise<void> {
  const row = 3 * width;
  for (let y = 0; y < height; y += stripRows) {
    const rows = Math.min(stripRows, height - y);
    const strip = Buffer.from(data.subarray(y * row, (y + rows) * row));
    const plain = await sharp(strip, { raw: { width, height: rows, channels: 3 } }).png({ compressionLevel: 0 }).toBuffer();
    data.set(await sharp(withProfile(plain, profile)).toColourspace('srgb').removeAlpha().raw().toBuffer(), y * row);
  }
}
