/** What the judge says of a file, and how it refuses. */
import { UploadRefused, type FileFamily, type UploadKind } from '../../../domain/upload.ts';
import type { FileLimits } from '../../../uploads/content/declared.ts';
import { judgeContent, type JudgedContent } from '../../../uploads/content/judge.ts';
import { docx, pdf } from './documents.ts';
import { heic, jpeg, png, webp } from './pictures.ts';
import { m4a, mp3, ogg, wav, webm } from './sounds.ts';
import { storedBytes } from './stored.ts';

export const limits: FileLimits = { fileBytes: 10 * 1_024 * 1_024, voiceBytes: 5 * 1_024 * 1_024, pixels: 50_000_000 };

export async function judged(content: Uint8Array, kind: UploadKind, family: FileFamily | null = null): Promise<JudgedContent> {
  return judgeContent(storedBytes(content), { kind, family }, limits);
}

export async function refused(content: Uint8Array, kind: UploadKind, family: FileFamily | null = null): Promise<UploadRefused> {
  const outcome = await judged(content, kind, family).catch((error: unknown) => error);
  if (!(outcome instanceof UploadRefused)) throw new Error(`It was not refused: ${String(outcome)} ${JSON.stringify(outcome)}`);
  return outcome;
}

/** A good file of each family. */
export const good: Readonly<Record<FileFamily, () => Promise<Buffer> | Buffer>> = {
  jpeg, png, webp, heic: () => heic('upright'), pdf: () => pdf(), docx: () => docx(), mpeg: () => mp3(), wav: () => wav(),
  webm: () => webm(), ogg: () => ogg(), m4a: () => m4a(),
};
