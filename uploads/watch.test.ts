/** A body on its way, and its parts. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { heeding } from '../stores/files/bytes.ts';
import { Pieces } from './pieces.ts';
import { Watch } from './watch.ts';

const quick = { idleMs: 300, bytesPerSecond: 1_000, graceMs: 400 };
const tooLong = (): Error => new Error('too long');

async function* given(sizes: readonly number[], pauseMs = 0): AsyncIterable<Uint8Array> {
  for (const size of sizes) {
    if (pauseMs > 0) await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
    yield Buffer.alloc(size, size);
  }
}

async function all(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

const never: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };

describe('a watched body', () => {
  test('is counted and hashed, and ends at the byte that is too many', async () => {
    let moved = 0;
    const watch = new Watch(quick, () => { moved += 1; });
    const content = await all(watch.through(given([10, 20]), 30, tooLong));
    expect([watch.size, moved, watch.hash.digest('hex')]).toEqual([30, 2, createHash('sha256').update(content).digest('hex')]);
    watch.end();
    const other = new Watch(quick, () => undefined);
    await expect(all(other.through(given([10, 21]), 30, tooLong))).rejects.toThrow('too long');
    other.end();
  });

  test.each([
    ['silent', never, /Nothing came for 0.3 seconds/],
    ['too slow', given(Array.from({ length: 100 }, () => 10), 100), /slower than 1000 bytes/],
  ] as const)('whose sender is %s ends', async (_, body, why) => {
    const watch = new Watch(quick, () => undefined);
    await expect(all(heeding(watch.through(body, 10_000, tooLong), watch.signal))).rejects.toThrow(why);
    watch.end();
  });

  test('is not ended for the time that its reader takes', async () => {
    const watch = new Watch(quick, () => undefined);
    let size = 0;
    for await (const part of heeding(watch.through(given([500, 500, 500]), 10_000, tooLong), watch.signal)) {
      size += part.length;
      await new Promise((resolve) => { setTimeout(resolve, 700); });
    }
    expect(size).toBe(1_500);
    watch.end();
  });
});

describe('a body in parts', () => {
  test('is cut where a part is full, whatever its pieces', async () => {
    const pieces = new Pieces(given([3, 10, 1, 6]), new AbortController().signal);
    const sizes: number[] = [];
    while (await pieces.hasMore()) sizes.push((await all(pieces.upTo(7))).length);
    expect([sizes, pieces.failure]).toEqual([[7, 7, 6], null]);
  });

  test('that breaks off ends its part well, and says why', async () => {
    const left = new AbortController();
    async function* broken(): AsyncIterable<Uint8Array> {
      yield* given([5, 5]);
      left.abort(new Error('gone'));
      yield* never;
    }
    const pieces = new Pieces(broken(), left.signal);
    expect(await pieces.hasMore()).toBe(true);
    expect((await all(pieces.upTo(100))).length).toBe(10);
    expect(await pieces.hasMore()).toBe(false);
    expect(pieces.failure).toMatchObject({ message: 'gone' });
  });
});
