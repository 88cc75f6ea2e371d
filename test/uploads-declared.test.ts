/** File type validation: layers 1 and 2 by what is declared, and the names of files. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { familiesOf, uploadKinds, UploadRefused, type UploadKind } from '../domain/upload.ts';
import { judgeDeclared } from '../uploads/content/declared.ts';
import { familyFacts } from '../uploads/content/families.ts';
import { cleanFileName, downloadName } from '../uploads/content/file-name.ts';
import { limits } from './support/files/judging.ts';

const docxType = familyFacts.docx.type;

function declared(kind: UploadKind, name: string, type: string | null, length = 1_000) {
  return judgeDeclared({ kind, name, type, length }, limits);
}

function refusal(work: () => unknown): UploadRefused {
  try {
    work();
  } catch (error) {
    if (error instanceof UploadRefused) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('File type validation: by what is declared', () => {
  test.each([
    ['photo', 'IMG.jpg', 'image/jpeg', 'jpeg'], ['photo', 'IMG.JPEG', 'image/jpg', 'jpeg'], ['photo', 'a.png', 'image/png', 'png'],
    ['photo', 'a.webp', 'image/webp', 'webp'], ['photo', 'IMG.HEIC', 'image/heic', 'heic'], ['photo', 'IMG.heic', 'image/heif', 'heic'],
    ['document', 'plan.pdf', 'application/pdf', 'pdf'], ['document', 'plan.docx', docxType, 'docx'],
    ['document', 'scan.jpg', 'image/jpeg', 'jpeg'], ['document', 'scan.png', 'image/png', 'png'],
    ['voice', 'note.mp3', 'audio/mpeg', 'mpeg'], ['voice', 'note.wav', 'audio/x-wav', 'wav'], ['voice', 'note.m4a', 'audio/x-m4a', 'm4a'],
    ['voice', 'note.webm', 'audio/webm;codecs=opus', 'webm'], ['voice', 'note.webm', 'video/webm; codecs="vp8, opus"', 'webm'],
    ['voice', 'note.ogg', 'Audio/OGG; codecs=opus', 'ogg'], ['voice', 'recording.mp4', 'audio/mp4', 'm4a'],
  ] as const)('a %s named %s of type %s is %s', (kind, name, type, family) => {
    expect(declared(kind, name, type)).toEqual({ family, name });
  });

  test.each([
    ['IMG.heic', 'application/octet-stream', 'heic'], ['IMG.heic', '', 'heic'], ['IMG.heic', null, 'heic'], ['blob', 'image/png', 'png'],
    ['', 'image/png', 'png'], ['blob', '', null], ['blob', 'application/octet-stream', null],
  ] as const)('what says nothing declares nothing: %j of type %j is %s', (name, type, family) => {
    expect(declared('photo', name, type).family).toBe(family);
  });

  test.each([
    ['photo', 'a.svg', 'image/svg+xml'], ['document', 'a.svg', 'image/svg+xml'], ['voice', 'a.svg', ''], [
      'photo', 'a.jpg', 'image/svg+xml'],
    ['photo', 'a.svg', 'image/jpeg'], ['photo', 'a.html', 'text/html'], ['photo', 'a.avif', 'image/avif'], ['photo', 'a.gif', 'image/gif'],
    ['photo', 'a.jpg.exe', 'image/jpeg'], ['document', 'a.docm', docxType], ['document', 'a.zip', 'application/zip'],
    ['photo', 'photo\u202Egpj.exe', 'image/jpeg'], ['photo', 'a.heic', 'image/heic-sequence'], ['photo', 'a.pdf', 'application/pdf'],
    ['photo', 'a.jpg', 'image/png'], ['document', 'a.webp', 'image/webp'], ['voice', 'a.jpg', 'image/jpeg'],
    ['photo', 'a.webm', 'video/webm'], ['voice', 'a.mov', 'video/quicktime'],
  ] as const)('a %s named %s of type %s is refused as no type that is taken', (kind, name, type) => {
    expect(refusal(() => declared(kind, name, type))).toMatchObject({ layer: 'file_type_invalid', retryAfterMs: null });
  });

  test.each(uploadKinds)('a refusal of a %s lists all that would be taken', (kind) => {
    const { fix } = refusal(() => declared(kind, 'a.exe', ''));
    for (const family of familiesOf[kind]) expect(fix).toContain(familyFacts[family].name);
  });

  test.each([
    ['photo', 0, false], ['photo', 1, true], ['photo', limits.fileBytes, true], ['photo', limits.fileBytes + 1, false],
    ['voice', limits.voiceBytes, true], ['voice', limits.voiceBytes + 1, false], ['document', limits.fileBytes, true],
    ['photo', -1, false], ['photo', Number.NaN, false], ['photo', 1.5, false], ['photo', Infinity, false],
  ] as const)('a %s of %p bytes is taken: %p', (kind, length, taken) => {
    const work = () => declared(kind, '', '', length);
    if (taken) expect(work()).toBeDefined();
    else expect(refusal(work)).toMatchObject({ layer: 'file_size_limit' });
  });

  test('the type is judged before the size', () => {
    expect(refusal(() => declared('photo', 'a.exe', '', 0)).layer).toBe('file_type_invalid');
  });
});

describe('Names of files', () => {
  test.each([
    ['../../etc/passwd.png', 'passwd.png'], ['C:\\Users\\me\\plan.pdf', 'plan.pdf'], ['a\u0000b\n.png', 'ab.png'],
    ['\u202Egnp.exe.png', 'gnp.exe.png'], ['  .hidden.png ', 'hidden.png'], ['..', ''], ['a.png.', 'a.png'], [
      'Caf\u0065\u0301.png', 'Café.png'],
    ['क्‍ष.png', 'क्‍ष.png'], ['\ud800a.png', 'a.png'],
  ])('%j is shown as %j', (given, shown) => {
    expect(cleanFileName(given)).toBe(shown);
  });

  test('a file without a name gets one by its kind', () => {
    expect(declared('photo', '', 'image/jpeg').name).toBe('photo.jpg');
    expect(declared('voice', '\u202E', 'audio/webm;codecs=opus').name).toBe('recording.webm');
    expect(declared('document', '/', null).name).toBe('document');
  });

  test('property: whatever is sent, the name has at most 255 bytes, no path, nothing unseen, and stays as it is when cleaned again', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.string({ unit: 'grapheme', maxLength: 600 })), (
      given) => {
      const name = cleanFileName(given);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      expect(name).not.toMatch(/[/\\\p{Cc}\u202A-\u202E\u2066-\u2069]/u);
      expect(name.isWellFormed()).toBe(true);
      expect(cleanFileName(name)).toBe(name);
    }));
  });

  test('a long name keeps its extension, and no letter is cut', () => {
    const name = cleanFileName(`${'ü'.repeat(300)}.jpeg`);
    expect(name).toBe(`${'ü'.repeat(125)}.jpeg`);
  });

  test('what is handed out is named by what it became', () => {
    expect(downloadName('IMG_1.HEIC', 'image/jpeg')).toBe('IMG_1.jpg');
    expect(downloadName('IMG_1.JPEG', 'image/jpeg')).toBe('IMG_1.JPEG');
    expect(downloadName('notes', 'application/pdf')).toBe('notes.pdf');
  });
});
