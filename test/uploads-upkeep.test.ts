/** What looks after uploads when nobody else does: those that wait, those that nobody needs, and whether files and rows agree. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cleanUp } from '../activities/clean-up-uploads.ts';
import { startWaiting } from '../activities/reconcile-uploads.ts';
import type { UploadStatus } from '../domain/upload.ts';
import { createChunkSealer, unsealedChunks } from '../encryption/sealed-chunks.ts';
import { createSealer, readCodecKeys, sealedAs } from '../encryption/sealer.ts';
import { openFolder } from '../stores/files/folder.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { UploadTry } from '../stores/postgres/uploads.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { filesOf, sessionPrefix } from '../uploads/files.ts';
import { forgetSessionUploads } from '../uploads/forgetting.ts';
import { Inspecting } from '../uploads/inspecting.ts';
import { verifyUploads } from '../uploads/verifying.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { from, listed } from './support/file-store-contract.ts';
import { jpeg } from './support/files/pictures.ts';
import { newFolder, root } from './support/folders.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, newTenant } from './support/person.ts';
import { judged, photo, sendFile } from './support/sending.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';
import { openUpload, photo as sentPhoto, sender } from './support/uploading.ts';

const instance = await sharedInstance();
const sealer = createSealer(readCodecKeys(testCodecKeys));
let db: Database;
let folder: string;
let files: FileStore;
beforeAll(async () => {
  db = await databaseOf(instance);
  folder = await newFolder();
  files = openFolder(folder, createChunkSealer(readCodecKeys(testCodecKeys)));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

interface Planted extends UploadTry { readonly bytes: Buffer }

/** A row with its files, as old as it is told. */
async function planted(tenant: string, status: UploadStatus, days = 0, session: string = randomUUID()): Promise<Planted> {
  const upload = { tenant, session_id: session, upload_id: randomUUID(), object_id: randomUUID() };
  const bytes = randomBytes(1_000);
  const clean = {
    family: 'jpeg', size_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), width: 1, height: 1,
    thumbnail: true, scan: 'not_configured',
  };
  await db.asSystem().query(
    `INSERT INTO uploads (upload_id, tenant, session_id, owner, object_id, kind, status, sealed_name, declared_bytes, size_bytes, sha256,
       family, clean, resumable, active_until, expires_at, created_at, settled_at)
     VALUES ($1, $2, $3, 'ana', $4, 'photo', $5, '', 1000, 1000, $6, 'jpeg', $7, false, now(), now() + interval '1 day',
       now() - make_interval(days => $8), now() - make_interval(days => $8))`,
    [
      upload.upload_id, tenant, session, upload.object_id, status, createHash('sha256').update(bytes).digest(),
      status === 'clean' ? clean : null, days,
    ],
  );
  const { sent, clean: cleanKey, thumbnail } = filesOf(upload);
  const names = status === 'clean' ? [cleanKey, thumbnail] : status === 'quarantined' || status === 'receiving' ? [sent] : [];
  for (const key of names) await files.put(key, from(bytes));
  return { ...upload, bytes };
}

async function endedSession(
  tenant: string, days: number, answers: readonly { value: unknown; superseded: boolean }[] | null,
): Promise<string> {
  const id = randomUUID();
  const snapshot = answers === null ? null : sealer.seal(Buffer.from(JSON.stringify({ answers })), sealedAs.snapshot(tenant, id));
  await db.asSystem().query(
    `INSERT INTO sessions (session_id, tenant, owner, flow_id, flow_version, language, segment, state, ended_at, claim_token,
       claim_expires_at, confirmed, view, snapshot)
     VALUES ($1, $2, $3, 'f', 1, 'en', 'first_time', 'completed', now() - make_interval(days => $4), $1, now(), true, '{}', $5)`,
    [id, tenant, id, days, snapshot],
  );
  return id;
}

async function statusOf({ upload_id: id }: UploadTry): Promise<string | undefined> {
  return (await db.asSystem().query<{ status: string }>('SELECT status FROM uploads WHERE upload_id = $1', [id]))[0]?.status;
}

describe('uploads that wait', () => {
  test('for longer than usual are looked into, more than one page of them, and no others', async () => {
    const tenant = newTenant();
    await db.asSystem().query(
      `INSERT INTO uploads (upload_id, tenant, session_id, owner, object_id, kind, status, sealed_name, declared_bytes, resumable,
         active_until, expires_at, settled_at)
       SELECT gen_random_uuid(), $1, gen_random_uuid(), 'ana', gen_random_uuid(), 'voice', 'quarantined', '', 1, false, now(), now(),
         now() - interval '2 minutes' - (n / 3) * interval '1 second' FROM generate_series(1, 1100) AS n`,
      [tenant],
    );
    const [young, clean] = [await planted(tenant, 'quarantined'), await planted(tenant, 'clean', 1)];
    const started: string[] = [];
    await startWaiting({
      db, waitingMs: 60_000,
      workflows: { start: (upload) => { if (upload.tenant === tenant) started.push(upload.upload_id); return Promise.resolve(); } },
    });
    expect([started.length, new Set(started).size]).toEqual([1_100, 1_100]);
    expect(started).not.toContain(young.upload_id);
    expect(started).not.toContain(clean.upload_id);
    await db.asSystem().query('DELETE FROM uploads WHERE tenant = $1', [tenant]);
  });
});

describe('uploads that nobody needs', () => {
  test('go 30 days after the end of their session, unless one of its answers names them', async () => {
    const tenant = newTenant();
    const used = await planted(tenant, 'clean', 100);
    const dropped = await planted(tenant, 'clean', 100);
    const session = await endedSession(tenant, 31, [
      { value: used.upload_id, superseded: false }, { value: dropped.upload_id, superseded: true },
    ]);
    await db.asSystem().query('UPDATE uploads SET session_id = $1 WHERE tenant = $2', [session, tenant]);
    for (const each of [used, dropped]) {
      const { clean, thumbnail } = filesOf({ ...each, session_id: session });
      for (const key of [clean, thumbnail]) await files.put(key, from(each.bytes));
    }
    const recent = await planted(tenant, 'clean', 100, await endedSession(tenant, 29, []));
    const rejected = await planted(tenant, 'rejected', 100, await endedSession(tenant, 31, []));
    const unknown = await planted(tenant, 'quarantined', 100, await endedSession(tenant, 31, null));
    // sealed for another session: it cannot be opened, and nobody knows what it answers
    const broken = await planted(tenant, 'clean', 100);
    const other = await endedSession(tenant, 31, []);
    await db.asSystem().query('UPDATE sessions SET snapshot = $1 WHERE session_id = $2', [
      sealer.seal(Buffer.from('{}'), sealedAs.snapshot(tenant, randomUUID())), other,
    ]);
    await db.asSystem().query('UPDATE uploads SET session_id = $1 WHERE upload_id = $2', [other, broken.upload_id]);

    const cleaned = await cleanUp({ db, files, sealer, keepDays: 30, storedBefore: 0 });
    expect(cleaned).toMatchObject({ deleted: 3, kept: 1, failed: 1 });
    expect(await Promise.all([used, dropped, recent, rejected, unknown, broken].map(statusOf))).toEqual([
      'clean', 'deleted', 'clean', 'deleted', 'deleted', 'clean',
    ]);
    expect(await files.open(filesOf({ ...dropped, session_id: session }).clean)).toBeNull();
    expect(await files.open(filesOf(unknown).sent)).toBeNull();
    expect(await files.open(filesOf({ ...used, session_id: session }).clean)).not.toBeNull();
    // what was looked at once and stays is not opened again
    expect(await cleanUp({ db, files, sealer, keepDays: 30, storedBefore: 0 })).toMatchObject({ deleted: 0, kept: 0, failed: 1 });
  });

  test('and stored files that belong to no upload go a day later; nothing that belongs to one does', async () => {
    const own = openFolder(join(folder, 'own'), createChunkSealer(readCodecKeys(testCodecKeys)));
    const tenant = newTenant();
    const put = async (upload: UploadTry, ...names: string[]): Promise<string[]> => {
      const keys = names.map((name) => `${filesOf(upload).prefix}${name}`);
      for (const key of keys) await own.put(key, from(Buffer.from('x')));
      return keys;
    };
    const belonging = [
      ...await put(await planted(tenant, 'receiving'), 'sent', 'part-1'),
      ...await put(await planted(tenant, 'quarantined'), 'sent', 'clean'),
      ...await put(await planted(tenant, 'clean'), 'clean', 'thumbnail'),
    ];
    const without = [
      ...await put({ tenant, session_id: randomUUID(), upload_id: randomUUID(), object_id: randomUUID() }, 'sent', 'part-1'),
      ...await put(await planted(tenant, 'clean'), 'sent', 'part-1'), ...await put(await planted(tenant, 'quarantined'), 'part-1'),
      ...await put(await planted(tenant, 'rejected'), 'sent'), ...await put(await planted(tenant, 'deleted'), 'clean'),
    ];
    await own.put('checks/left', from(Buffer.from('x')));
    const cleaned = async (storedBefore: number): Promise<number> => (
      await cleanUp({ db, files: own, sealer, keepDays: 30, storedBefore })
    ).ownerless_files;
    expect(await cleaned(Date.now() - 86_400_000)).toBe(0);
    expect(await cleaned(Date.now() + 60_000)).toBe(without.length + 1);
    expect(await listed(own)).toEqual(belonging.toSorted());
  });
});

test('what was killed between its word and the end of its files is looked into again: only what is handed on stays', async () => {
  const tenant = newTenant();
  const never = (): never => { throw new Error('It has its verdict.'); };
  const inspecting = new Inspecting({
    db, files, scanner: { name: 'not_configured', scan: never }, processing: { process: never },
  });
  const noSignal = new AbortController().signal;
  const [clean, rejected] = [await planted(tenant, 'clean'), await planted(tenant, 'rejected')];
  for (const upload of [clean, rejected]) {
    const { sent, part } = filesOf(upload);
    for (const key of [sent, part(`2-${randomUUID()}`)]) await files.put(key, from(upload.bytes));
  }
  expect(await inspecting.inspect(clean, noSignal)).toEqual({ status: 'clean', reason: null });
  const { prefix, clean: cleanKey, thumbnail } = filesOf(clean);
  expect(await listed(files, prefix)).toEqual([cleanKey, thumbnail]);
  expect(await inspecting.inspect(rejected, noSignal)).toEqual({ status: 'rejected', reason: null });
  expect(await listed(files, filesOf(rejected).prefix)).toEqual([]);
  // a try before this one says nothing about the files of this one
  expect(await inspecting.inspect({ ...clean, object_id: randomUUID() }, noSignal)).toEqual({ status: 'gone' });
  expect(await listed(files, prefix)).toEqual([cleanKey, thumbnail]);
});

describe('npm run uploads:verify', () => {
  test('tells a file that is missing, one that was changed, one whose key is gone and one that belongs to nobody, each by its key', async () => {
    const tenant = newTenant();
    const [whole, waiting, missing, changed] = [
      await planted(tenant, 'clean'), await planted(tenant, 'quarantined'), await planted(tenant, 'clean'), await planted(tenant, 'clean'),
    ];
    const otherKey = await planted(tenant, 'quarantined');
    await files.delete([filesOf(missing).thumbnail]);
    await writeFile(join(folder, 'files', filesOf(changed).clean), randomBytes(2_000));
    const elsewhere = openFolder(folder, createChunkSealer(readCodecKeys(`gone:${randomBytes(32).toString('base64')}`)));
    await elsewhere.put(filesOf(otherKey).sent, from(otherKey.bytes));
    const nobodys = { tenant, session_id: randomUUID(), upload_id: randomUUID(), object_id: randomUUID() };
    await files.put(filesOf(nobodys).sent, from(Buffer.from('x')));

    const found = new Map<string, string>();
    const mine = filesOf(whole).prefix.split('/')[0] ?? '';
    for await (const { kind, key } of verifyUploads(db, files, Date.now() + 120_000)) if (key.startsWith(mine)) found.set(key, kind);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries([
      [filesOf(whole).clean, 'ok'], [filesOf(whole).thumbnail, 'ok'], [filesOf(waiting).sent, 'ok'], [filesOf(missing).clean, 'ok'],
      [filesOf(missing).thumbnail, 'missing'], [filesOf(changed).clean, 'changed'], [filesOf(changed).thumbnail, 'ok'],
      [filesOf(otherKey).sent, 'key_missing'], [filesOf(nobodys).sent, 'ownerless'],
    ]));
    await db.asSystem().query('DELETE FROM uploads WHERE tenant = $1', [tenant]);
  });

  test('is a command that ends with 1 when anything is wrong, and says each by a line', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const { body } = await sendFile(ana, id, photo(await jpeg()));
    await judged(ana, id, body.upload_id);
    const row = await db.asSystem().query<{ object_id: string }>('SELECT object_id FROM uploads WHERE upload_id = $1', [body.upload_id]);
    const upload = { tenant: ana.tenant, session_id: id, upload_id: body.upload_id, object_id: row[0]?.object_id ?? '' };
    const verify = (): Promise<{ code: number; said: string }> => new Promise((resolve) => {
      const env = { ...process.env, GANGWAY_DATA: instance.folder };
      execFile(process.execPath, [join(root, 'scripts/uploads-verify.ts')], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), said: `${stdout}${stderr}` });
      });
    });
    // rows that other tests have planted beside us have no files there
    expect((await verify()).said).not.toContain(filesOf(upload).prefix);
    await rm(join(instance.folder, 'uploads/files', filesOf(upload).clean));
    const { code, said } = await verify();
    expect(said).toContain(`missing ${filesOf(upload).clean}\n`);
    expect(said).toMatch(/\d+ files are what they were, \d+ are not\n$/);
    expect(code).toBe(1);
  });
});

describe('All uploads of sessions', () => {
  const rowsOf = async (tenant: string, of: Database = db): Promise<string[]> => (
    await of.asTenant(tenant).query<{ session_id: string }>('SELECT session_id FROM uploads ORDER BY created_at')
  ).map(({ session_id: id }) => id);

  test('are forgotten, files and rows, whatever became of them, and those of other sessions and tenants stay', async () => {
    const [tenant, other, session, kept] = [newTenant(), newTenant(), randomUUID(), randomUUID()];
    for (const status of ['receiving', 'quarantined', 'clean', 'rejected', 'deleted'] as const) await planted(tenant, status, 0, session);
    // a file whose row has gone
    const lost = await planted(tenant, 'quarantined', 0, session);
    await db.asTenant(tenant).query('DELETE FROM uploads WHERE upload_id = $1', [lost.upload_id]);
    const stays = [await planted(tenant, 'clean', 0, kept), await planted(other, 'clean', 0, session)];
    expect(await forgetSessionUploads({ db, files }, tenant, [session, randomUUID()])).toBe(5);
    expect([await rowsOf(tenant), await rowsOf(other)]).toEqual([[kept], [session]]);
    expect(await listed(files, sessionPrefix(tenant, session))).toEqual([]);
    for (const upload of stays) expect(await listed(files, filesOf(upload).prefix)).not.toEqual([]);
    expect(await forgetSessionUploads({ db, files }, tenant, [session])).toBe(0);
  });

  test('are not half forgotten for good: where files do not go rows stay, and once more takes both', async () => {
    const [tenant, session] = [newTenant(), randomUUID()];
    for (const status of ['quarantined', 'clean'] as const) await planted(tenant, status, 0, session);
    const broken = { ...files, delete: () => Promise.reject(new StoreUnavailableError('files', null)) };
    await expect(forgetSessionUploads({ db, files: broken }, tenant, [session])).rejects.toMatchObject({ store: 'files' });
    expect(await rowsOf(tenant)).toEqual([session, session]);
    expect(await forgetSessionUploads({ db, files }, tenant, [session])).toBe(2);
    expect([await rowsOf(tenant), await listed(files, sessionPrefix(tenant, session))]).toEqual([[], []]);
  });

  test('are forgotten while one is being sent: its sender is told, and nothing of it is stored', async () => {
    const ana = await sender(instance, newTenant(), 'ana', 'user');
    const { session_id: session } = await ana.start() as { session_id: string };
    const [there, coming] = [await sentPhoto(), await sentPhoto()];
    expect((await ana.send(session, there)).status).toBe(201);
    const socket = await openUpload(ana, session, coming, 100);
    let answer = '';
    socket.on('data', (data: Buffer) => { answer += data.toString('latin1'); });
    await until('it is on its way', async () => (await rowsOf(ana.tenant)).length === 2);
    const stored = openFolder(join(instance.folder, 'uploads'), unsealedChunks);
    expect(await forgetSessionUploads({ db, files: stored }, ana.tenant, [session])).toBe(2);
    socket.write(coming.content.subarray(100));
    socket.write('\r\n--b-0123456789--\r\n');
    await until('its sender is told', () => answer.includes('upload_gone'));
    expect([await rowsOf(ana.tenant), await listed(stored, sessionPrefix(ana.tenant, session))]).toEqual([[], []]);
    socket.destroy();
  });
});
