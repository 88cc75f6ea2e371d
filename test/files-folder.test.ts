import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createChunkSealer } from '../encryption/sealed-chunks.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import { openFolder } from '../stores/files/folder.ts';
import type { FileStore } from '../stores/files/port.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { all, fileStoreContract, filesIn, from, listed } from './support/file-store-contract.ts';
import { newFolder, root } from './support/folders.ts';
import { isRoot, run, withDisk } from './support/small-disk.ts';
import { until } from './support/until.ts';

const withKeys = (folder: string, keys = testCodecKeys): FileStore => openFolder(folder, createChunkSealer(readCodecKeys(keys)));

fileStoreContract('a folder', async () => {
  const folder = await newFolder();
  return {
    store: withKeys(folder), incoming: join(folder, 'incoming'), withKeys: (keys) => withKeys(folder, keys),
    close: () => rm(folder, { recursive: true }),
  };
});

describe('files in a folder', () => {
  test('a process killed in the middle of a put leaves nothing that is listed, and its rest is removed when it is old', async () => {
    const folder = await newFolder();
    const process_ = spawn(process.execPath, [join(root, 'test/support/put-slowly.ts'), folder], { stdio: 'inherit' });
    const incoming = join(folder, 'incoming');
    const [name] = await whenThere(incoming);
    const path = join(incoming, name ?? '');
    await until('some of it is written', async () => (await stat(path)).size > 200_000);
    process_.kill('SIGKILL');
    await once(process_, 'exit');

    expect(await listed(withKeys(folder))).toEqual([]);
    expect(await withKeys(folder).open('session/upload')).toBeNull();
    // another process may still be writing it
    await withKeys(folder).put('other', from(Buffer.from('x')));
    expect(await filesIn(incoming)).toEqual([name]);
    const old = new Date(Date.now() - 2 * 3_600_000);
    await utimes(path, old, old);
    await withKeys(folder).put('other', from(Buffer.from('x')));
    expect(await filesIn(incoming)).toEqual([]);
    expect(await listed(withKeys(folder))).toEqual(['other']);
    await rm(folder, { recursive: true });
  });

  test('nothing of a file stands on the disk in clear, and none has a name that was given to it', async () => {
    const folder = await newFolder();
    const words = Buffer.from('Harbour Office, 12 Quay Street');
    await withKeys(folder).put('t/s/u', from(words));
    expect((await readFile(join(folder, 'files/t/s/u'))).includes(words)).toBe(false);
    expect((await stat(join(folder, 'files/t/s/u'))).mode & 0o077).toBe(0);
    await rm(folder, { recursive: true });
  });

  test('folders that a deletion empties go', async () => {
    const folder = await newFolder();
    const store = withKeys(folder);
    await store.put('t/s/one', from(Buffer.from('x')));
    await store.put('t/r/two', from(Buffer.from('x')));
    await store.delete(['t/s/one']);
    expect(await readdir(join(folder, 'files/t'))).toEqual(['r']);
    await store.delete(['t/r/two']);
    expect(await readdir(join(folder, 'files'))).toEqual([]);
    await rm(folder, { recursive: true });
  });

  (isRoot ? test : test.skip)('a full disk is a store that cannot answer: nothing half there, and what was there stays', async () => {
    await withDisk('size=512k', async (folder) => {
      const store = withKeys(folder);
      await store.put('before', from(Buffer.from('before')));
      await store.checkWritable();
      const full = { name: 'StoreUnavailableError', store: 'files', cause: { code: 'ENOSPC' } };
      await expect(store.put('large', from(randomBytes(700_000)))).rejects.toMatchObject(full);
      expect(await listed(store)).toEqual(['before']);
      expect(await filesIn(join(folder, 'incoming'))).toEqual([]);
      expect(String(await all((await store.open('before'))?.read() ?? from()))).toBe('before');
      // what was refused has not used the disk up
      await store.put('small', from(randomBytes(300_000)));
      await expect(store.put('small', from(randomBytes(300_000)))).rejects.toMatchObject(full);
      expect((await store.open('small'))?.size).toBe(300_000);
      await store.delete(['small']);
      await store.put('again', from(randomBytes(300_000)));
    });
  });

  (isRoot ? test : test.skip)('a disk that is read-only refuses what is put, and goes on to be read', async () => {
    await withDisk('size=512k', async (folder) => {
      await withKeys(folder).put('before', from(Buffer.from('before')));
      await run('mount', ['-o', 'remount,ro', folder]);
      const store = withKeys(folder);
      const readOnly = { name: 'StoreUnavailableError', store: 'files', cause: { code: 'EROFS' } };
      await expect(store.checkWritable()).rejects.toMatchObject(readOnly);
      await expect(store.put('more', from(Buffer.from('x')))).rejects.toMatchObject(readOnly);
      await expect(store.delete(['before'])).rejects.toMatchObject(readOnly);
      expect(String(await all((await store.open('before'))?.read() ?? from()))).toBe('before');
      expect(await listed(store)).toEqual(['before']);
    });
  });
});

async function whenThere(folder: string): Promise<string[]> {
  await until('a file is on its way', async () => (await filesIn(folder)).length > 0);
  return filesIn(folder);
}
