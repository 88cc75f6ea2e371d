/** Forms as clients send them, and as nobody should: the parser answers each, and its process lives. */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readForm } from './multipart.ts';
import { Problem } from './problem.ts';

const boundary = '----b';
const head = (name: string, more = '', type = 'Content-Type: image/jpeg\r\n'): string => (
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n${type}\r\n`
);
const field = (name: string, value: string): string => `${head(name, '', '')}${value}\r\n`;
const end = `\r\n--${boundary}--\r\n`;
const form = (...parts: readonly (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));

interface Read {
  readonly fields: object;
  readonly name: string;
  readonly type: string;
  readonly length: number | null;
  readonly content: Buffer;
  readonly body: Buffer;
}

interface Options { readonly type?: string; readonly encoding?: string; readonly pieces?: number; readonly announced?: boolean }

async function read(body: Buffer, options: Options = {}): Promise<Read> {
  const { type = `multipart/form-data; boundary=${boundary}`, encoding = '', pieces = body.length + 1, announced = true } = options;
  async function* chunks(): AsyncIterable<Uint8Array> {
    for (let at = 0; at < body.length; at += pieces) {
      yield body.subarray(at, at + pieces);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
  }
  const hash = createHash('sha256');
  const given = { contentType: type, contentEncoding: encoding, bytes: announced ? body.length : null, chunks, hash };
  return readForm(given, ['kind', 'sha256'], async ({ fields, file }) => {
    const parts: Uint8Array[] = [];
    for await (const part of file.bytes) parts.push(part);
    return { fields, name: file.name, type: file.type, length: file.length, content: Buffer.concat(parts), body: hash.digest() };
  });
}

async function codeOf(body: Buffer, options: Options = {}): Promise<string> {
  try {
    await read(body, options);
    return 'read';
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.errors[0]?.code ?? error.code;
  }
}

describe('a form', () => {
  test('gives its fields, then its file, of exactly the length that was worked out, however it is cut on its way', async () => {
    const content = randomBytes(200_000);
    content.write('\r\n\r\n--not the boundary\r\n\r\n', 1_000);
    const formOf = (file: Buffer): Buffer => form(
      field('kind', 'photo'), field('sha256', 'a\r\n\r\nb'), head('file', '; filename="Ré.jpg"'), file, end,
    );
    const body = formOf(content);
    for (const pieces of [1_000_000, 65_536, 4_099, 7]) {
      const expected = pieces === 7 ? content.subarray(0, 3_000) : content;
      const result = await read(formOf(expected), { pieces });
      expect({ ...result, content: result.content.equals(expected), body: null }).toEqual({
        fields: { kind: 'photo', sha256: 'a\r\n\r\nb' }, name: 'Ré.jpg', type: 'image/jpeg', length: expected.length, content: true,
        body: null,
      });
    }
    expect((await read(body)).body.equals(createHash('sha256').update(body).digest())).toBe(true);
    expect((await read(body, { announced: false })).length).toBeNull();
  });

  test('gives a name as it is called, whatever browsers make of its quotes', async () => {
    expect((await read(form(head('file', '; filename="a %22b%22 50%25%0D%0A.jpg"'), 'x', end))).name).toBe('a "b" 50%25  .jpg');
  });

  test('says of a part without a type that it has none', async () => {
    const typeOf = async (type: string): Promise<string> => (await read(form(head('file', '; filename="a"', type), 'x', end))).type;
    expect(await typeOf('')).toBe('');
    expect(await typeOf('content-TYPE:  audio/webm;codecs=opus \r\n')).toBe('audio/webm;codecs=opus');
  });

  const good = head('file', '; filename="a.jpg"');
  const bad: readonly [what: string, code: string, body: Buffer, options?: Options][] = [
    ['no closing boundary', 'malformed_form', form(good, 'x')],
    ['a closing boundary broken by a blank', 'malformed_form', form(good, 'x', `\r\n--${boundary} --\r\n`)],
    [
      'a part header directly followed by the boundary', 'malformed_form',
      form(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n--${boundary}--\r\n`),
    ],
    ['an empty file name', 'no_file_name', form(head('file', '; filename=""'), 'x', end)],
    ['no name', 'unknown_field', form(`--${boundary}\r\nContent-Disposition: form-data; filename="a.jpg"\r\n\r\nx`, end)],
    ['10,000 empty parts', 'malformed_form', form(...Array.from({ length: 10_000 }, () => `--${boundary}\r\n\r\n\r\n`), end)],
    [
      '10,000 parts without a name', 'unknown_field',
      form(...Array.from({ length: 10_000 }, () => `--${boundary}\r\nContent-Disposition: form-data\r\n\r\n\r\n`), end),
    ],
    ['10,000 fields', 'given_twice', form(...Array.from({ length: 10_000 }, () => field('kind', 'a')), end)],
    ['two files', 'two_files', form(good, 'x\r\n', good, 'y', end)],
    ['a field behind the file', 'field_after_file', form(good, 'x\r\n', head('kind', '', ''), 'photo', end)],
    ['an unknown field', 'unknown_field', form(field('castle', 'x'), good, 'x', end)],
    ['a file under another name', 'unknown_field', form(head('photo', '; filename="a.jpg"'), 'x', end)],
    ['a field of 1 MB', 'too_big', form(field('kind', 'x'.repeat(1_000_000)), good, 'x', end)],
    ['a header line of 100 kB', 'malformed_form', form(`--${boundary}\r\nX: ${'y'.repeat(100_000)}\r\n`, good.slice(7), 'x', end)],
    ['nothing', 'malformed_form', form()],
    ['the end alone', 'no_file', form(`--${boundary}--\r\n`)],
    ['another boundary', 'malformed_form', form(good, 'x', end), { type: 'multipart/form-data; boundary=other' }],
    ['no boundary', 'no_boundary', form(good, 'x', end), { type: 'multipart/form-data' }],
    [
      'a boundary of 200 characters that is not there', 'malformed_form', form(good, 'x', end),
      { type: `multipart/form-data; boundary=${'z'.repeat(200)}` },
    ],
    ['a compressed body', 'unsupported_media_type', form(good, 'x', end), { encoding: 'gzip' }],
    ['JSON', 'unsupported_media_type', form('{}'), { type: 'application/json' }],
  ];

  test.each(bad)('with %s is refused: %s', async (_, code, body, options = {}) => {
    for (const pieces of [1_000_000, 1_024, 5]) {
      if (pieces === 5 && body.length > 20_000) continue;
      expect([pieces, await codeOf(body, { ...options, pieces })]).toEqual([pieces, code]);
    }
  });

  test('of any bytes is read or refused, and nothing else happens', async () => {
    const pieces = [
      good, 'x', end, '\r\n', '--', boundary, field('kind', 'a'), '\r\n\r\n', 'Content-Disposition: form-data; name="file', '"', '\0',
      '; filename="b"',
    ];
    await fc.assert(fc.asyncProperty(
      fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 20 })), { maxLength: 12 }), fc.integer({ min: 1, max: 50 }),
      async (parts, cut) => { expect(typeof await codeOf(form(...parts), { pieces: cut })).toBe('string'); },
    ), { numRuns: 300, seed: randomInt(2 ** 31) });
  });

  test('whose reader stops in the middle is left, and its body with it', async () => {
    let pulled = 0;
    async function* chunks(): AsyncIterable<Uint8Array> {
      yield form(good);
      for (; pulled < 10_000; pulled += 1) {
        yield Buffer.alloc(65_536);
        await new Promise((resolve) => { setImmediate(resolve); });
      }
    }
    const given = { contentType: `multipart/form-data; boundary=${boundary}`, contentEncoding: '', bytes: null, chunks, hash: null };
    const reading = readForm(given, [], async ({ file }) => {
      for await (const _ of file.bytes) throw new Error('enough');
    });
    await expect(reading).rejects.toThrow('enough');
    // what is in memory is bounded by what the parser and the file may hold
    expect(pulled).toBeLessThan(8);
  });

  test('that comes faster than it is stored has at most 256 KB in memory, and arrives whole', async () => {
    const content = randomBytes(64 * 65_536);
    let [given, taken, most] = [0, 0, 0];
    async function* chunks(): AsyncIterable<Uint8Array> {
      yield form(head('file', '; filename="a.jpg"'));
      for (let at = 0; at < content.length; at += 65_536) {
        given += 65_536;
        most = Math.max(most, given - taken);
        yield content.subarray(at, at + 65_536);
      }
      yield form(end);
    }
    const body = { contentType: `multipart/form-data; boundary=${boundary}`, contentEncoding: '', bytes: null, chunks, hash: null };
    const pieces: Uint8Array[] = [];
    await readForm(body, [], async ({ file }) => {
      for await (const piece of file.bytes) {
        // whatever could be read meanwhile is
        for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => { setImmediate(resolve); });
        pieces.push(Uint8Array.from(piece));
        taken += piece.length;
      }
    });
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect(most).toBeLessThanOrEqual(256 * 1_024);
  });
});
