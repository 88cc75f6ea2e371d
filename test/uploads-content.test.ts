/** File type validation: layers 1 and 2 by the bytes. */
import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import sharp from 'sharp';
import { familiesOf, fileFamilies, uploadKinds, UploadRefused } from '../domain/upload.ts';
import { familyFacts } from '../uploads/content/families.ts';
import { judgeContent } from '../uploads/content/judge.ts';
import { docx, pdf } from './support/files/documents.ts';
import { good, judged, limits, refused } from './support/files/judging.ts';
import {
  heic, jpeg, jpegSaying, photographed, png, pngBomb, withJpegComment, withPngChunk,
} from './support/files/pictures.ts';
import { m4a, mp3, ogg, webm } from './support/files/sounds.ts';
import { brokenBytes, storedBytes } from './support/files/stored.ts';

function number(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, bytes - 6, 6);
  return buffer;
}

describe('File type validation: by the bytes', () => {
  test.each(fileFamilies)('a good %s is taken, declared or not, and served under the type of its content', async (family) => {
    const content = await good[family]();
    for (const kind of uploadKinds.filter((each) => familiesOf[each].includes(family))) {
      for (const said of [family, null]) {
        expect(await judged(content, kind, said)).toMatchObject({ family, type: familyFacts[family].type, marks: [] });
      }
    }
  });

  test.each(['jpeg', 'png', 'webp', 'heic'] as const)('the dimensions of a %s are those of its header', async (family) => {
    expect(await judged(await good[family](), 'photo')).toMatchObject({ width: 120, height: 80 });
  });

  test('each family declared as any other, or sent as a kind that does not take it, is refused', async () => {
    for (const family of fileFamilies) {
      const content = await good[family]();
      for (const kind of uploadKinds) {
        for (const said of familiesOf[kind].filter((other) => other !== family || !familiesOf[kind].includes(family))) {
          expect(await refused(content, kind, said)).toMatchObject({ layer: 'file_type_invalid' });
        }
      }
    }
  });

  test('the fix names what the file really is', async () => {
    expect((await refused(await heic('upright'), 'photo', 'jpeg')).fix).toMatch(/HEIC.*\.heic.*image\/heic/);
    expect((await refused(await jpeg(), 'photo', 'heic')).fix).toMatch(/JPEG.*\.jpg.*image\/jpeg/);
  });

  test.each([
    ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ['an SVG behind an XML declaration', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['HTML', '<!doctype html><script>alert(1)</script>'], ['text', 'Fire exits are kept clear.'],
    ['a GIF that is a script', 'GIF89a=1;alert(1)//'], ['a program', 'MZ\x90\0\x03\0\0\0'], ['a shell script', '#!/bin/sh\nrm -rf /\n'],
    ['two bytes of an MP3 before HTML', '\xff\xfb<html><script>alert(1)</script></html>'],
    ['a PDF behind something else', `GET / HTTP/1.1\n${pdf().toString('latin1')}`], ['zeros', '\0'.repeat(1_000)],
    ['a gzip', '\x1f\x8b\x08\0\0\0\0\0\0\0'], ['an old Word file', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0'],
  ])('%s is refused under every kind and family', async (_, text) => {
    const content = Buffer.from(text, 'latin1');
    for (const kind of uploadKinds) {
      for (const said of [null, ...familiesOf[kind]]) {
        expect(await refused(content, kind, said)).toMatchObject({ layer: 'file_type_invalid' });
      }
    }
  });

  test('AVIF and HEIF sequences are refused, by their main brand or by another', async () => {
    const still = await heic('upright');
    const avif = await sharp(await jpeg()).avif().toBuffer();
    const disguised = Buffer.from(avif);
    disguised.write('mif1', 8, 'latin1');
    const sequence = (brand: string) => {
      const bytes = Buffer.from(still);
      bytes.write(brand, 8, 'latin1');
      return bytes;
    };
    const both = Buffer.from(still);
    both.write('avif', 24, 'latin1');
    const withMovie = Buffer.concat([still, Buffer.from('\0\0\0\x08moov', 'latin1')]);
    for (const content of [avif, disguised, sequence('hevc'), sequence('msf1'), sequence('avif'), sequence('avis'), both, withMovie]) {
      expect(await refused(content, 'photo', 'heic')).toMatchObject({ layer: 'file_type_invalid' });
    }
    expect(await judged(sequence('mif1'), 'photo', 'heic')).toMatchObject({ family: 'heic' });
  });

  test('a recording with a video track is refused, in WebM, MP4 and OGG', async () => {
    for (const [content, family] of [
      [webm({ types: [1] }), 'webm'], [webm({ types: [2, 1] }), 'webm'], [webm({ types: [2, 1], streamed: false }), 'webm'],
      [m4a({ handlers: ['soun', 'vide'] }), 'm4a'], [m4a({ brand: 'isom', handlers: ['vide'] }), 'm4a'],
      [ogg('OpusHead', '\x80theora'), 'ogg'], [ogg('\x80theora'), 'ogg'],
    ] as const) {
      expect(await refused(content, 'voice', family)).toMatchObject({ layer: 'file_type_invalid' });
    }
    expect(await refused(webm({ docType: 'matroska' }), 'voice', 'webm')).toMatchObject({ layer: 'file_type_invalid' });
  });

  test('recordings as browsers make them are taken', async () => {
    expect(await judged(webm({ streamed: true }), 'voice', 'webm')).toMatchObject({ type: 'audio/webm' });
    expect(await judged(webm({ streamed: false }), 'voice', 'webm')).toMatchObject({ type: 'audio/webm' });
    expect(await judged(m4a({ brand: 'isom' }), 'voice', 'm4a')).toMatchObject({ type: 'audio/mp4' });
    expect(await judged(m4a({ brand: 'iso5' }), 'voice', 'm4a')).toMatchObject({ type: 'audio/mp4' });
    expect(await judged(ogg('\x01vorbis'), 'voice', 'ogg')).toMatchObject({ type: 'audio/ogg' });
    expect(await judged(mp3({ tag: false }), 'voice', 'mpeg')).toMatchObject({ type: 'audio/mpeg' });
  });

  test('recordings and pictures of a million parts are refused as too intricate', async () => {
    const recording = webm({ streamed: false });
    const head = recording.subarray(0, recording.indexOf(Buffer.from('1654ae6b', 'hex')));
    const entries = Array.from({ length: 250 }, () => Buffer.concat([Buffer.from('ae01', 'hex'), number(16_000, 7), Buffer.from(
      'ec80'.repeat(8_000), 'hex')]));
    const tracks = Buffer.concat(entries);
    const many = Buffer.concat([head.subarray(0, -20), Buffer.alloc(20, head.subarray(-20)), Buffer.from('1654ae6b01', 'hex'), number(
      tracks.length, 7), tracks]);
    many.fill(0xff, many.indexOf(Buffer.from('18538067', 'hex')) + 5, many.indexOf(Buffer.from('18538067', 'hex')) + 12);
    expect((await refused(many, 'voice', 'webm')).message).toContain('intricate');
    const drawing = await png();
    const chunks = Buffer.alloc(5_000_000, Buffer.from('0000000074455874deadbeef', 'hex'));
    expect((await refused(Buffer.concat([drawing.subarray(0, 33), chunks]), 'photo', 'png')).layer).toBe('file_type_invalid');
  });

  test('an empty file is refused by its size', async () => {
    for (const kind of uploadKinds) expect(await refused(Buffer.alloc(0), kind)).toMatchObject({ layer: 'file_size_limit' });
  });

  test.each(['jpeg', 'png', 'webp', 'heic', 'pdf', 'docx', 'wav', 'm4a'] as const)('a %s that was cut anywhere is refused', async (
    family) => {
    const content = await good[family]();
    const kind = uploadKinds.find((each) => familiesOf[each].includes(family)) ?? 'photo';
    const places = [1, 2, 4, 8, 11, 12, 20, 24, ...Array.from({ length: 40 }, (_, index) => Math.floor((content.length * index) / 40))];
    // the last two bytes of a PDF are the end of its line, and those of an MP4 may be room to spare
    const last = family === 'pdf' ? content.length - 3 : content.length - 1;
    for (const place of [...places, last].filter((each) => each > 0)) {
      expect([place, (await refused(content.subarray(0, place), kind, family)).layer]).toEqual([place, 'file_type_invalid']);
    }
  });

  test.each(['mpeg', 'webm', 'ogg'] as const)('the head of a %s alone is refused', async (family) => {
    const content = await good[family]();
    for (const place of [4, 8, 20, 40]) {
      expect([place, (await refused(content.subarray(0, place), 'voice', family)).layer]).toEqual([place, 'file_type_invalid']);
    }
  });

  test('pictures above 50 megapixels are refused by their header', async () => {
    const bomb = pngBomb();
    expect(bomb.length).toBeLessThan(200_000);
    expect(await refused(bomb, 'photo', 'png')).toMatchObject({ layer: 'file_size_limit' });
    expect(await refused(jpegSaying(await jpeg(), { width: 64_250, height: 64_250 }), 'photo', 'jpeg')).toMatchObject(
      { layer: 'file_size_limit' });
    expect(await refused(await heic('too-large'), 'photo', 'heic')).toMatchObject({ layer: 'file_size_limit' });
    expect(await judged(await heic('large'), 'photo', 'heic')).toMatchObject({ width: 8_064, height: 6_048 });
    expect((await refused(bomb, 'photo', 'png')).fix).toContain('50 megapixels');
  });

  test('pictures without a width or a height are refused', async () => {
    expect(await refused(jpegSaying(await jpeg(), { width: 100, height: 0 }), 'photo', 'jpeg')).toMatchObject(
      { layer: 'file_type_invalid' });
    const flat = Buffer.from(await png());
    flat.writeUInt32BE(0, 16);
    expect(await refused(flat, 'photo', 'png')).toMatchObject({ layer: 'file_type_invalid' });
  });

  test('pictures that carry something else are taken: their tails and comments go when they are encoded anew', async () => {
    const [photo, drawing] = [await jpeg(), await png()];
    const script = '<script>alert(1)</script>';
    for (const content of [
      Buffer.concat([photo, docx()]), withJpegComment(photo, script), Buffer.concat([photo, Buffer.alloc(100_000)]), await photographed(6),
    ]) expect(await judged(content, 'photo', 'jpeg')).toMatchObject({ family: 'jpeg' });
    for (const content of [withPngChunk(drawing, 'tEXt', `Comment\0${script}`), Buffer.concat([drawing, docx()])]) {
      expect(await judged(content, 'photo', 'png')).toMatchObject({ family: 'png' });
    }
  });

  test('a large file is looked into by ranges, and most of it is not read', async () => {
    const noise = randomBytes(1_600 * 1_200 * 3);
    const photo = await sharp(noise, { raw: { width: 1_600, height: 1_200, channels: 3 } }).jpeg({ quality: 98 }).toBuffer();
    const file = storedBytes(photo);
    expect(photo.length).toBeGreaterThan(2_000_000);
    expect(await judgeContent(file, { kind: 'photo', family: 'jpeg' }, limits)).toMatchObject({ width: 1_600, height: 1_200 });
    expect(file.bytesRead()).toBeLessThan(262_144);
    expect(file.longestRead()).toBeLessThanOrEqual(65_536);
  });
});

describe('Whatever comes in', () => {
  const heads = ['', '\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'RIFF\0\0\0\0WEBP', 'RIFF\0\0\0\0WAVE', '%PDF-', 'PK\x03\x04', 'ID3', 'OggS',
    '\x1aE\xdf\xa3', '\0\0\0\x18ftypheic', '\0\0\0\x18ftypM4A ', '\xff\xfb\x90'].map((head) => Buffer.from(head, 'latin1'));

  async function answersPlainly(content: Uint8Array): Promise<void> {
    for (const kind of uploadKinds) {
      const outcome = await judged(content, kind).catch((error: unknown) => error);
      if (outcome instanceof Error && !(outcome instanceof UploadRefused)) throw outcome;
    }
  }

  test('property: any bytes behind any signature are taken or refused, and nothing else happens', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 400 }), async (head, bytes) => {
      await answersPlainly(Buffer.concat([head, bytes]));
    }), { numRuns: 500 });
  });

  test('property: good files with any bytes changed are taken or refused, and nothing else happens', async () => {
    const files = await Promise.all(fileFamilies.map(async (family) => Buffer.from(await good[family]())));
    const change = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), byte: fc.nat(255) });
    await fc.assert(fc.asyncProperty(fc.constantFrom(...files), fc.array(change, { minLength: 1, maxLength: 8 }), async (file, changes) => {
      const changed = Buffer.from(file);
      for (const { at, byte } of changes) changed[Math.floor(at * changed.length)] = byte;
      await answersPlainly(changed);
    }), { numRuns: 500 });
  });

  test('a store that breaks off is no fault of the file', async () => {
    const away = new Error('The store is away.');
    away.name = 'StoreUnavailableError';
    for (const kind of uploadKinds) {
      await expect(judgeContent(brokenBytes(1_000, away), { kind, family: null }, limits)).rejects.toBe(away);
    }
  });
});
