import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesOf, type Line } from './ndjson.ts';

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

async function read(text: string, sizes: readonly number[] = [7], max = 20): Promise<(readonly [number, string | null])[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(pieces(Buffer.from(text), sizes), max)) lines.push(line);
  return lines.map(({ number, bytes }) => [number, bytes === null ? null : bytes.toString('utf8')] as const);
}

describe('lines of a body', () => {
  test('each line comes whole and with its number, however the body is cut into pieces', async () => {
    const character = fc.constantFrom('a', 'é', '🛶', ' ', '\n', '\r\n');
    await fc.assert(fc.asyncProperty(
      fc.string({ unit: character, maxLength: 60 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      async (text, sizes) => {
        const plain = text.split('\n').map((line) => line.replace(/\r$/, ''))
          .map((line, at) => [at + 1, Buffer.byteLength(line) > 20 ? null : line] as const)
          .filter(([, line]) => line === null || line.replaceAll('\r', '').trim() !== '');
        expect(await read(text, sizes)).toEqual(plain);
      },
    ), { numRuns: 500 });
  });

  test('a line that is too long is one line without its bytes, and the ones behind it come as they are', async () => {
    expect(await read(`one\n${'x'.repeat(1_000_000)}\nthree\n`, [65_536])).toEqual([[1, 'one'], [2, null], [3, 'three']]);
  });

  test('of a line that is too long no more is kept than a line may have', async () => {
    let most = 0;
    const before = process.memoryUsage().arrayBuffers;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let turn = 0; turn < 8_000; turn += 1) {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        yield await Promise.resolve(Buffer.alloc(65_536, 120));
      }
    }
    const lines: Line[] = [];
    for await (const line of linesOf(endless(), 65_536)) lines.push(line);
    expect(lines).toEqual([{ number: 1, bytes: null }]);
    // of 524 MB that came; what is garbage may not have gone yet
    expect(most).toBeLessThan(256 * 1_048_576);
  });

  test('a last line without an end is a line, and one that is empty is none', async () => {
    expect(await read('a\n\nb')).toEqual([[1, 'a'], [3, 'b']]);
    expect(await read('')).toEqual([]);
  });
});
