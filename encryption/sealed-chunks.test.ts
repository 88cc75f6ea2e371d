import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chunkBytes, createChunkSealer, plainSizeOf, unsealedChunks, type SealedSource } from './sealed-chunks.ts';
import { readCodecKeys } from './sealer.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const [one, two] = [key('one'), key('two')];
const sealerOf = (...keys: string[]) => createChunkSealer(readCodecKeys(keys.join(',')));
const sealer = sealerOf(one);

async function* pieces(bytes: Uint8Array, length: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function all(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const piece of bytes) read.push(piece);
  return Buffer.concat(read);
}

const seal = async (bytes: Uint8Array, context = 'file', by = sealer): Promise<Buffer> => all(by.seal(pieces(bytes, 50_000), context));

/** Where it is kept, with what was read of it. */
function kept(sealed: Uint8Array): SealedSource & { readonly reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    size: sealed.length, reads,
    read: (start, end) => {
      reads.push([start, end]);
      return pieces(sealed.subarray(start, end), 30_011);
    },
  };
}

const open = async (sealed: Uint8Array, context = 'file', by = sealer): Promise<Buffer> => (
  all((await by.open(kept(sealed), context)).read())
);

const failure = async (work: () => Promise<unknown>): Promise<string> => work().then(() => 'opened', (error: Error) => error.name);

/** Lengths around the ends of chunks, and any. */
const size = fc.oneof(
  fc.integer({ min: 0, max: 4 * chunkBytes }),
  fc.constantFrom(0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes, 3 * chunkBytes - 1),
);
const sealedFrame = 101;

describe('files sealed in chunks', () => {
  test('any bytes in pieces of any size come back whole, and their size is known from the sealed one', async () => {
    await fc.assert(fc.asyncProperty(size, fc.integer({ min: 1, max: 200_000 }), async (length, piece) => {
      const bytes = randomBytes(length);
      const sealed = await all(sealer.seal(pieces(bytes, piece), 'file'));
      expect(plainSizeOf(sealed.length)).toBe(length);
      expect((await open(sealed)).equals(bytes)).toBe(true);
    }), { numRuns: 60 });
  });

  test('any range is what it is of the whole, and of the sealed bytes only its chunks are read', async () => {
    const bytes = randomBytes(5 * chunkBytes + 77);
    const sealed = await seal(bytes);
    const place = fc.integer({ min: 0, max: bytes.length + 10 });
    await fc.assert(fc.asyncProperty(place, place, async (start, end) => {
      const source = kept(sealed);
      const opened = await sealer.open(source, 'file');
      expect((await all(opened.read(start, end))).equals(bytes.subarray(start, Math.max(start, end)))).toBe(true);
      const [, range] = source.reads;
      const chunks = Math.floor((Math.min(end, bytes.length) - 1) / chunkBytes) - Math.floor(start / chunkBytes) + 1;
      if (range !== undefined) expect(range[1] - range[0]).toBeLessThanOrEqual(chunks * (chunkBytes + 16));
    }), { numRuns: 100 });
  });

  test('nothing is handed out in pieces larger than a chunk', async () => {
    const opened = await sealer.open(kept(await seal(randomBytes(3 * chunkBytes))), 'file');
    for await (const piece of opened.read()) expect(piece.length).toBeLessThanOrEqual(chunkBytes);
  });

  test('a file that was cut at any place does not open, nor does one that was made longer', async () => {
    const sealed = await seal(randomBytes(2 * chunkBytes + 40));
    const ends = [sealedFrame, sealedFrame + 16, sealedFrame + chunkBytes + 16, sealedFrame + 2 * (chunkBytes + 16)];
    const places = new Set([0, 1, 4, 5, ...ends.flatMap((end) => [end - 1, end, end + 1]), sealed.length - 1]);
    for (let at = 0; at < sealed.length; at += 997) places.add(at);
    for (const at of places) expect([at, await failure(async () => open(sealed.subarray(0, at)))]).toEqual([at, 'SealBrokenError']);
    expect(await failure(async () => open(Buffer.concat([sealed, randomBytes(1)])))).toBe('SealBrokenError');
    expect(await failure(async () => open(Buffer.concat([sealed, sealed.subarray(sealedFrame)])))).toBe('SealBrokenError');
  });

  test('an empty file that was put in the place of another does not open', async () => {
    expect((await open(await seal(Buffer.alloc(0)))).length).toBe(0);
    const sealed = await seal(randomBytes(100));
    expect(await failure(async () => open(sealed.subarray(0, sealedFrame + 16)))).toBe('SealBrokenError');
  });

  test('chunks can be neither swapped, repeated, left out nor taken from another file', async () => {
    const bytes = randomBytes(3 * chunkBytes);
    const [mine, other] = [await seal(bytes), await seal(bytes)];
    const chunk = (file: Buffer, at: number): Buffer => file.subarray(sealedFrame + at * (chunkBytes + 16)).subarray(0, chunkBytes + 16);
    const header = mine.subarray(0, sealedFrame);
    const [a, b, c] = [chunk(mine, 0), chunk(mine, 1), chunk(mine, 2)];
    const forged = [[b, a, c], [a, a, c], [a, c], [a, b], [a, b, c, c], [a, chunk(other, 1), c]];
    for (const chunks of forged) expect(await failure(async () => open(Buffer.concat([header, ...chunks])))).toBe('SealBrokenError');
    expect(await failure(async () => open(Buffer.concat([other.subarray(0, sealedFrame), a, b, c])))).toBe('SealBrokenError');
  });

  test('no byte can be changed, and a file opens in its own place only', async () => {
    const sealed = await seal(randomBytes(200));
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await failure(async () => open(changed))).toMatch(/^(SealBrokenError|KeyUnavailableError)$/);
    }
    expect(await failure(async () => open(sealed, 'another file'))).toBe('SealBrokenError');
  });

  test('of a changed chunk nothing is handed out; the chunks before it are', async () => {
    const bytes = randomBytes(3 * chunkBytes);
    const sealed = await seal(bytes);
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    const opened = await sealer.open(kept(sealed), 'file');
    let read = 0;
    expect(await failure(async () => {
      for await (const piece of opened.read()) read += piece.length;
    })).toBe('SealBrokenError');
    expect(read).toBe(2 * chunkBytes);
  });

  test('a key that was replaced still opens its files, and one that is missing is named', async () => {
    const sealed = await seal(Buffer.from('a roof'));
    expect((await open(sealed, 'file', sealerOf(two, one))).toString()).toBe('a roof');
    await expect(open(sealed, 'file', sealerOf(two))).rejects.toMatchObject({ name: 'KeyUnavailableError', keyId: 'one' });
  });

  test('unsealed, for measuring, any range is what it is of the whole', async () => {
    const bytes = randomBytes(2 * chunkBytes + 9);
    const opened = await unsealedChunks.open(kept(await seal(bytes, 'file', unsealedChunks)), 'file');
    expect((await all(opened.read())).equals(bytes)).toBe(true);
    expect((await all(opened.read(7, chunkBytes + 3))).equals(bytes.subarray(7, chunkBytes + 3))).toBe(true);
  });

  test('the same file is never sealed twice in the same bytes', async () => {
    const bytes = randomBytes(1_000);
    const sealed = await Promise.all(Array.from({ length: 50 }, async () => (await seal(bytes)).subarray(sealedFrame).toString('hex')));
    expect(new Set(sealed).size).toBe(50);
  });
});
