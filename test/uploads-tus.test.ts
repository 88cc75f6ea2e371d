/** Files by the resumable door: tus 1.0, the same layers, and byte-equal whatever is cut. */
import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Upload } from 'tus-js-client';
import { newFolder } from './support/folders.ts';
import { databaseOf } from './support/instance-stores.ts';
import { killEverything, startInstance, type Instance } from './support/instance.ts';
import { base, newTenant, type Body } from './support/person.ts';
import { addressOf, base64, create, offsetOf, openPatch, patch, tus, type Begun } from './support/resumable.ts';
import { until } from './support/until.ts';
import { photoOf, sender, sentInTime, uploadsOnDisk } from './support/uploading.ts';

let instance: Instance;
let folder: string;
const mb = 1_048_576;
const settings = {
  GANGWAY_PHOTO_BURST_PER_MINUTE: '100000', GANGWAY_PHOTO_UPLOADS_PER_DAY: '100000', GANGWAY_UPLOAD_IDLE_SECONDS: '4',
  GANGWAY_UPLOAD_SWEEP_SECONDS: '1', GANGWAY_UPLOADS_AT_ONCE: '4',
};

beforeAll(async () => {
  folder = await newFolder();
  instance = await startInstance(folder, settings);
});
afterAll(async () => {
  await instance.stop();
  await rm(folder, { recursive: true, force: true });
});

const sha256 = (content: Uint8Array, as: 'hex' | 'base64'): string => createHash('sha256').update(content).digest(as);
const onDisk = ({ session }: Begun): Promise<string[]> => uploadsOnDisk(join(folder, 'uploads'), session);
const list = async ({ ana, session }: Begun): Promise<Body> => (await ana.get(`/sessions/${session}/uploads/`)).body;

async function begun(subject = 'ana', tenant = newTenant()): Promise<Begun> {
  const ana = await sender(instance, tenant, subject, 'user');
  return { ana, session: (await ana.start()).session_id as string };
}

test('a file goes in parts, and is judged and counted as by the plain door', async () => {
  const own = await begun();
  const file = await photoOf(3 * mb + 17);
  const options = await own.ana.raw(`/sessions/${own.session}/uploads/resumable/`, 'OPTIONS', {});
  expect([options.status, Object.fromEntries(options.headers)]).toEqual([204, expect.objectContaining({
    'tus-version': '1.0.0', 'tus-extension': 'creation,checksum,termination,expiration', 'tus-checksum-algorithm': 'sha256',
    'tus-max-size': String(10 * mb),
  })]);
  const at = addressOf(await create(own, file));
  expect(await offsetOf(own, at)).toBe(0);
  let offset = 0;
  for (const size of [1_000, 2 * mb, 500_000]) {
    const piece = file.content.subarray(offset, offset + size);
    const reply = await patch(own, at, offset, piece, { 'upload-checksum': `sha256 ${sha256(piece, 'base64')}` });
    offset += piece.length;
    expect([reply.status, reply.headers.get('upload-offset'), reply.headers.get('tus-resumable')]).toEqual([204, String(offset), '1.0.0']);
    expect(reply.headers.get('upload-expires')).not.toBeNull();
    expect(await offsetOf(own, at)).toBe(offset);
  }
  expect((await list(own)).total).toBe(0);
  const last = await patch(own, at, offset, file.content.subarray(offset));
  expect([last.status, last.headers.get('upload-offset')]).toEqual([204, String(file.content.length)]);
  const become = (last.headers.get('content-location') ?? '').slice(base.length);
  expect((await own.ana.get(become)).body).toMatchObject({
    size_bytes: file.content.length, sha256: sha256(file.content, 'hex'), kind: 'photo',
  });
  // whoever lost the last answer asks how far it has come
  expect(await offsetOf(own, at)).toBe(file.content.length);
  expect((await patch(own, at, offset, Buffer.from('x'))).status).toBe(409);
  expect((await own.ana.raw(at, 'DELETE', tus)).status).toBe(405);
  expect((await list(own)).total).toBe(1);
  expect((await own.ana.send(own.session, file)).body).toMatchObject({ upload_id: become.split('/').at(-2) });
});

test('a client that everybody uses sends a file, and goes on after its connection was cut', async () => {
  const own = await begun();
  const file = await photoOf(5 * mb);
  const send = (url: string | null, stopAt: number): Promise<string> => new Promise((resolve, reject) => {
    const upload = new Upload(Buffer.from(file.content), {
      endpoint: `${own.ana.at}${base}/sessions/${own.session}/uploads/resumable/`, ...(url === null ? {} : { uploadUrl: url }),
      headers: { authorization: `Bearer ${own.ana.bearer}` }, metadata: { filename: file.name, filetype: file.type, kind: 'photo' },
      chunkSize: mb, retryDelays: [0, 100, 300, 1_000, 1_000, 2_000], uploadSize: file.content.length,
      onProgress: (sent) => { if (sent > stopAt) upload.abort().then(() => { resolve(upload.url ?? ''); }, reject); },
      onError: reject, onSuccess: () => { resolve(upload.url ?? ''); },
    });
    upload.start();
  });
  const url = await send(null, 2.5 * mb);
  expect((await list(own)).total).toBe(0);
  await send(url, Infinity);
  expect((await list(own)).results).toMatchObject([{ sha256: sha256(file.content, 'hex'), size_bytes: file.content.length }]);
});

test('what is not tus is refused, each by its status', async () => {
  const own = await begun();
  const file = await photoOf(10_000);
  const at = addressOf(await create(own, file));
  const without = await own.ana.raw(at, 'HEAD', {});
  expect([without.status, without.headers.get('tus-version')]).toEqual([412, '1.0.0']);
  expect((await own.ana.raw(at, 'HEAD', { 'tus-resumable': '0.2.2' })).status).toBe(412);
  expect((await create(own, file, { 'upload-length': '' })).status).toBe(400);
  expect((await create(own, file, { 'upload-length': '', 'upload-defer-length': '1' })).body.errors[0].code).toBe('no_length');
  expect((await create(own, file, { 'upload-length': 'x' })).status).toBe(400);
  expect((await create(own, file, { 'upload-metadata': `filename ${base64('a.png')}` })).status).toBe(400);
  expect((await create(own, file, { 'upload-metadata': 'filename !!!' })).status).toBe(400);
  expect((await patch(own, at, 5, Buffer.from('x'))).status).toBe(409);
  expect((await patch(own, at, 0, Buffer.alloc(10_001))).status).toBe(413);
  expect((await patch(own, at, 0, Buffer.from('x'), { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await patch(own, at, 0, Buffer.from('x'), { 'upload-checksum': 'md5 AAAA' })).status).toBe(400);
  const other = { 'upload-checksum': `sha256 ${sha256(Buffer.from('other'), 'base64')}` };
  const wrong = await patch(own, at, 0, file.content.subarray(0, 5_000), other);
  expect([wrong.status, wrong.body.code, wrong.headers.get('tus-resumable')]).toEqual([460, 'part_checksum_mismatch', '1.0.0']);
  expect(await offsetOf(own, at)).toBe(0);
  expect((await patch(own, at, 0, file.content.subarray(0, 5_000))).status).toBe(204);
  for (const who of [await sender(instance, own.ana.tenant, 'eve', 'user'), await sender(instance, newTenant(), 'ana', 'user')]) {
    expect((await who.raw(at, 'HEAD', tus)).status).toBe(404);
    expect((await who.raw(at, 'DELETE', tus)).status).toBe(404);
  }
  expect((await own.ana.raw(at, 'DELETE', tus)).status).toBe(204);
  expect((await own.ana.raw(at, 'HEAD', tus)).status).toBe(404);
});

test('the layers answer at the beginning, and the content with the last byte; then everything is given back', async () => {
  const own = await begun();
  const text = { content: Buffer.alloc(5_000, 'a'), name: 'a.png', type: 'image/png' };
  expect((await create(own, { ...text, name: 'a.svg' })).body.code).toBe('file_type_invalid');
  expect((await create(own, text, { 'upload-length': String(10 * mb + 1) })).body.code).toBe('file_size_limit');
  expect((await create(own, text, { 'upload-length': '0' })).body.code).toBe('file_size_limit');
  const at = addressOf(await create(own, text));
  expect((await patch(own, at, 0, text.content.subarray(0, 4_000))).status).toBe(204);
  const last = await patch(own, at, 4_000, text.content.subarray(4_000));
  expect([last.status, last.body.code]).toEqual([415, 'file_type_invalid']);
  expect((await own.ana.raw(at, 'HEAD', tus)).status).toBe(404);
  // the folder is also tried by writing to it
  await until('nothing is left', async () => (await onDisk(own)).length === 0);
  for (let times = 0; times < 20; times += 1) {
    const reply = await sentInTime(async () => create(own, await photoOf(5 * mb)));
    expect((await own.ana.raw(addressOf(reply), 'DELETE', tus)).status).toBe(204);
  }
  const held: string[] = [];
  for (let times = 0; times < 10; times += 1) held.push(addressOf(await sentInTime(async () => create(own, await photoOf(10 * mb)))));
  // reserved is taken: by the other door as well
  const over = await sentInTime(async () => own.ana.send(own.session, await photoOf(1_000)), 429);
  await until('it is the size', async () => (await own.ana.send(own.session, await photoOf(1_000))).body.code === 'session_size_limit');
  expect(over.status).toBe(429);
  await own.ana.raw(held[0] ?? '', 'DELETE', tus);
  expect((await sentInTime(async () => own.ana.send(own.session, await photoOf(1_000)))).body.quota.photos.used).toBe(1);
});

test('the same upload_id is the same upload, also when the answer was lost', async () => {
  const own = await begun();
  const file = await photoOf(10_000);
  const metadata = `filename ${base64(file.name)},kind ${base64('photo')},upload_id ${base64(randomUUID())}`;
  const first = addressOf(await create(own, file, { 'upload-metadata': metadata }));
  await patch(own, first, 0, file.content.subarray(0, 100));
  const second = await create(own, file, { 'upload-metadata': metadata });
  expect([addressOf(second), second.headers.get('upload-offset')]).toEqual([first, '100']);
  const key = { 'idempotency-key': randomUUID() };
  const keyed = addressOf(await sentInTime(() => create(own, file, key)));
  expect(addressOf(await create(own, file, key))).toBe(keyed);
});

test('of two senders the second is 423; one that went away has lost nothing that came', async () => {
  const own = await begun();
  const file = await photoOf(4 * mb);
  const at = addressOf(await create(own, file));
  const socket = await openPatch(own, at, 0, file.content, 2 * mb + 500_000);
  await until('two parts are there', async () => await offsetOf(own, at) >= 2 * mb);
  const second = await patch(own, at, 2 * mb, file.content.subarray(2 * mb));
  expect([second.status, second.body.code]).toEqual([423, 'upload_locked']);
  socket.resetAndDestroy();
  await until('the rest of what came is there', async () => await offsetOf(own, at) > 2 * mb);
  const offset = await offsetOf(own, at);
  expect(offset).toBeLessThanOrEqual(2 * mb + 500_000);
  const last = await sentInTime(() => patch(own, at, offset, file.content.subarray(offset)), 204);
  expect(last.headers.get('upload-offset')).toBe(String(4 * mb));
  expect((await list(own)).results).toMatchObject([{ sha256: sha256(file.content, 'hex') }]);
});

test('a silent sender is ended, and its place is free before that', async () => {
  const own = await begun();
  const file = await photoOf(2 * mb);
  const at = addressOf(await create(own, file));
  const socket = await openPatch(own, at, 0, file.content, 300_000);
  const answer = await new Promise<string>((resolve) => { socket.once('data', (chunk: Buffer) => { resolve(chunk.toString()); }); });
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(await offsetOf(own, at)).toBe(300_000);
  socket.destroy();
});

test('a day later it is 410, and nothing of it is left', async () => {
  const own = await begun();
  const file = await photoOf(10_000);
  const at = addressOf(await create(own, file));
  await patch(own, at, 0, file.content.subarray(0, 9_000));
  const db = await databaseOf(instance);
  try {
    await db.asTenant(own.ana.tenant).query("UPDATE uploads SET expires_at = now() - interval '1 second'");
    expect((await own.ana.raw(at, 'HEAD', tus)).status).toBe(410);
    expect((await patch(own, at, 9_000, file.content.subarray(9_000))).status).toBe(410);
    await until('its parts are gone', async () => (await onDisk(own)).length === 0);
    expect((await own.ana.raw(at, 'HEAD', tus)).status).toBe(410);
  } finally {
    await db.close();
  }
});

test('a service that is killed in the middle of a PATCH goes on from the last part, byte-equal', async () => {
  const own = await begun();
  const file = await photoOf(6 * mb);
  const at = addressOf(await create(own, file));
  const socket = await openPatch(own, at, 0, file.content, 3 * mb + 400_000);
  await until('three parts are there', async () => await offsetOf(own, at) >= 3 * mb);
  await killEverything(instance);
  socket.destroy();
  instance = await startInstance(folder, settings);
  const again = { ...own, ana: await sender(instance, own.ana.tenant, 'ana', 'user') };
  const offset = await offsetOf(again, at);
  expect(offset).toBe(3 * mb);
  const last = await sentInTime(() => patch(again, at, offset, file.content.subarray(offset)), 204);
  expect(last.headers.get('content-location')).not.toBeNull();
  await until('it is clean', async () => (await list(again)).results[0]?.status === 'clean');
  expect((await list(again)).results).toMatchObject([{ sha256: sha256(file.content, 'hex'), size_bytes: file.content.length }]);
  // the part that was under way was half a file: it is nowhere
  const db = await databaseOf(instance);
  try {
    expect(await db.asTenant(own.ana.tenant).query("SELECT 1 FROM uploads WHERE status = 'receiving'")).toEqual([]);
  } finally {
    await db.close();
  }
});
