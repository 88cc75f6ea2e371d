/**
 * Layers 1 and 2 by the bytes: what a file is, whether it is whole, and what it would become when it is opened. Read by ranges, so that
 * no file is ever in memory as a whole.
 */
import { familiesOf, UploadRefused, type FileFamily, type UploadKind } from '../../domain/upload.ts';
import type { StoredBytes } from '../../stores/files/port.ts';
import { checkLength, type FileLimits } from './declared.ts';
import { readDocx } from './documents/docx.ts';
import { readPdf } from './documents/pdf.ts';
import { allowedFor, familyFacts } from './families.ts';
import { BrokenFileError, FileWindow } from './file-window.ts';
import type { FileMark } from './marks.ts';
import type { Dimensions } from './pictures/dimensions.ts';
import { readHeic } from './pictures/heic.ts';
import { readJpeg } from './pictures/jpeg.ts';
import { readPng } from './pictures/png.ts';
import { readWebp } from './pictures/webp.ts';
import { signatureOf } from './signature.ts';
import { checkM4a } from './sound/m4a.ts';
import { checkMpeg } from './sound/mpeg.ts';
import { checkOgg } from './sound/ogg.ts';
import { checkWav } from './sound/wav.ts';
import { checkWebm } from './sound/webm.ts';

export interface JudgedContent {
  readonly family: FileFamily;
  /** The media type to serve it under. */
  readonly type: string;
  /** Of pictures, before they are turned upright. */
  readonly width?: number;
  readonly height?: number;
  readonly marks: readonly FileMark[];
}

interface Looked { readonly dimensions?: Dimensions; readonly marks?: readonly FileMark[] }

/** Throws UploadRefused; what the store throws goes through. */
export async function judgeContent(
  file: StoredBytes, declared: { readonly kind: UploadKind; readonly family: FileFamily | null }, limits: FileLimits,
): Promise<JudgedContent> {
  checkLength(declared.kind, file.size, limits);
  const window = new FileWindow(file);
  const family = await familyOf(window, declared);
  const { dimensions, marks = [] } = await whole(family, look(family, window, file));
  if (dimensions !== undefined) checkPixels(family, dimensions, limits.pixels);
  return { family, type: familyFacts[family].type, ...dimensions, marks };
}

async function familyOf(
  window: FileWindow, { kind, family: declared }: { readonly kind: UploadKind; readonly family: FileFamily | null },
): Promise<FileFamily> {
  const { family, what } = await signatureOf(window);
  if (family === null || !familiesOf[kind].includes(family)) refuse(`The content is ${what}.`, allowedFor(kind));
  if (declared !== null && declared !== family) {
    const { extensions: [extension], type, name } = familyFacts[family];
    const reason = `The content is ${what}, and name or type say ${familyFacts[declared].name}.`;
    refuse(reason, `It is ${name}: name it .${extension} and send it as ${type}. ${allowedFor(kind)}`);
  }
  return family;
}

/** Why a broken one is refused is in the words of whoever read it. */
async function whole<T>(family: FileFamily, looking: Promise<T>): Promise<T> {
  try {
    return await looking;
  } catch (error) {
    if (!(error instanceof BrokenFileError)) throw error;
    return refuse(`This is no whole ${familyFacts[family].name} file. ${error.message}`, 'Save or record it anew, and send that.');
  }
}

async function look(family: FileFamily, window: FileWindow, file: StoredBytes): Promise<Looked> {
  switch (family) {
    case 'jpeg': return { dimensions: await readJpeg(window) };
    case 'png': return { dimensions: await readPng(window) };
    case 'webp': return { dimensions: await readWebp(window) };
    case 'heic': return { dimensions: await readHeic(window) };
    case 'pdf': return { marks: await readPdf(window) };
    case 'docx': return { marks: await readDocx(window, file) };
    case 'mpeg': return nothing(checkMpeg(window));
    case 'wav': return nothing(checkWav(window));
    case 'webm': return nothing(checkWebm(window));
    case 'ogg': return nothing(checkOgg(window));
    case 'm4a': return nothing(checkM4a(window));
  }
}

async function nothing(checking: Promise<void>): Promise<Looked> {
  await checking;
  return {};
}

function checkPixels(family: FileFamily, { width, height }: Dimensions, max: number): void {
  if (width === 0 || height === 0) refuse(`This is no whole ${familyFacts[family].name} file: it has no width or height.`, 'Send another.');
  if (width * height <= max) return;
  const megapixels = `${max / 1_000_000} megapixels`;
  throw new UploadRefused(
    'file_size_limit', `The picture says it has ${width} by ${height} pixels.`, `It may have at most ${megapixels}: send a smaller one.`,
  );
}

function refuse(reason: string, fix: string): never {
  throw new UploadRefused('file_type_invalid', reason, fix);
}
