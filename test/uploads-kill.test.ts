/** SIGKILL of everything while files come by both doors at once, at every point on their way: the numbers are those of the listed files. */
import { createHash, randomUUID } from 'node:crypto';
import { rm, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createChunkSealer } from '../encryption/sealed-chunks.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { openFolder } from '../stores/files/folder.ts';
import type { Database } from '../stores/postgres/database.ts';
import { verifyUploads, type Verified } from '../uploads/verifying.ts';
import { newFolder } from './support/folders.ts';
import { whileFrozen } from './support/frozen.ts';
import { databaseOf } from './support/instance-stores.ts';
import { killEverything, startInstance, type Instance } from './support/instance.ts';
import { newTenant, type Body } from './support/person.ts';
import { addressOf, create, offsetOf, openPatch, patch, tus, type Begun } from './support/resumable.ts';
import { until } from './support/until.ts';
import { endOfForm, filesBelow, openUpload, photoOf, sender, type File } from './support/uploading.ts';

const mb = 1_048_576;
/** Of each file: all of it, what the half sent have sent, and what the others have when they send their last bytes. */
const [length, middle, nearEnd] = [3 * mb + 17, 2 * mb + 400_000, 3 * mb + 5];
const settings = {
  GANGWAY_PHOTO_BURST_PER_MINUTE: '100000', GANGWAY_PHOTO_UPLOADS_PER_DAY: '100000',
  // what is held up by the test is not ended as silent
  GANGWAY_UPLOAD_IDLE_SECONDS: '600', GANGWAY_UPLOAD_PLACE_SECONDS: '2', GANGWAY_UPLOAD_LEASE_SECONDS: '600',
  GANGWAY_UPLOAD_SWEEP_SECONDS: '1', GANGWAY_UPLOAD_RECONCILE_SECONDS: '1',
};
const tenant = newTenant();
const sha256 = ({ content }: File): string => createHash('sha256').update(content).digest('hex');

let instance: Instance;
let folder: string;
beforeAll(async () => {
  folder = await newFolder();
  instance = await startInstance(folder, settings);
});
afterAll(async () => {
  await instance.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A person whose two files are under way, one by each door. */
interface Sending extends Begun {
  readonly plain: File;
  readonly resumable: File;
  /** Where the resumable one is. */
  readonly at: string;
  readonly sockets: readonly Socket[];
}

/** Both have sent so much of their files. */
async function underWay(subject: string, bytes: number): Promise<Sending> {
  const ana = await sender(instance, tenant, subject, 'user');
  const own = { ana, session: (await ana.start()).session_id as string };
  const [plain, resumable] = [await photoOf(length), await photoOf(length)];
  const at = addressOf(await create(own, resumable));
  const sockets = await Promise.all([openUpload(ana, own.session, plain, bytes), openPatch(own, at, 0, resumable.content, bytes)]);
  return { ...own, plain, resumable, at, sockets };
}

/** Both send what is left. */
function sendRest({ sockets: [plain, resumable], ...files }: Sending, from: number): void {
  plain?.write(files.plain.content.subarray(from));
  plain?.write(endOfForm);
  resumable?.write(files.resumable.content.subarray(from));
}

const rowsOf = (db: Database, { session }: Begun): Promise<Body[]> => db.asTenant(tenant).query<Body>(
  'SELECT resumable, status, writer, received_bytes::int AS received FROM uploads WHERE session_id = $1 ORDER BY resumable', [session],
);
const statusesOf = async (db: Database, own: Begun): Promise<string[]> => (await rowsOf(db, own)).map(({ status }) => status as string);
const list = async ({ ana, session }: Begun): Promise<Body> => (await ana.get(`/sessions/${session}/uploads/`)).body;

/** Names of a session's files, below the folders of their tries. */
async function filesOnDisk({ session }: Begun): Promise<string[]> {
  const files = await filesBelow(join(folder, 'uploads', 'files'));
  return files.filter((path) => path.includes(`/${session}/`)).map((path) => basename(path)).sort();
}

/** Nothing of these rows is changed by anybody until all is over. */
async function holding(db: Database, own: Begun, work: () => Promise<void>): Promise<void> {
  await db.asTenant(tenant).transaction(async (tx) => {
    await tx.query('SELECT 1 FROM uploads WHERE session_id = $1 FOR UPDATE', [own.session]);
    await work();
  }).catch((error: unknown) => {
    // the server was killed under it, as it had to be
    if (!killed) throw error;
  });
}
let killed = false;

/** What the session holds by what a new upload is told, by what is listed, and by what a person has open at once. */
async function expectNumbers(own: Begun, bytes: readonly number[]): Promise<void> {
  const listed = await list(own);
  expect(listed.results.map((upload: Body) => upload.size_bytes)).toEqual(bytes);
  // all places are free, though some were held when everything ended
  const begun: string[] = [];
  for (let place = 0; place < 3; place += 1) begun.push(addressOf(await create(own, await photoOf(1_000))));
  const one = await photoOf(1_000);
  expect(await own.ana.send(own.session, one)).toMatchObject({ status: 429, body: { code: 'concurrent_limit' } });
  for (const at of begun) expect((await own.ana.raw(at, 'DELETE', tus)).status).toBe(204);
  const sent = await own.ana.send(own.session, one);
  expect([sent.status, sent.body.quota.photos.used, sent.body.quota.bytes.used]).toEqual(
    [201, bytes.length + 1, bytes.reduce((sum, each) => sum + each, 1_000)],
  );
  expect((await own.ana.call('DELETE', `/sessions/${own.session}/uploads/${sent.body.upload_id}/`)).status).toBe(204);
}

test('SIGKILL at every point of files by both doors: quota, list, places and disk agree, and nothing is orphaned', async () => {
  const db = await databaseOf(instance);
  const before = await underWay('before the first byte', 0);
  const atFirst = await underWay('with the first byte', 1);
  const inMiddle = await underWay('in the middle', middle);
  const settling = await underWay('while settling', nearEnd);
  const answering = await underWay('before the answer', nearEnd);
  for (const [own, bytes] of [[inMiddle, 2 * mb], [settling, 3 * mb], [answering, 3 * mb]] as const) {
    await until('its parts are there', async () => (await rowsOf(db, own))[1]?.received === bytes);
  }
  const sendersOf = async (own: Begun): Promise<number> => (await rowsOf(db, own)).filter(({ writer }) => writer !== null).length;
  await until('the resumable one has its line', async () => await sendersOf(before) === 1);
  await until('both are begun', async () => await sendersOf(atFirst) === 2);

  await holding(db, settling, async () => {
    sendRest(settling, nearEnd);
    await until('all bytes of both are stored', async () => (
      (await filesOnDisk(settling)).filter((name) => name === 'sent').length === 2
    ));
    await whileFrozen(instance, 'temporal', async () => {
      sendRest(answering, nearEnd);
      await until('both are settled', async () => (await statusesOf(db, answering)).every((status) => status === 'quarantined'));
      expect(await statusesOf(db, before)).toEqual(['receiving']);
      for (const own of [atFirst, inMiddle, settling]) expect(await statusesOf(db, own)).toEqual(['receiving', 'receiving']);
      killed = true;
      await killEverything(instance);
    });
  });
  await db.close();
  const all = [before, atFirst, inMiddle, settling, answering];
  for (const { sockets } of all) for (const socket of sockets) socket.destroy();
  const halves = await filesBelow(join(folder, 'uploads', 'incoming'));
  // the plain one in the middle, and the part under way of the resumable one
  expect(halves.length).toBeGreaterThanOrEqual(2);
  const hourAgo = Date.now() / 1_000 - 3_700;
  for (const path of halves) await utimes(path, hourAgo, hourAgo);

  instance = await startInstance(folder, settings);
  const after = await databaseOf(instance);
  try {
    const again = await Promise.all(all.map(async (own) => ({ ...own, ana: await sender(instance, tenant, own.ana.subject, 'user') })));
    // what was settled waits for its verdict for a while before others look after it, and a lease lasts: that time is over
    await after.asTenant(tenant).query("UPDATE uploads SET settled_at = settled_at - interval '2 minutes' WHERE status = 'quarantined'");
    await after.asTenant(tenant).query("UPDATE uploads SET expires_at = now() WHERE status = 'receiving' AND NOT resumable");
    for (const own of again) {
      await until('what died is gone', async () => (await rowsOf(after, own)).every((row) => row.resumable || row.status !== 'receiving'));
    }
    const [none, first, half, late, told] = again as [Sending, Sending, Sending, Sending, Sending];
    for (const own of [none, first, half, late]) await expectNumbers(own, []);
    await expectNumbers(told, [length, length]);
    expect(await filesBelow(join(folder, 'uploads', 'incoming'))).toEqual([]);

    for (const [own, offset] of [[none, 0], [first, 0], [half, 2 * mb], [late, 3 * mb]] as const) {
      expect(await offsetOf(own, own.at)).toBe(offset);
      const last = await patch(own, own.at, offset, own.resumable.content.subarray(offset));
      expect([last.status, last.headers.get('upload-offset')]).toEqual([204, String(length)]);
      expect((await list(own)).results).toMatchObject([{ sha256: sha256(own.resumable), size_bytes: length }]);
      // and the plain one is sent again, as by whoever got no answer
      const sent = await own.ana.send(own.session, own.plain);
      expect([sent.status, sent.body.quota.photos.used, sent.body.quota.bytes.used]).toEqual([201, 2, 2 * length]);
    }
    expect(await offsetOf(told, told.at)).toBe(length);
    expect((await told.ana.send(told.session, told.plain, { fields: { upload_id: randomUUID() } })).status).toBe(200);
    for (const own of again) {
      await until('both are clean', async () => (await list(own)).results.every(({ status }: Body) => status === 'clean'));
      expect((await list(own)).results.map((upload: Body) => upload.sha256).sort()).toEqual([own.plain, own.resumable].map(sha256).sort());
      await until('what was sent is gone', async () => (await filesOnDisk(own)).length <= 4);
      expect(await filesOnDisk(own)).toEqual(['clean', 'clean', 'thumbnail', 'thumbnail']);
    }
    const files = openFolder(join(folder, 'uploads'), createChunkSealer(readCodecKeys(await developmentCodecKeys(folder))));
    const verified: Verified[] = [];
    // also of what was stored a moment ago
    for await (const each of verifyUploads(after, files, Date.now() + 120_000)) verified.push(each);
    expect(verified.filter(({ kind }) => kind !== 'ok')).toEqual([]);
    expect(verified.length).toBe(20);
    files.close();
  } finally {
    await after.close();
  }
});
