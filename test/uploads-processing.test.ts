/** What pictures become, and that a child that opens them takes nothing with it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { FileFamily } from '../domain/upload.ts';
import { FramesBrokenError, framesIn, type OutputName, type ProcessingVerdict } from '../uploads/processing/frames.ts';
import { ProcessingFailedError } from '../uploads/processing/port.ts';
import { createProcessing, type ProcessingSettings } from '../uploads/processing/processing.ts';
import { docx, pdf } from './support/files/documents.ts';
import {
  blue, heic, jpeg, jpegSaying, marked, photographed, png, pngBomb, red, webp, withJpegComment, withPngChunk,
} from './support/files/pictures.ts';
import { mp3 } from './support/files/sounds.ts';
import { allOf, brokenBytes, storedBytes } from './support/files/stored.ts';
import { newFolder } from './support/folders.ts';

const settings: ProcessingSettings = { parallel: 2, pixels: 50_000_000, memoryBytes: 512 * 1_024 * 1_024, timeMs: 60_000 };
const kind = 'photo' as const;

let folder = '';
beforeAll(async () => { folder = await newFolder(); });
afterAll(async () => { await rm(folder, { recursive: true, force: true }); });

interface Processed { readonly verdict: ProcessingVerdict; readonly outputs: Readonly<Partial<Record<OutputName, Buffer>>> }

async function processed(content: Uint8Array, family: FileFamily): Promise<Processed> {
  const outputs: Partial<Record<OutputName, Buffer>> = {};
  const verdict = await createProcessing(settings).process(storedBytes(content), { family, kind }, async (output, _type, bytes) => {
    outputs[output] = await allOf(bytes);
  }, never());
  return { verdict, outputs };
}

async function cleaned(content: Uint8Array, family: FileFamily): Promise<{ readonly clean: Buffer; readonly thumbnail: Buffer }> {
  const { verdict, outputs: { clean, thumbnail } } = await processed(content, family);
  if (clean === undefined || thumbnail === undefined) throw new Error(`It gave no outputs: ${JSON.stringify(verdict)}`);
  return { clean, thumbnail };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

/** Colour of a pixel; where it lies is a share of both sides. */
async function colourAt(picture: Buffer, across: number, down: number): Promise<number[]> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  const at = (Math.floor(down * info.height) * info.width + Math.floor(across * info.width)) * info.channels;
  return [...data.subarray(at, at + info.channels)];
}

async function expectUpright(picture: Buffer): Promise<void> {
  const corners = [[0.1, 0.1, red], [0.9, 0.1, blue], [0.1, 0.9, blue], [0.9, 0.9, blue]] as const;
  for (const [across, down, { r, g, b }] of corners) {
    const colour = await colourAt(picture, across, down);
    const off = [r, g, b].map((value, channel) => Math.abs(value - (colour[channel] ?? 0)));
    expect(Math.max(...off)).toBeLessThan(12);
  }
}

describe('Pictures', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('a photo of orientation %i stands upright, and nobody learns where it was taken', async (
    orientation) => {
    const photo = await photographed(orientation);
    expect(photo.includes('SERIAL-0815')).toBe(true);
    expect((await sharp(photo).metadata()).orientation).toBe(orientation);
    const { verdict, outputs } = await processed(photo, 'jpeg');
    expect(verdict).toEqual({ verdict: 'clean', type: 'image/jpeg', width: 400, height: 300 });
    for (const output of [outputs.clean, outputs.thumbnail]) {
      const { exif, xmp, iptc, orientation: left } = await sharp(output).metadata();
      expect({ exif, xmp, iptc, left }).toEqual({});
      expect(output?.includes('SERIAL-0815')).toBe(false);
      await expectUpright(output ?? Buffer.alloc(0));
    }
  });

  test('HEIC is turned by its container once, and not by EXIF again', async () => {
    const photo = await heic('turned');
    expect(photo.includes('SERIAL-0815')).toBe(true);
    const { verdict, outputs: { clean = Buffer.alloc(0) } } = await processed(photo, 'heic');
    expect(verdict).toEqual({ verdict: 'clean', type: 'image/jpeg', width: 80, height: 120 });
    await expectUpright(clean);
    expect(clean.includes('SERIAL-0815')).toBe(false);
    await expectUpright((await cleaned(await heic('upright'), 'heic')).clean);
  });

  test('colours of another profile are converted to those that are left, in JPEG and in HEIC', async () => {
    const asJpeg = await sharp({ create: { width: 60, height: 40, channels: 3, background: { r: 200, g: 60, b: 60 } } })
      .withIccProfile('p3').jpeg({ quality: 100 }).toBuffer();
    const stored = await sharp(asJpeg).toColourspace('srgb').raw().toBuffer();
    for (const [content, family, wanted] of [
      [asJpeg, 'jpeg', [...stored.subarray(0, 3)]],
      // what the P3 colour (200, 60, 60) is in sRGB
      [await heic('p3'), 'heic', [216, 38, 52]],
    ] as const) {
      const { clean } = await cleaned(content, family);
      const colour = await colourAt(clean, 0.5, 0.5);
      expect(Math.max(...wanted.map((value, channel) => Math.abs(value - (colour[channel] ?? 0))))).toBeLessThan(8);
      expect((await sharp(clean).metadata()).icc).toBeUndefined();
    }
  });

  test('what was hidden in a picture or behind it is gone', async () => {
    const payload = '<script>alert("payload")</script>';
    const [photo, drawing] = [await jpeg(), await png()];
    for (const [content, family] of [
      [withJpegComment(photo, payload), 'jpeg'], [Buffer.concat([photo, docx({ name: payload.replaceAll('/', ''), content: payload,
        stored: true })]), 'jpeg'],
      [withPngChunk(drawing, 'tEXt', `Comment\0${payload}`), 'png'], [Buffer.concat([drawing, Buffer.from(payload)]), 'png'],
    ] as const) {
      expect(content.includes('payload')).toBe(true);
      const { clean, thumbnail } = await cleaned(content, family);
      for (const output of [clean, thumbnail]) {
        expect(output.includes('payload')).toBe(false);
        expect(output.includes('PK\x03\x04')).toBe(false);
      }
    }
  });

  test.each([
    ['an opaque PNG', 'png', () => png(), 'image/jpeg'], ['a PNG that is see-through', 'png', () => png({ width: 120, height: 80 },
      true), 'image/webp'],
    ['an opaque WebP', 'webp', () => webp(), 'image/jpeg'], ['a WebP that is see-through', 'webp', () => marked({ width: 90,
      height: 60 }, true).webp().toBuffer(), 'image/webp'],
    ['a PNG with a channel for nothing', 'png', () => marked({ width: 90, height: 60 }).ensureAlpha().png().toBuffer(), 'image/jpeg'],
    ['a grey PNG', 'png', () => marked({ width: 90, height: 60 }).greyscale().png().toBuffer(), 'image/jpeg'],
    ['a PNG with a palette', 'png', () => marked({ width: 90, height: 60 }, true).png({ palette: true }).toBuffer(), 'image/webp'],
    ['a PNG of 16 bits', 'png', () => marked({ width: 90, height: 60 }).toColourspace('rgb16').png().toBuffer(), 'image/jpeg'],
    ['a CMYK JPEG', 'jpeg', () => marked({ width: 90, height: 60 }).toColourspace('cmyk').jpeg().toBuffer(), 'image/jpeg'],
    ['a PNG too long for WebP', 'png', () => marked({ width: 16_500, height: 20 }, true).png().toBuffer(), 'image/png'],
  ] as const)('%s becomes what every browser opens', async (_, family, make, type) => {
    const { verdict, outputs: { clean } } = await processed(await make(), family);
    expect(verdict).toMatchObject({ verdict: 'clean', type });
    const { format, hasAlpha, space } = await sharp(clean).metadata();
    expect({ type: `image/${format}`, space }).toEqual({ type, space: 'srgb' });
    expect(hasAlpha).toBe(type !== 'image/jpeg');
  });

  test('a thumbnail has at most 320 pixels a side, and no more than the picture', async () => {
    const sizes = [[{ width: 1_200, height: 600 }, [320, 160]], [{ width: 300, height: 900 }, [107, 320]], [{ width: 40, height: 30 }, [
      40, 30]]] as const;
    for (const [size, wanted] of sizes) {
      const { width, height } = await sharp((await cleaned(await jpeg(size), 'jpeg')).thumbnail).metadata();
      expect([width, height]).toEqual(wanted);
    }
  });

  test.each([
    ['the largest HEIC that is taken', 'heic', () => heic('large'), [8_064, 6_048]],
    ['the largest photo that is taken, lying on its side', 'jpeg', () => marked({ width: 8_064, height: 6_048 }).jpeg().withMetadata(
      { orientation: 6 }).toBuffer(), [6_048, 8_064]],
    ['the largest drawing that is see-through', 'png', () => marked({ width: 8_064, height: 6_048 }, true).png().toBuffer(), [8_064,
      6_048]],
    ['a see-through drawing just small enough for WebP', 'png', () => marked({ width: 5_000, height: 5_000 }, true).png().toBuffer(), [
      5_000, 5_000]],
  ] as const)('%s stays within 512 MB and 60 s', async (_, family, make, [width, height]) => {
    expect((await processed(await make(), family)).verdict).toMatchObject({ verdict: 'clean', width, height });
  });

  test('what nobody can open is rejected, as is what has more pixels than it may', async () => {
    const photo = await jpeg({ width: 400, height: 300 });
    const cut = Buffer.concat([photo.subarray(0, Math.floor(photo.length * 0.7)), Buffer.from([0xff, 0xd9])]);
    expect(await processed(cut, 'jpeg')).toEqual({ verdict: { verdict: 'rejected', reason: 'unreadable' }, outputs: {} });
    expect(await processed(jpegSaying(photo, { width: 7_000, height: 7_000 }), 'jpeg')).toMatchObject(
      { verdict: { reason: 'unreadable' } });
    expect(await processed(pngBomb(), 'png')).toMatchObject({ verdict: { reason: 'processing_limit' } });
    const still = await heic('upright');
    expect(await processed(still.subarray(0, still.length - 200), 'heic')).toMatchObject({ verdict: { reason: 'unreadable' } });
    expect(await processed(await heic('too-large'), 'heic')).toMatchObject({ verdict: { reason: 'processing_limit' } });
  });

  test('property: a picture with any bytes changed is clean or rejected, and nothing else happens', async () => {
    const files = await Promise.all([
      ['jpeg', jpeg()], ['png', png()], ['webp', webp()], ['heic', heic('upright')],
    ].map(async ([family, content]) => ({ family: family as FileFamily, content: Buffer.from(await content as Buffer) })));
    const change = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), byte: fc.nat(255) });
    await fc.assert(fc.asyncProperty(fc.constantFrom(...files), fc.array(change, { minLength: 1, maxLength: 6 }), async (file, changes) => {
      const content = Buffer.from(file.content);
      for (const { at, byte } of changes) content[Math.floor(at * content.length)] = byte;
      expect(['clean', 'rejected']).toContain((await processed(content, file.family)).verdict.verdict);
    }), { numRuns: 20 });
  });
});

describe('Documents and recordings', () => {
  test.each([['pdf', pdf()], ['docx', docx()], ['mpeg', mp3()]] as const)('a %s is handed on as it came', async (family, content) => {
    const { verdict, outputs } = await processed(content, family);
    expect(verdict).toMatchObject({ verdict: 'clean' });
    expect(outputs).toEqual({ clean: content });
  });
});

/** A child that does something else. */
async function child(name: string, program: string): Promise<string> {
  const path = join(folder, `${name}.mjs`);
  await writeFile(path, `import fs from 'node:fs';\nconst frame = (sort, content) => {\n  const bytes = Buffer.from(content);\n`
    + '  const header = Buffer.alloc(5);\n  header[0] = sort;\n  header.writeUInt32BE(bytes.length, 1);\n'
    + `  fs.writeSync(1, Buffer.concat([header, bytes]));\n};\n${program}\n`);
  return path;
}

async function through(program: string, more: Partial<ProcessingSettings> = {}, signal = never()): Promise<Processed> {
  const outputs: Partial<Record<OutputName, Buffer>> = {};
  const processing = createProcessing({ ...settings, ...more }, program);
  const verdict = await processing.process(storedBytes(await jpeg()), { family: 'jpeg', kind }, async (output, _type, bytes) => {
    outputs[output] = await allOf(bytes);
  }, signal);
  return { verdict, outputs };
}

const overLimit = { verdict: { verdict: 'rejected', reason: 'processing_limit' }, outputs: {} };

describe('The child', () => {
  test('is ended when it takes more memory than it may, and the file is rejected', async () => {
    const program = await child('hungry', 'const held = [];\nfor (;;) held.push(Buffer.alloc(8_388_608, 1));');
    expect(await through(program, { memoryBytes: 256 * 1_024 * 1_024 })).toEqual(overLimit);
  });

  test('is ended when it takes longer than it may, and the file is rejected', async () => {
    expect(await through(await child('busy', 'for (;;);'), { timeMs: 1_500 })).toEqual(overLimit);
    expect(await through(await child('idle', 'setInterval(() => undefined, 1_000);'), { timeMs: 1_500 })).toEqual(overLimit);
  });

  test('is ended when it gives more than it may, and the file is rejected', async () => {
    const program = await child('flood', `frame(0, '{"output":"clean","type":"image/jpeg"}');
for (let count = 0; count < 1_100; count += 1) frame(1, Buffer.alloc(65_536));
frame(2, '{}');
frame(3, '{"verdict":{"verdict":"clean","type":"image/jpeg"}}');`);
    expect((await through(program)).verdict).toEqual(overLimit.verdict);
  });

  test.each([
    ['dies', 'process.abort();'], ['throws', 'throw new Error("no");'], ['leaves without a word', 'process.exit(0);'],
    ['talks nonsense', 'process.stdout.write("It is fine.");'], ['says an unknown verdict', `frame(3, '{"verdict":{"verdict":"good"}}');`],
    ['leaves in the middle of an output', `frame(0, '{"output":"clean","type":"image/jpeg"}');\nframe(1, 'abc');`],
    ['begins twice', `frame(0, '{"output":"clean","type":"a"}');\nframe(0, '{"output":"clean","type":"a"}');`],
    ['has an output of its own', `frame(0, '{"output":"other","type":"a"}');`],
  ])('that %s has said nothing of the file: another try may help', async (name, program) => {
    await expect(through(await child(name.replaceAll(' ', '-'), program))).rejects.toBeInstanceOf(ProcessingFailedError);
  });

  test('that leaves in the middle of an output leaves none behind', async () => {
    const program = await child('half', `frame(0, '{"output":"clean","type":"image/jpeg"}');\nframe(1, 'abc');`);
    const seen: string[] = [];
    await expect(createProcessing(settings, program).process(storedBytes(await jpeg()), { family: 'jpeg', kind }, async (output, _,
      bytes) => {
      await allOf(bytes).then(() => seen.push(output));
    }, never())).rejects.toBeInstanceOf(ProcessingFailedError);
    expect(seen).toEqual([]);
  });

  test('knows no secrets of ours, and writes no files', async () => {
    process.env['GANGWAY_TEST_SECRET'] = 'not to be known';
    const program = await child('curious', `const wrote = (() => { try { fs.writeFileSync(${JSON.stringify(join(folder, 'written'))},
      'a'); return 'yes'; }
  catch (error) { return error.code; } })();
frame(0, '{"output":"clean","type":"text/plain"}');
frame(1, JSON.stringify({ wrote, environment: Object.keys(process.env).sort() }));
frame(2, '{}');
frame(3, '{"verdict":{"verdict":"clean","type":"text/plain"}}');`);
    const { outputs: { clean = Buffer.from('{}') } } = await through(program);
    delete process.env['GANGWAY_TEST_SECRET'];
    expect(JSON.parse(clean.toString('utf8'))).toEqual({
      wrote: 'ERR_ACCESS_DENIED', environment: ['MALLOC_ARENA_MAX', 'UV_THREADPOOL_SIZE', 'VIPS_DISC_THRESHOLD'],
    });
  });

  test('is ended when nobody wants the result any more, also while it waits for its turn', async () => {
    const stop = new AbortController();
    const processing = createProcessing({ ...settings, parallel: 1 }, await child('waiting', 'setInterval(() => undefined, 1_000);'));
    const photo = storedBytes(await jpeg());
    const both = [1, 2].map(() => processing.process(photo, { family: 'jpeg', kind }, () => Promise.resolve(), stop.signal));
    const reason = new Error('Nobody wants it.');
    setImmediate(() => { stop.abort(reason); });
    expect(await Promise.allSettled(both)).toEqual([{ status: 'rejected', reason }, { status: 'rejected', reason }]);
  });

  test('has at most so many beside it', async () => {
    const processing = createProcessing({ ...settings, parallel: 2 });
    const photo = storedBytes(await jpeg());
    let [now, most] = [0, 0];
    await Promise.all(Array.from({ length: 6 }, () => processing.process(photo, { family: 'jpeg', kind }, async (output, _type, bytes) => {
      if (output === 'clean') now += 1;
      most = Math.max(most, now);
      await allOf(bytes);
      if (output === 'thumbnail') now -= 1;
    }, never())));
    expect(most).toBeLessThanOrEqual(2);
  });

  test('what the store throws goes through, whichever side it is on', async () => {
    const away = new Error('The store is away.');
    const processing = createProcessing(settings);
    const process = (input: Parameters<typeof processing.process>[0], store: () => Promise<void>) =>
      processing.process(input, { family: 'jpeg', kind }, store, never());
    await expect(process(brokenBytes(100_000, away), () => Promise.resolve())).rejects.toBe(away);
    await expect(process(storedBytes(await jpeg()), () => Promise.reject(away))).rejects.toBe(away);
  });

  test('property: whatever it says is understood or refused', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), async (pieces) => {
      const said = async function* said(): AsyncGenerator<Buffer> {
        for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
      };
      try {
        for await (const frame of framesIn(said())) expect(frame.sort).toMatch(/^(?:begin|piece|end|verdict)$/);
      } catch (error) {
        if (!(error instanceof FramesBrokenError)) throw error;
      }
    }), { numRuns: 300 });
  });
});
