/** Names of files, as people see them: kept for display and download, never used as a path. */
import type { FileFamily, UploadKind } from '../../domain/upload.ts';
import { familyFacts, familyOfExtension, familyOfType } from './families.ts';

/** What file systems take. */
const nameBytesMax = 255;
/** A longer ending is no extension. */
const extensionMax = 10;
/** Nobody sees these, and some turn the reading direction, so that `photo<U+202E>gpj.exe` looks like a picture. */
const unseen = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF\uFFFD]/gu;

/** In one form (NFC), without a path and what is not seen, at most 255 bytes of UTF-8. Empty when nothing is left. */
export function cleanFileName(given: string): string {
  const last = given.toWellFormed().normalize('NFC').replace(unseen, '').split(/[/\\]/).at(-1) ?? '';
  return shortened(last.replace(/^[\s.]+|[\s.]+$/gu, ''));
}

/** Without its dot; empty when there is none. */
export function extensionOf(name: string): string {
  const at = name.lastIndexOf('.');
  return at < 0 || name.length - at - 1 > extensionMax ? '' : name.slice(at + 1);
}

/** For a file that came without a name. */
export function nameFor(kind: UploadKind, family: FileFamily | null): string {
  const name = kind === 'voice' ? 'recording' : kind;
  return family === null ? name : `${name}.${familyFacts[family].extensions[0]}`;
}

/** The name under which content of this media type is handed out: what was sent as HEIC is a JPEG afterwards. */
export function downloadName(name: string, type: string): string {
  const family = familyOfType(type);
  const extension = extensionOf(name);
  if (family === null || familyOfExtension(extension) === family) return name;
  const stem = familyOfExtension(extension) === null ? name : name.slice(0, -extension.length - 1);
  return shortened(`${stem}.${familyFacts[family].extensions[0]}`);
}

/** Cut in the middle, so that the extension stays, and never within a character. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= nameBytesMax) return name;
  const extension = extensionOf(name);
  const end = extension === '' ? '' : `.${extension}`;
  let room = nameBytesMax - Buffer.byteLength(end);
  let stem = '';
  for (const { segment } of new Intl.Segmenter().segment(name.slice(0, name.length - end.length))) {
    room -= Buffer.byteLength(segment);
    if (room < 0) break;
    stem += segment;
  }
  return `${stem}${end}`;
}
