/** What every file store guarantees, wherever it keeps its bytes. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chunkBytes } from '../../encryption/sealed-chunks.ts';
import type { FileStore } from '../../stores/files/port.ts';

export interface OpenedStore {
  readonly store: FileStore;
  /** Folder of this machine that files come through. */
  readonly incoming: string;
  /** The same place, opened by another process that has other keys. */
  readonly withKeys: (keys: string) => FileStore;
  readonly close: () => Promise<void>;
}

export async function* from(...pieces: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces;
}

export async function all(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function listed(store: FileStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** Names of files that are on their way, or were left. */
export async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

export function fileStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`a file store: ${name}`, () => {
    let opened: OpenedStore;
    let store: FileStore;
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(async () => { await opened.close(); });
    const read = async (key: string, start?: number, end?: number): Promise<Buffer | null> => {
      const file = await store.open(key);
      return file === null ? null : all(file.read(start, end));
    };

    test('what was put comes back byte by byte, with its size; nothing of it is kept in clear', async () => {
      for (const size of [0, 1, chunkBytes, 3 * chunkBytes + 5]) {
        const bytes = randomBytes(size);
        expect(await store.put(`whole/${size}`, from(bytes.subarray(0, 10), bytes.subarray(10)))).toEqual({ size });
        expect((await store.open(`whole/${size}`))?.size).toBe(size);
        expect((await read(`whole/${size}`))?.equals(bytes)).toBe(true);
      }
    });

    test('any range is had without the rest', async () => {
      const bytes = randomBytes(4 * chunkBytes);
      await store.put('ranges', from(bytes));
      for (
        const [start, end] of [
          [0, 1], [5, chunkBytes], [chunkBytes - 1, chunkBytes + 1], [bytes.length - 1, bytes.length], [7, 7],
        ] as const
      ) {
        expect((await read('ranges', start, end))?.equals(bytes.subarray(start, end))).toBe(true);
      }
    });

    test('a reader that leaves in the middle harms nobody', async () => {
      await store.put('left', from(randomBytes(20 * chunkBytes)));
      for (let at = 0; at < 20; at += 1) {
        const file = await store.open('left');
        for await (const _piece of file?.read() ?? []) break;
      }
      expect((await read('left'))?.length).toBe(20 * chunkBytes);
    });

    test('nothing under a key is null, and deleting it is no error', async () => {
      expect(await store.open('nobody/here')).toBeNull();
      await store.delete(['nobody/here', 'nobody']);
      await store.put('one/two', from(randomBytes(10)));
      expect(await store.open('one')).toBeNull();
      expect(await store.open('one/two/three')).toBeNull();
    });

    test('a second put replaces the first, whole', async () => {
      await store.put('twice', from(randomBytes(200_000)));
      await store.put('twice', from(Buffer.from('second')));
      expect(String(await read('twice'))).toBe('second');
    });

    test('what is deleted is gone, many at once, and the others are not', async () => {
      const keys = Array.from({ length: 40 }, (_, at) => `many/${at % 4}/${at}`);
      await Promise.all(keys.map((key) => store.put(key, from(Buffer.from(key)))));
      await store.delete(keys.slice(1));
      expect(await listed(store, 'many/')).toEqual([keys[0]]);
      await store.delete(keys);
      expect(await listed(store, 'many/')).toEqual([]);
    });

    test('files are put and deleted beside each other without harm', async () => {
      await Promise.all(Array.from({ length: 12 }, async (_, at) => {
        for (let round = 0; round < 5; round += 1) {
          await store.put(`beside/${at % 2}/${at}`, from(Buffer.from(`${at} ${round}`)));
          if (round < 4) await store.delete([`beside/${at % 2}/${at}`]);
        }
      }));
      expect((await listed(store, 'beside/')).length).toBe(12);
    });

    test('a list has the keys that begin so, in their order, and when each was stored', async () => {
      const keys = ['list/a-b/1', 'list/a.b', 'list/a/1', 'list/a/2', 'list/a=b/1', 'list/ab', 'list/b/1'];
      const before = Date.now() - 5_000;
      for (const key of keys.toReversed()) await store.put(key, from(Buffer.from(key)));
      expect(await listed(store, 'list/')).toEqual(keys);
      expect(await listed(store, 'list/a')).toEqual(keys.slice(0, 6));
      expect(await listed(store, 'list/a/')).toEqual(['list/a/1', 'list/a/2']);
      expect(await listed(store, 'list/c')).toEqual([]);
      for await (const { storedAt } of store.list('list/')) {
        expect(storedAt).toBeGreaterThan(before);
        expect(storedAt).toBeLessThan(Date.now() + 5_000);
      }
    });

    test('no key leaves its place', async () => {
      const wrong = [
        '', '/', '/etc/passwd', 'a//b', '../a', 'a/../b', './a', 'a/.', 'a\\b', 'a/', 'a\u0000', 'ä', 'a b', 'x'.repeat(201),
      ];
      for (const key of wrong) {
        await expect(store.put(key, from(Buffer.from('x')))).rejects.toThrow('is no key');
        await expect(store.open(key)).rejects.toThrow('is no key');
        await expect(store.delete([key])).rejects.toThrow('is no key');
      }
    });

    test('bytes that end early leave nothing, and what was there before stands', async () => {
      await store.put('early', from(Buffer.from('before')));
      await expect(store.put('early', failing(randomBytes(150_000)))).rejects.toThrow('the sender is gone');
      await expect(store.put('never', failing(randomBytes(150_000)))).rejects.toThrow('the sender is gone');
      expect(String(await read('early'))).toBe('before');
      expect(await store.open('never')).toBeNull();
      expect(await filesIn(opened.incoming)).toEqual([]);
    });

    test('a put that is given up ends at once, also when its sender is silent, and leaves nothing', async () => {
      const given = new AbortController();
      const put = store.put('given-up', silentAfter(randomBytes(100_000), () => { given.abort(new Error('given up')); }), given.signal);
      await expect(put).rejects.toThrow('given up');
      await expect(store.put('given-up', from(Buffer.from('x')), AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
      expect(await store.open('given-up')).toBeNull();
      expect(await filesIn(opened.incoming)).toEqual([]);
    });

    test('never more than 256 KB of a file that comes in are in memory', async () => {
      let most = 0;
      const hash = createHash('sha256');
      const source = async function* (): AsyncIterable<Uint8Array> {
        let given = 0;
        for (let at = 0; at < 128; at += 1) {
          const sizes = await Promise.all(
            (await filesIn(opened.incoming)).map((file) => stat(join(opened.incoming, file)).then(({ size }) => size, () => 0)),
          );
          most = Math.max(most, given - sizes.reduce((sum, size) => sum + size, 0));
          const piece = randomBytes(chunkBytes);
          hash.update(piece);
          given += piece.length;
          yield piece;
        }
      };
      expect(await store.put('long', source())).toEqual({ size: 128 * chunkBytes });
      expect(most).toBeLessThanOrEqual(256 * 1_024);
      const stored = createHash('sha256');
      for await (const piece of (await store.open('long'))?.read() ?? []) stored.update(piece);
      expect(stored.digest('hex')).toBe(hash.digest('hex'));
    });

    test('with another key it says which one is missing', async () => {
      await store.put('sealed', from(Buffer.from('a roof')));
      const other = opened.withKeys(`other:${randomBytes(32).toString('base64')}`);
      await expect(other.open('sealed')).rejects.toMatchObject({ name: 'KeyUnavailableError' });
    });

    test('it can be written to', async () => {
      await store.checkWritable();
      expect(await filesIn(opened.incoming)).toEqual([]);
    });
  });
}

async function* failing(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
  throw new Error('the sender is gone');
}

async function* silentAfter(bytes: Uint8Array, then: () => void): AsyncIterable<Uint8Array> {
  yield bytes;
  setImmediate(then);
  await new Promise(() => undefined);
}
