/** Layers 1 and 2 by what the sender says, before a byte of the file is read. */
import { familiesOf, UploadRefused, type FileFamily, type UploadKind, type UploadLimits } from '../../domain/upload.ts';
import { allowedFor, familyFacts, familyOfExtension, familyOfType } from './families.ts';
import { cleanFileName, extensionOf, nameFor } from './file-name.ts';
import { bytesText } from './size.ts';

export interface DeclaredFile {
  readonly kind: UploadKind;
  /** As it was sent; may be empty. */
  readonly name: string;
  /** The Content-Type of the file, with parameters; empty or null: it declares nothing. */
  readonly type: string | null;
  /** Bytes. */
  readonly length: number;
}

export interface JudgedDeclaration {
  /** null: neither name nor type says; the content decides. */
  readonly family: FileFamily | null;
  /** Fit to be shown. */
  readonly name: string;
}

export type FileLimits = Pick<UploadLimits, 'fileBytes' | 'voiceBytes' | 'pixels'>;

/** Browsers send it for what their system does not know: HEIC on most desktops. */
const saysNothing = new Set(['', 'application/octet-stream', 'binary/octet-stream']);
const shownMax = 80;

/** Throws UploadRefused. */
export function judgeDeclared({ kind, name: given, type: givenType, length }: DeclaredFile, limits: FileLimits): JudgedDeclaration {
  const name = cleanFileName(given);
  const family = familyDeclared(kind, extensionOf(name), mediaTypeOf(givenType ?? ''));
  checkLength(kind, length, limits);
  return { family, name: name === '' ? nameFor(kind, family) : name };
}

/** By layer 2, of a declared or a counted length. Throws UploadRefused. */
export function checkLength(kind: UploadKind, length: number, limits: FileLimits): void {
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new UploadRefused('file_size_limit', 'The file is empty.', 'Send a file of at least 1 byte.');
  }
  const max = kind === 'voice' ? limits.voiceBytes : limits.fileBytes;
  if (length <= max) return;
  const what = kind === 'voice' ? 'A voice recording' : `A ${kind}`;
  throw new UploadRefused(
    'file_size_limit', `The file has ${bytesText(length)}.`, `${what} may have at most ${bytesText(max)}: send a smaller one.`,
  );
}

function familyDeclared(kind: UploadKind, extension: string, type: string): FileFamily | null {
  const byName = extension === '' ? null : familyOfExtension(extension);
  if (extension !== '' && byName === null) refuse(kind, `Files that end in ".${shown(extension)}" are not taken.`);
  const byType = saysNothing.has(type) ? null : familyOfType(type);
  if (!saysNothing.has(type) && byType === null) refuse(kind, `Files of type ${shown(type)} are not taken.`);
  if (byName !== null && byType !== null && byName !== byType) {
    const reason = `The name says ${familyFacts[byName].name} and the type ${shown(type)} says ${familyFacts[byType].name}.`;
    refuse(kind, reason, 'Name the file by what it is, and send it under its own type.');
  }
  const family = byName ?? byType;
  if (family !== null && !familiesOf[kind].includes(family)) refuse(kind, `${familyFacts[family].name} is not taken as a ${kind}.`);
  return family;
}

function refuse(kind: UploadKind, reason: string, fix = ''): never {
  throw new UploadRefused('file_type_invalid', reason, `${fix} ${allowedFor(kind)}`.trim());
}

/** `audio/webm;codecs=opus` is `audio/webm`. */
function mediaTypeOf(given: string): string {
  return (given.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, shownMax);
}
