/**
 * A picture as it may be handed on: upright, in sRGB, without a word of what else was in the file, and in a form that every browser
 * opens. Runs in the child.
 */
import sharp, { type Sharp } from 'sharp';
import type { FileFamily } from '../../domain/upload.ts';
import { readHeic } from './heic.ts';

export interface ProcessedPicture {
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly clean: Buffer;
  readonly thumbnail: Buffer;
}

type Form = 'jpeg' | 'webp' | 'png';

/** Both sides. */
const thumbnailPixels = 320;
/** A drawing shows what JPEG does to edges and colours sooner than a photo does. */
const drawing = { quality: 92, chromaSubsampling: '4:4:4' } as const;
/** The best order of codes costs 3 % of the size less and, at 48 megapixels, 280 MB of memory. */
const sequential = { optimizeCoding: false } as const;
/** Beyond, the encoder of WebP takes more memory than a file may (13 bytes a pixel), or does not take so long a side. */
const webpMax = { pixels: 25_000_000, side: 16_383 } as const;

/** Throws what decoders throw: nobody can open it, or it has too many pixels. */
export async function processPicture(bytes: Buffer, family: FileFamily, pixelsMax: number): Promise<ProcessedPicture> {
  sharp.cache(false);
  sharp.concurrency(1);
  const limits = { limitInputPixels: pixelsMax };
  const picture = family === 'heic' ? await readHeic(bytes, pixelsMax) : sharp(bytes, limits).autoOrient();
  const form = family === 'heic' || await isOpaque(sharp(bytes, limits)) ? 'jpeg' : formOfTransparent(await picture.metadata());
  const { data: clean, info: { width, height } } = await encoded(picture, form, family === 'png' ? drawing : { quality: 85 })
    .toBuffer({ resolveWithObject: true });
  const small = sharp(clean, limits).resize(thumbnailPixels, thumbnailPixels, { fit: 'inside', withoutEnlargement: true });
  return { type: `image/${form}`, width, height, clean, thumbnail: await encoded(small, form, { quality: 80 }).toBuffer() };
}

/** sharp writes no metadata unless told to, and converts by the profile that it leaves out. */
function encoded(picture: Sharp, form: Form, quality: { readonly quality: number; readonly chromaSubsampling?: string }): Sharp {
  const plain = picture.toColourspace('srgb');
  switch (form) {
    case 'jpeg': return plain.removeAlpha().jpeg({ ...quality, ...sequential });
    case 'webp': return plain.webp({ quality: quality.quality, effort: 2 });
    case 'png': return plain.png();
  }
}

function formOfTransparent({ width, height }: { readonly width: number; readonly height: number }): Form {
  return width * height > webpMax.pixels || Math.max(width, height) > webpMax.side ? 'png' : 'webp';
}

async function isOpaque(picture: Sharp): Promise<boolean> {
  const { hasAlpha, channels } = await picture.metadata();
  if (!hasAlpha) return true;
  const alpha = await picture.extractChannel(channels === 2 ? 1 : 3).toColourspace('b-w').raw().toBuffer();
  return alpha.every((value) => value === 255);
}
