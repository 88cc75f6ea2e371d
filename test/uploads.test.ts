/** Files by the plain door: the seven layers, and that nothing stays of what came to nothing. */
import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { docx, pdf } from './support/files/documents.ts';
import { heic, jpeg } from './support/files/pictures.ts';
import { wav, webm } from './support/files/sounds.ts';
import { newFolder } from './support/folders.ts';
import { databaseOf } from './support/instance-stores.ts';
import { startInstance, type Instance } from './support/instance.ts';
import { newTenant, type Body, type Reply } from './support/person.ts';
import { until } from './support/until.ts';
import { openUpload, photo, photoOf, sender, sentInTime, uploadsOnDisk, type File, type Sender } from './support/uploading.ts';

let instance: Instance;
let folder: string;
const mb = 1_048_576;

beforeAll(async () => {
  folder = await newFolder();
  instance = await startInstance(folder, {
    GANGWAY_PHOTO_BURST_PER_MINUTE: '100000', GANGWAY_PHOTO_UPLOADS_PER_DAY: '100000', GANGWAY_UPLOAD_IDLE_SECONDS: '4',
    GANGWAY_UPLOAD_LEASE_SECONDS: '2', GANGWAY_UPLOAD_SWEEP_SECONDS: '1',
  });
});
afterAll(async () => {
  await instance.stop();
  await rm(folder, { recursive: true, force: true });
});

async function begun(subject = 'ana', tenant = newTenant()): Promise<{ ana: Sender; session: string; list: () => Promise<Body> }> {
  const ana = await sender(instance, tenant, subject, 'user');
  const session = (await ana.start()).session_id as string;
  return { ana, session, list: async () => (await ana.get(`/sessions/${session}/uploads/`)).body };
}

const onDisk = (session: string): Promise<string[]> => uploadsOnDisk(join(folder, 'uploads'), session);
const idsOf = (list: Body): string[] => list.results.map(({ upload_id: id }: Body) => id).sort();
const codeOf = ({ status, body }: { readonly status: number; readonly body: Body }): readonly unknown[] => [status, body.code];
const mistakeOf = ({ body }: { readonly body: Body }): string => body.errors[0].code as string;

/** Status and code of what is answered to a form of which one byte of the file has come, and no more. */
async function answerAtFirstByte(ana: Sender, session: string, file: File): Promise<string> {
  const socket = await openUpload(ana, session, file, 1);
  const answer = await new Promise<string>((resolve) => { socket.once('data', (data: Buffer) => { resolve(data.toString()); }); });
  socket.destroy();
  return /^HTTP\/1\.1 (\d+) [\s\S]*"code":"(\w+)"/.exec(answer)?.slice(1).join(' ') ?? answer;
}

test('Normal operation', async () => {
  const { ana, session, list } = await begun();
  const file = await photo();
  const sent = await ana.send(session, file);
  const sha256 = createHash('sha256').update(file.content).digest('hex');
  expect([sent.status, sent.body]).toEqual([201, {
    upload_id: expect.any(String), kind: 'photo', size_bytes: file.content.length, sha256, status: 'quarantined',
    quota: {
      photos: { used: 1, limit: 50 }, documents: { used: 0, limit: 20 }, bytes: { used: file.content.length, limit: 100 * mb },
    },
  }]);
  const again = await ana.send(session, { ...file, name: 'other.jpg' }, { kind: 'document' });
  expect([again.status, again.body.upload_id, again.body.quota.documents.used]).toEqual([200, sent.body.upload_id, 0]);
  const others: readonly [string, File][] = [
    ['document', { content: pdf(), name: 'plan.pdf', type: 'application/pdf' }],
    ['document', { content: docx(), name: 'rules.docx', type: '' }], ['voice', { content: wav(), name: 'note.wav', type: 'audio/x-wav' }],
    ['voice', { content: webm(), name: 'note.webm', type: 'audio/webm;codecs=opus' }],
    ['photo', { content: await heic('photo'), name: 'IMG.HEIC', type: 'application/octet-stream' }],
  ];
  for (const [kind, other] of others) expect([other.name, (await ana.send(session, other, { kind })).status]).toEqual([other.name, 201]);
  const listed = await list();
  const names = listed.results.map(({ name }: Body) => name);
  expect(names).toEqual(['IMG.HEIC', 'note.webm', 'note.wav', 'rules.docx', 'plan.pdf', 'photo.jpg']);
  expect(listed).toMatchObject({ total: 6, next_cursor: null });
  const one = await ana.get(`/sessions/${session}/uploads/${sent.body.upload_id}/`);
  expect(one.body).toMatchObject({
    upload_id: sent.body.upload_id, session_id: session, name: 'photo.jpg', type: 'image/jpeg', sha256, width: 120, height: 80,
  });
});

test('File type validation', async () => {
  const { ana, session, list } = await begun();
  const bad: readonly [string, File][] = [
    ['photo', { content: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), name: 'a.svg', type: 'image/svg+xml' }],
    ['photo', { content: Buffer.from('MZ\x90\0'), name: 'a.jpg', type: 'image/jpeg' }],
    ['photo', { content: pdf(), name: 'a.pdf', type: 'application/pdf' }],
    ['photo', { content: await jpeg(), name: 'IMG.heic', type: '' }],
    ['photo', { content: await heic('photo'), name: 'IMG.jpg', type: 'image/jpeg' }],
    ['document', { content: wav(), name: 'a.wav', type: 'audio/wav' }],
  ];
  for (const [kind, file] of bad) {
    expect([file.name, codeOf(await ana.send(session, file, { kind }))]).toEqual([file.name, [415, 'file_type_invalid']]);
  }
  expect((await list()).total).toBe(0);
  expect((await ana.send(session, await photo())).body.quota).toMatchObject({ photos: { used: 1 } });
});

test('Photo quota enforcement', async () => {
  const { ana, session, list } = await begun();
  for (let at = 0; at < 49; at += 1) expect((await ana.send(session, await photo())).status).toBe(201);
  // 20 at once for the last place: whoever finds all places taken comes back
  const files = await Promise.all(Array.from({ length: 20 }, () => photo()));
  const replies = await Promise.all(files.map(async (file) => {
    let reply = await ana.send(session, file);
    while (reply.body.code === 'concurrent_limit') reply = await ana.send(session, file);
    return reply;
  }));
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(replies.filter(({ body }) => body.code === 'session_photo_limit')).toHaveLength(19);
  expect(await list()).toMatchObject({ total: 50 });
  const over = await ana.send(session, await photo());
  expect([...codeOf(over), Number(over.headers.get('retry-after')) >= 1]).toEqual([429, 'session_photo_limit', true]);
  expect((await ana.send(session, { content: pdf(), name: 'a.pdf', type: 'application/pdf' }, { kind: 'document' })).status).toBe(201);
  const [newest] = (await list()).results as Body[];
  const [kept] = ((await list()).results as Body[]).filter(({ kind }) => kind === 'photo');
  expect(newest.kind).toBe('document');
  expect((await ana.raw(`/sessions/${session}/uploads/${kept.upload_id}/`, 'DELETE', {})).status).toBe(204);
  expect((await ana.send(session, await photo())).status).toBe(201);
});

test('Total size limit', async () => {
  const { ana, session, list } = await begun();
  for (let at = 0; at < 9; at += 1) expect((await ana.send(session, await photoOf(10 * mb))).status).toBe(201);
  // to the last byte, as one by one
  expect(codeOf(await ana.send(session, await photoOf(10 * mb + 1)))).toEqual([413, 'file_size_limit']);
  const small = await ana.send(session, await photoOf(1_000));
  expect(codeOf(await ana.send(session, await photoOf(10 * mb)))).toEqual([429, 'session_size_limit']);
  expect((await ana.raw(`/sessions/${session}/uploads/${small.body.upload_id}/`, 'DELETE', {})).status).toBe(204);
  expect((await ana.send(session, await photoOf(10 * mb))).body.quota.bytes).toEqual({ used: 100 * mb, limit: 100 * mb });
  const over = await ana.send(session, await photo());
  expect([...codeOf(over), over.body.violated_policies]).toEqual([429, 'session_size_limit', ['session_size_limit']]);
  expect((await list()).total).toBe(10);
  await until('what is on disk is what is listed', async () => String(await onDisk(session)) === String(idsOf(await list())));
});

test('Concurrent upload limit', async () => {
  const { ana, session } = await begun();
  const file = await photoOf(mb);
  const open: Socket[] = [];
  const trickle = setInterval(() => { for (const socket of open) socket.write('x'); }, 200);
  try {
    for (let at = 0; at < 3; at += 1) open.push(await openUpload(ana, session, await photoOf(mb), 1_000));
    const db = await databaseOf(instance);
    await until('all places are taken', async () => (
      await db.asSystem().query("SELECT FROM uploads WHERE session_id = $1 AND status = 'receiving'", [session])
    ).length === 3);
    await db.close();
    let refused: Reply | undefined;
    await until('one more is refused', async () => {
      refused = await ana.send(session, await photo());
      return refused.status === 429;
    });
    if (refused === undefined) throw new Error('unreachable');
    expect(codeOf(refused)).toEqual([429, 'concurrent_limit']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await answerAtFirstByte(ana, session, await photoOf(5 * mb))).toBe('429 concurrent_limit');
    // another session of the same person has no more places, another person has their own
    const eve = await begun('eve', ana.tenant);
    expect((await eve.ana.send(eve.session, await photo())).status).toBe(201);
    const began = performance.now();
    open.shift()?.resetAndDestroy();
    await sentInTime(() => ana.send(session, file));
    expect(performance.now() - began).toBeLessThan(5_000);
  } finally {
    clearInterval(trickle);
    for (const socket of open) socket.destroy();
  }
});

test('what is declared is judged before the bytes are sent', async () => {
  const { ana, session, list } = await begun();
  const svg = { ...await photoOf(5 * mb), name: 'a.svg', type: 'image/svg+xml' };
  expect(await answerAtFirstByte(ana, session, svg)).toBe('415 file_type_invalid');
  expect(await answerAtFirstByte(ana, session, await photoOf(10 * mb + 1))).toBe('413 file_size_limit');
  expect((await list()).total).toBe(0);
});

test('a sender that goes away in the middle leaves nothing, and one that falls silent is ended', async () => {
  const { ana, session, list } = await begun();
  for (let at = 0; at < 20; at += 1) {
    const socket = await openUpload(ana, session, await photoOf(8 * mb), 3 * mb);
    await until('it was taken', () => socket.bytesWritten >= 3 * mb || socket.destroyed);
    socket.resetAndDestroy();
  }
  const began = performance.now();
  const good = await sentInTime(async () => ana.send(session, await photo()));
  expect([performance.now() - began < 5_000, good.body.quota.photos]).toEqual([true, { used: 1, limit: 50 }]);
  const silent = await Promise.all(Array.from({ length: 3 }, async () => openUpload(ana, session, await photoOf(8 * mb), mb)));
  const answers = await Promise.all(silent.map((socket) => text(socket)));
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
  expect((await ana.send(session, await photo())).body.quota.photos.used).toBe(2);
  expect((await list()).total).toBe(2);
  await until('nothing is left of them', async () => String(await onDisk(session)) === String(idsOf(await list())));
  const db = await databaseOf(instance);
  try {
    expect(await db.asTenant(ana.tenant).query("SELECT 1 FROM uploads WHERE status = 'receiving'")).toEqual([]);
  } finally {
    await db.close();
  }
});

describe('a body that is not quite a form', () => {
  const boundary = 'x-boundary';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  const end = `\r\n--${boundary}--\r\n`;
  const bodies = (content: Buffer): readonly [string, Buffer | string, Readonly<Record<string, string>>?][] => [
    ['no closing boundary', Buffer.concat([Buffer.from(head), content])],
    ['a closing boundary broken by a blank', Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary} --\r\n`)])],
    ['a part header directly followed by the boundary', `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"${end}`],
    ['an empty file name', `${head.replace('a.jpg', '')}x${end}`], ['no name', `${head.replace('name="file"; ', '')}x${end}`],
    ['10,000 empty parts', `${`--${boundary}\r\n\r\n\r\n`.repeat(10_000)}${end}`],
    ['two files', Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n${head}`), content, Buffer.from(end)])],
    ['a header line of 100 kB', `--${boundary}\r\nX: ${'y'.repeat(100_000)}\r\n${head.slice(boundary.length + 4)}x${end}`],
    ['a part without a type, and nothing in it', `${head.replace('Content-Type: image/jpeg\r\n', '')}${end}`],
    ['a boundary of 200 characters', `${head}x${end}`, { 'content-type': `multipart/form-data; boundary=${'z'.repeat(200)}` }],
    ['no boundary', `${head}x${end}`, { 'content-type': 'multipart/form-data' }],
    ['a compressed body', `${head}x${end}`, { 'content-encoding': 'gzip' }],
  ];

  test('is answered, 20 of each at once, within 5 s, and takes nothing', async () => {
    const { ana, session, list } = await begun();
    for (const [what, body, headers = {}] of bodies(Buffer.from((await photo()).content))) {
      const began = performance.now();
      const replies = await Promise.all(Array.from({ length: 20 }, () => ana.raw(`/sessions/${session}/uploads/?kind=photo`, 'POST', {
        'content-type': `multipart/form-data; boundary=${boundary}`, ...headers,
      }, Buffer.from(body))));
      const statuses = new Set(replies.map(({ status, body: problem }) => (problem.code === 'concurrent_limit' ? 400 : status)));
      expect([what, [...statuses].every((status) => [400, 413, 415].includes(status))]).toEqual([what, true]);
      for (const { headers: given } of replies) expect(given.get('content-type')).toContain('application/problem+json');
      expect([what, performance.now() - began < 5_000]).toEqual([what, true]);
    }
    expect((await fetch(`${instance.url}/livez`)).status).toBe(200);
    expect((await instance.runFile()).pid).toBe(instance.pid);
    await until('nothing is left', async () => (await onDisk(session)).length === 0);
    expect((await sentInTime(async () => ana.send(session, await photo()))).body.quota.photos.used).toBe(1);
    expect((await list()).total).toBe(1);
  });
});

test('what was declared and what came have to be the same; else nothing is consumed', async () => {
  const { ana, session, list } = await begun();
  const file = await photo();
  const sha256 = createHash('sha256').update(file.content).digest();
  const wrong = createHash('sha256').update('other').digest();
  expect(codeOf(await ana.send(session, file, { fields: { sha256: wrong.toString('hex') } }))).toEqual([422, 'checksum_mismatch']);
  const digest = { 'content-digest': `sha-256=:${wrong.toString('base64')}:` };
  expect(codeOf(await ana.send(session, file, { headers: digest }))).toEqual([422, 'checksum_mismatch']);
  expect(codeOf(await ana.send(session, file, { fields: { sha256: 'abc' } }))).toEqual([400, 'invalid_request']);
  expect((await list()).total).toBe(0);
  expect((await ana.send(session, file, { fields: { sha256: sha256.toString('hex').toUpperCase() } })).body.quota.photos.used).toBe(1);
  expect((await ana.send(session, await photo(), { headers: { 'content-digest': 'sha-512=:AAAA:' } })).status).toBe(201);
  const third = await photo();
  const own = createHash('sha256').update(third.content).digest('base64');
  expect((await ana.send(session, third, { headers: { 'content-digest': `sha-256=:${own}:` } })).status).toBe(201);
});

test('an upload_id is the upload: a repeat is told, another kind is not, and a deleted one is sent anew', async () => {
  const { ana, session, list } = await begun();
  const id = randomUUID();
  const file = await photo();
  const first = await ana.send(session, file, { fields: { upload_id: id } });
  expect([first.status, first.body.upload_id]).toEqual([201, id]);
  const again = await ana.send(session, file, { fields: { upload_id: id } });
  expect([again.status, again.body.upload_id, again.body.quota.photos.used]).toEqual([200, id, 1]);
  expect(codeOf(await ana.send(session, file, { kind: 'document', fields: { upload_id: id } }))).toEqual([409, 'upload_id_reused']);
  expect(codeOf(await ana.send(session, file, { fields: { upload_id: 'x' } }))).toEqual([400, 'invalid_request']);
  const eve = await begun('eve', ana.tenant);
  expect(codeOf(await eve.ana.send(eve.session, file, { fields: { upload_id: id } }))).toEqual([409, 'upload_id_reused']);
  expect((await ana.raw(`/sessions/${session}/uploads/${id}/`, 'DELETE', {})).status).toBe(204);
  expect((await ana.get(`/sessions/${session}/uploads/${id}/`)).status).toBe(404);
  expect((await ana.raw(`/sessions/${session}/uploads/${id}/`, 'DELETE', {})).status).toBe(404);
  expect((await ana.send(session, file, { fields: { upload_id: id } })).status).toBe(201);
  expect((await list()).total).toBe(1);
});

test('an Idempotency-Key is the same upload with the same bytes, and 422 with others', async () => {
  const { ana, session, list } = await begun();
  const file = await photo();
  const headers = { 'idempotency-key': randomUUID() };
  const first = await ana.send(session, file, { headers });
  const again = await ana.send(session, file, { headers });
  expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
  expect(again.body).toMatchObject({ upload_id: first.body.upload_id, sha256: first.body.sha256, quota: first.body.quota });
  expect(codeOf(await ana.send(session, await photo(), { headers }))).toEqual([422, 'idempotency_key_reused']);
  expect((await list()).total).toBe(1);
});

test('form and query are checked, each mistake with its place', async () => {
  const { ana, session } = await begun();
  const file = await photo();
  expect(mistakeOf(await ana.send(session, file, { query: '' }))).toBe('missing_field');
  expect(mistakeOf(await ana.send(session, file, { query: '', fields: { kind: 'castle' } }))).toBe('invalid_value');
  expect(mistakeOf(await ana.send(session, file, { query: '?kind=photo', fields: { kind: 'voice' } }))).toBe('two_kinds');
  expect((await ana.send(session, file, { query: '?kind=castle' })).status).toBe(400);
  expect(mistakeOf(await ana.send(session, file, { fields: { castle: 'x' } }))).toBe('unknown_field');
  expect((await ana.send(session, file, { query: '', fields: { kind: 'photo' } })).status).toBe(201);
  expect((await ana.post(`/sessions/${session}/uploads/?kind=photo`, {})).status).toBe(415);
  expect((await ana.send(session, await photo(), { headers: { 'if-match': '"0"' } })).status).toBe(412);
});

test('files go to the own session only, while it is open; others see none of them', async () => {
  const { ana, session } = await begun();
  const sent = await ana.send(session, await photo());
  const path = `/sessions/${session}/uploads/`;
  const eve = await sender(instance, ana.tenant, 'eve', 'user');
  const other = await sender(instance, newTenant(), 'ana', 'user');
  for (const who of [eve, other]) {
    expect((await who.send(session, await photo())).status).toBe(404);
    for (const at of [path, `${path}${sent.body.upload_id}/`, `${path}${sent.body.upload_id}/content/`]) {
      expect((await who.get(at)).status).toBe(404);
    }
    expect((await who.raw(`${path}${sent.body.upload_id}/`, 'DELETE', {})).status).toBe(404);
  }
  const dee = await sender(instance, ana.tenant, 'dee', 'admin');
  expect((await dee.get(path)).body.total).toBe(1);
  expect((await dee.send(session, await photo())).status).toBe(403);
  const audit = (await dee.get('/admin/audit/?action=upload.list')).body;
  expect(audit.results[0]).toMatchObject({ action: 'upload.list', result: 'allowed' });
  expect((await ana.send(randomUUID(), await photo())).status).toBe(404);
  await ana.post(`/sessions/${session}/cancel/`, {});
  expect(codeOf(await ana.send(session, await photo()))).toEqual([409, 'wrong_state']);
  // the one that is there is being processed
  await until('nothing else is on disk', async () => (await onDisk(session)).join() === sent.body.upload_id);
});

test('a slow and honest sender takes as long as it needs; any other request has 30 seconds', async () => {
  const { ana, session } = await begun();
  const file = await photoOf(40_000);
  const socket = await openUpload(ana, session, file, 0);
  const answer = text(socket);
  let at = 0;
  const trickle = setInterval(() => {
    socket.write(file.content.subarray(at, at + 1_000));
    at += 1_000;
    if (at < file.content.length) return;
    clearInterval(trickle);
    socket.write('\r\n--b-0123456789--\r\n');
  }, 850);
  const { hostname, port } = new URL(instance.url);
  const slow = connect(Number(port), hostname);
  slow.write([
    'POST /api/v1/onboarding/sessions/ HTTP/1.1', 'Host: x', `Authorization: Bearer ${ana.bearer}`, 'Content-Type: application/json',
    'Content-Length: 100', '', '{',
  ].join('\r\n'));
  expect(await text(slow)).toMatch(/^HTTP\/1\.1 408 /);
  socket.once('data', () => { socket.end(); });
  expect(await answer).toMatch(/^HTTP\/1\.1 201 /);
});

test('a name in logs or in the database is that of nobody\'s file', async () => {
  const { ana, session } = await begun();
  const name = `secret-${randomUUID()}.jpg`;
  expect((await ana.send(session, { ...await photo(), name })).status).toBe(201);
  expect(instance.output()).not.toContain(name);
  const db = await databaseOf(instance);
  try {
    const rows = await db.asTenant(ana.tenant).query<{ row: string }>('SELECT uploads::text AS row FROM uploads');
    expect(rows).toHaveLength(1);
    expect(Buffer.from(rows[0]?.row ?? '', 'latin1').includes(Buffer.from(name).toString('hex'))).toBe(false);
  } finally {
    await db.close();
  }
  const metrics = await (await fetch(`${instance.url}/metrics`)).text();
  expect(metrics).toMatch(/gangway_uploads_total\{door="multipart",outcome="accepted"\} \d+/);
});
