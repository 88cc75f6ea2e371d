/** Layers 6 and 7, and the day's photos, with the numbers that users have. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pdf } from './support/files/documents.ts';
import { newFolder } from './support/folders.ts';
import { startInstance, type Instance } from './support/instance.ts';
import { newTenant, type Reply } from './support/person.ts';
import { until } from './support/until.ts';
import { photo, sender, type File, type Sender } from './support/uploading.ts';

let instance: Instance;
let folder: string;

beforeAll(async () => {
  folder = await newFolder();
  instance = await startInstance(folder, { GANGWAY_PHOTO_UPLOADS_PER_DAY: '15' });
});
afterAll(async () => {
  await instance.stop();
  await rm(folder, { recursive: true, force: true });
});

const told = ({ status, body, headers }: Reply): readonly unknown[] => (
  status === 201 ? [201] : [status, body.code, body.violated_policies, Number(headers.get('retry-after')) >= 1]
);
const document = (text: string): File => ({ content: pdf(`% ${text}`), name: 'a.pdf', type: 'application/pdf' });

async function begun(): Promise<{ ana: Sender; session: string }> {
  const ana = await sender(instance, newTenant(), 'ana', 'user');
  return { ana, session: (await ana.start()).session_id as string };
}

test('Burst protection', async () => {
  const { ana, session } = await begun();
  // what was refused, or failed, counts on nothing
  for (let times = 0; times < 3; times += 1) {
    expect((await ana.send(session, { ...await photo(), content: Buffer.from('no picture') })).status).toBe(415);
    expect((await ana.send(session, await photo(), { fields: { sha256: '0'.repeat(64) } })).status).toBe(422);
  }
  for (let times = 0; times < 10; times += 1) expect(told(await ana.send(session, await photo()))).toEqual([201]);
  expect(told(await ana.send(session, await photo()))).toEqual([429, 'burst_limit', ['photo_burst'], true]);
  // documents and voice are no photos
  expect(told(await ana.send(session, document('one'), { kind: 'document' }))).toEqual([201]);
  // another session of the same person is the same person
  const second = (await ana.start({ flow: 'site_survey' })).session_id as string;
  expect((await ana.send(second, await photo())).body.code).toBe('burst_limit');
});

test('what the session has already is told at a full quota too where its hash is declared, and takes nothing; other bytes are not', async () => {
  const { ana, session } = await begun();
  const file = await photo();
  const hash = createHash('sha256').update(file.content).digest();
  const first = await ana.send(session, file);
  for (let times = 1; times < 10; times += 1) expect(told(await ana.send(session, await photo()))).toEqual([201]);
  const declared = [
    { fields: { sha256: hash.toString('hex') } }, { headers: { 'content-digest': `sha-256=:${hash.toString('base64')}:` } },
  ];
  for (const sending of declared) {
    const again = await ana.send(session, file, sending);
    expect([again.status, again.body.upload_id, again.body.quota.photos.used]).toEqual([200, first.body.upload_id, 10]);
    const other = await ana.send(session, await photo(), sending);
    expect([other.status, other.body.code]).toEqual([422, 'checksum_mismatch']);
  }
  // whoever declares nothing is asked for room first
  expect((await ana.send(session, file)).body.code).toBe('burst_limit');
  // what is elsewhere is not here, and what has gone is not there
  const second = (await ana.start({ flow: 'site_survey' })).session_id as string;
  expect((await ana.send(second, file, declared[0])).body.code).toBe('burst_limit');
  expect((await ana.raw(`/sessions/${session}/uploads/${first.body.upload_id}/`, 'DELETE', {})).status).toBe(204);
  expect((await ana.send(session, file, declared[0])).body.code).toBe('burst_limit');
  expect((await ana.get(`/sessions/${session}/uploads/`)).body.total).toBe(9);
});

test('Window expiration', async () => {
  const { ana, session } = await begun();
  for (let times = 0; times < 10; times += 1) expect(told(await ana.send(session, await photo()))).toEqual([201]);
  const over = await ana.send(session, await photo());
  const waitMs = Number(over.headers.get('retry-after')) * 1_000;
  expect([over.body.code, waitMs > 0, waitMs <= 60_000]).toEqual(['burst_limit', true, true]);
  const began = performance.now();
  await until('the window is over', async () => (await ana.send(session, await photo())).status === 201);
  const took = performance.now() - began;
  expect([took > waitMs - 2_000, took < waitMs + 5_000]).toEqual([true, true]);
  // 11 of the day's 15: it ends before the next minute does, and says so
  await until('the day is used up', async () => (await ana.send(session, await photo())).body.code === 'rate_limited');
  const day = told(await ana.send(session, await photo()));
  expect(day).toEqual([429, 'rate_limited', expect.arrayContaining(['photo_uploads_per_day']), true]);
  expect(told(await ana.send(session, document('two'), { kind: 'document' }))).toEqual([201]);
});

test('50 photos at once: 10 pass at most, however they are mixed, and each place is given back', async () => {
  const { ana, session } = await begun();
  const files = await Promise.all(Array.from({ length: 50 }, () => photo()));
  const replies = await Promise.all(files.map((file) => ana.send(session, file)));
  const passed = replies.filter(({ status }) => status === 201).length;
  expect(replies.every(({ status, body }) => status === 201 || body.code === 'concurrent_limit' || body.code === 'burst_limit')).toBe(true);
  expect(passed).toBeGreaterThanOrEqual(1);
  expect(passed).toBeLessThanOrEqual(10);
  for (let more = passed; more < 10; more += 1) expect(told(await ana.send(session, await photo()))).toEqual([201]);
  expect((await ana.send(session, await photo())).body.code).toBe('burst_limit');
  expect((await ana.get(`/sessions/${session}/uploads/`)).body.total).toBe(10);
});

test('while Redis is away photos are 503 with Retry-After and consume nothing; documents go on', async () => {
  const { ana, session } = await begun();
  const { pids } = await instance.runFile();
  const redis = Number(pids['redis']);
  process.kill(redis, 'SIGSTOP');
  try {
    const refused = await ana.send(session, await photo());
    expect(told(refused).slice(0, 2)).toEqual([503, 'limiter_unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(told(await ana.send(session, document('three'), { kind: 'document' }))).toEqual([201]);
  } finally {
    process.kill(redis, 'SIGCONT');
  }
  await until('photos go again', async () => (await ana.send(session, await photo())).status === 201);
  expect((await ana.send(session, await photo())).body.quota).toMatchObject({ photos: { used: 2 } });
});
