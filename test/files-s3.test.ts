import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createChunkSealer } from '../encryption/sealed-chunks.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import { Incoming } from '../stores/files/incoming.ts';
import type { FileStore } from '../stores/files/port.ts';
import { openS3, type S3Settings } from '../stores/files/s3.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { all, fileStoreContract, filesIn, from, listed } from './support/file-store-contract.ts';
import { newFolder } from './support/folders.ts';
import { findVersityGateway, startS3, type S3Server } from './support/versitygw.ts';

const found = await findVersityGateway(process.env['S3'] === '1');
// said where nobody can miss it: what is skipped proves nothing
if ('missing' in found) process.stderr.write(`SKIPPED, all tests of files in S3: ${found.missing}\n`);
const program = 'program' in found ? found.program : '';

async function opened(server: S3Server, other: Partial<S3Settings> = {}) {
  const incoming = await newFolder();
  const withKeys = (keys: string): FileStore => openS3(
    { ...server.settings, ...other }, new Incoming(incoming), createChunkSealer(readCodecKeys(keys)),
  );
  const store = withKeys(testCodecKeys);
  const forget = async (): Promise<void> => {
    store.close();
    await rm(incoming, { recursive: true });
  };
  return { store, incoming, withKeys, forget };
}

const inS3 = program === '' ? describe.skip : describe;

inS3('files in S3', () => {
  for (const checksums of ['WHEN_REQUIRED', 'WHEN_SUPPORTED'] as const) {
    fileStoreContract(`S3, checksums ${checksums}`, async () => {
      const server = await startS3(program);
      const { forget, ...store } = await opened(server, { checksums });
      return { ...store, close: async () => { await server.close(); await forget(); } };
    });
  }

  describe('of one server', () => {
    let server: S3Server;
    beforeAll(async () => { server = await startS3(program); });
    afterAll(async () => { await server.close(); });

    test('nothing of a file stands in the bucket in clear', async () => {
      const { store, forget } = await opened(server);
      const words = Buffer.from('Harbour Office, 12 Quay Street');
      await store.put('t/s/clear', from(words));
      expect((await readFile(join(server.folder, 'uploads/t/s/clear'))).includes(words)).toBe(false);
      await forget();
    });

    test('a file that was changed in the bucket does not open', async () => {
      const { store, forget } = await opened(server);
      await store.put('changed', from(Buffer.alloc(100_000)));
      const path = join(server.folder, 'uploads/changed');
      const sealed = await readFile(path);
      sealed[90_000] = (sealed[90_000] ?? 0) ^ 1;
      await writeFile(path, sealed);
      await expect(store.open('changed').then((file) => all(file?.read() ?? from()))).rejects.toMatchObject({ name: 'SealBrokenError' });
      await forget();
    });

    test('more files than one page of a list has are all listed, in order', async () => {
      const { store, forget } = await opened(server);
      // written beside the server: 1,200 requests would prove nothing more
      await store.put('pages/0000', from(Buffer.from('x')));
      const sealed = await readFile(join(server.folder, 'uploads/pages/0000'));
      const keys = Array.from({ length: 1_200 }, (_, at) => `pages/${String(at).padStart(4, '0')}`);
      await Promise.all(keys.map((key) => writeFile(join(server.folder, 'uploads', key), sealed)));
      expect(await listed(store, 'pages/')).toEqual(keys);
      await forget();
    });

    test('wrong credentials and a missing bucket are a store that cannot answer, and leave nothing on this machine', async () => {
      const { accessKeyId } = server.settings.credentials ?? { accessKeyId: '' };
      for (const wrong of [{ credentials: { accessKeyId, secretAccessKey: 'another-secret' } }, { bucket: 'nowhere' }]) {
        const { store, incoming, forget } = await opened(server, wrong);
        const away = { name: 'StoreUnavailableError', store: 'files' };
        await expect(store.checkWritable()).rejects.toMatchObject(away);
        await expect(store.put('a', from(Buffer.from('x')))).rejects.toMatchObject(away);
        await expect(store.open('a')).rejects.toMatchObject(away);
        await expect(listed(store)).rejects.toMatchObject(away);
        expect(await filesIn(incoming)).toEqual([]);
        await forget();
      }
    });

    test('a bucket that is silent is waited for a bounded time, and a server that is gone is said at once', async () => {
      const { store, incoming, forget } = await opened(server);
      await store.put('here', from(Buffer.from('x')));
      server.freeze();
      try {
        await expect(store.open('here')).rejects.toMatchObject({ name: 'StoreUnavailableError', store: 'files' });
      } finally {
        server.thaw();
      }
      expect((await store.open('here'))?.size).toBe(1);
      const gone = await opened(server, { endpoint: 'http://127.0.0.1:1' });
      const before = performance.now();
      await expect(gone.store.put('a', from(Buffer.from('x')))).rejects.toMatchObject({ name: 'StoreUnavailableError' });
      expect(performance.now() - before).toBeLessThan(10_000);
      expect([...await readdir(incoming), ...await readdir(gone.incoming)]).toEqual([]);
      await forget();
      await gone.forget();
    });
  });
});
