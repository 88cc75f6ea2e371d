/**
 * What a person types is readable nowhere after the service has stopped: every file of the data folder, every table of every
 * store and all output are searched, through a whole life with refusals, amendments, files, errors, a cancellation and a decision.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { openClickHouse } from '../stores/clickhouse/client.ts';
import type { Database } from '../stores/postgres/database.ts';
import { json, says, startFakeModel, type FakeModel } from './support/fake-model.ts';
import { pdf } from './support/files/documents.ts';
import { jpeg, withJpegComment } from './support/files/pictures.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { base, cast, newTenant, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';
import { sender } from './support/uploading.ts';

/** Typed everywhere but where it would end up in the proposed configuration. */
const secret = 'qzxmarkerqzx';
/** A number that only ever comes back as `suggested`. */
const number = '777.2575';
/** Typed as an answer that is proposed: the product's own output may hold it, nothing else. */
const proposedName = 'vwkproposedvwk';
/** Why an approver decided so: words that are meant to be read, in the tenant's audit log and nowhere else. */
const reason = 'kjhreasonkjh';
/** Where the product's output stands: the configuration it made, and the changes that made it. */
const outputTables = [
  'changes', 'configuration.business_units', 'configuration.security_settings', 'configuration.shifts', 'configuration.type_assists',
];

/** A model that is asked about this says no, and says it back. */
const unwelcome = `${secret} Wharf`;

let instance: Instance | undefined;
let fake: FakeModel;
beforeAll(async () => { fake = await startFakeModel(); });
afterAll(async () => {
  await discard(instance);
  await fake.close();
});

/** In clear, as UTF-16, as hexadecimal, and as base64 at each of its three offsets. */
function formsOf(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((offset) => Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').slice(offset === 0 ? 0 : 4, -4));
  return [bytes, Buffer.from(text, 'utf16le'), Buffer.from(bytes.toString('hex')), ...base64.map((each) => Buffer.from(each))];
}

function found(bytes: Buffer, ...texts: string[]): boolean {
  return texts.some((text) => formsOf(text).some((form) => bytes.includes(form)));
}

async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(
    (entry) => join(entry.parentPath, entry.name),
  );
}

/** Every row of every table of ours, as text. The server decompresses for us. */
async function tablesWith(db: Database, ...texts: string[]): Promise<string[]> {
  const tables = await db.query<{ name: string }>(
    "SELECT CASE table_schema WHEN 'public' THEN '' ELSE table_schema || '.' END || table_name AS name FROM information_schema.tables " +
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
  );
  expect(tables.length).toBeGreaterThan(8);
  const holding: string[] = [];
  for (const { name } of tables) {
    const rows = await db.asSystem().query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    if (rows.some(({ row }) => found(Buffer.from(row), ...texts))) holding.push(name);
  }
  return holding;
}

async function redisWith(url: string, ...texts: string[]): Promise<string[]> {
  const redis = new Redis(url);
  const holding: string[] = [];
  for (const name of await redis.keys('*')) {
    const values = await redis.type(name) === 'hash' ? await redis.hvalsBuffer(name) : [await redis.dumpBuffer(name)];
    if (found(Buffer.concat([Buffer.from(name), ...values.filter((value) => value !== null)]), ...texts)) holding.push(name);
  }
  redis.disconnect();
  return holding;
}

async function answered(
  ana: Person, id: string, questionId: string, value: unknown, status: number, headers: Readonly<Record<string, string>> = {},
): Promise<Body> {
  const reply = await ana.post(`/sessions/${id}/answers/`, { question_id: questionId, value }, { headers });
  expect([questionId, reply.status]).toEqual([questionId, status]);
  return reply.body;
}

/** A session that is cancelled after saying the marker wherever it can be said. */
async function cancelled(ana: Person): Promise<void> {
  const { session_id: id } = await ana.start({ client_context: { timezone: 'Asia/Kolkata', note: secret } });
  await answered(ana, id, 'setup_urgency', secret, 422);
  await answered(ana, id, 'setup_urgency', [secret], 422);
  expect((await ana.post(`/sessions/${id}/answers/`, { text: `no idea ${secret}` })).status).toBe(422);
  await answered(ana, id, secret, 'x', 409);
  const cut = { raw: `{"value": "${secret}`, headers: { 'content-type': 'application/json' } };
  expect((await ana.post(`/sessions/${id}/answers/`, undefined, cut)).status).toBe(400);
  expect((await ana.post(`/sessions/${id}/answers/`, { [secret]: secret })).status).toBe(400);
  expect((await ana.get(`/sessions/${secret}/`)).status).toBe(404);
  expect((await ana.get(`/sessions/?${secret}=${secret}`)).status).toBe(400);
  await answered(ana, id, 'setup_urgency', 'planned', 200);
  await answered(ana, id, 'business_unit_type', 'office', 200);
  expect((await ana.post(`/sessions/${id}/answers/`, { text: `${secret} Depot` })).status).toBe(200);
  await answered(ana, id, 'business_unit_name', `${secret} once more`, 200, { 'idempotency-key': 'k1' });
  await answered(ana, id, 'business_unit_name', `${secret} once more`, 200, { 'idempotency-key': 'k1' });
  expect((await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { draft: secret } })).status).toBe(201);
  expect((await ana.post(`/sessions/${id}/cancel/`, { reason: `changed my mind ${secret}` })).status).toBe(200);
}

/** A session that comes to its end; the marker is taken back before anything is proposed. */
async function completed(ana: Person, ben: Person, db: Database): Promise<void> {
  const { session_id: id } = await ana.start({ client_context: { note: secret } });
  const said: readonly [string, unknown][] = [
    ['setup_urgency', 'immediate'], ['business_unit_type', 'office'], ['business_unit_name', secret], ['expected_users', 10],
    ['operating_hours', { start: '09:00', end: '17:30' }],
    ['security_level', 'standard'], ['gps_tracking', true], ['permissible_distance_m', Number(number)],
  ];
  for (const [question, value] of said) await answered(ana, id, question, value, 200);
  await answered(ana, id, 'gps_tracking', false, 200);
  const back = await answered(ana, id, 'gps_tracking', true, 200);
  expect(back.question).toMatchObject({ id: 'permissible_distance_m', suggested: Number(number) });
  expect((await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { note: secret } })).status).toBe(201);
  await until('the copies have the question that suggests the former answer', async () => {
    const [row] = await db.asSystem().query<{ question: string | null }>(
      "SELECT view->'question'->>'id' AS question FROM sessions WHERE session_id = $1", [id],
    );
    return row?.question === 'permissible_distance_m';
  });
  expect(await tablesWith(db, number)).toEqual([]);
  await answered(ana, id, 'permissible_distance_m', 100, 200);
  await answered(ana, id, 'contact_email', `${secret}@not valid`, 422);
  await answered(ana, id, 'business_unit_name', proposedName, 200);
  await answered(ana, id, 'contact_email', `${proposedName}@example.org`, 200);
  await ana.inState(id, 'awaiting_approval');
  const { body: proposal } = await ben.get(`/sessions/${id}/recommendations/`);
  const [first, ...rest] = proposal.recommendations.map((item: Body) => item.recommendation_id);
  const decided = await ben.post(`/sessions/${id}/decision/`, {
    approved_items: [first], rejected_items: rest, reasons: { [rest[0]]: `not like this ${reason}` }, dry_run: false,
  });
  expect(decided.status).toBe(200);
  await ana.inState(id, 'completed');
}

/** Files with the marker in their names and in what stands in them: one is clean, one half there, others were refused or rejected. */
async function uploaded(of: Instance): Promise<void> {
  const ana = await sender(of, newTenant(), 'ana', 'user');
  const { session_id: id } = await ana.start({ flow: 'site_survey' });
  const document = { content: pdf(`% ${secret} stands in it`), name: `${secret}.pdf`, type: 'application/pdf' };
  const sent = await ana.send(id, document, { kind: 'document' });
  expect(sent.status).toBe(201);
  const picture = { content: withJpegComment(await jpeg(), `${secret} was here`), name: `${secret}.jpg`, type: 'image/jpeg' };
  expect((await ana.send(id, picture)).status).toBe(201);
  expect((await ana.send(id, { ...document, content: Buffer.from(`MZ ${secret}`) }, { kind: 'document' })).status).toBe(415);
  // its header is well, and nobody can open the rest
  const broken = Buffer.from(await jpeg({ width: 300, height: 300 }));
  broken.write(secret.repeat(20), broken.length - 300, 'latin1');
  expect((await ana.send(id, { ...picture, content: broken })).status).toBe(201);
  const large = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from(`% ${secret} `.repeat(150_000))]);
  const tus = { 'tus-resumable': '1.0.0' };
  const named = (text: string): string => Buffer.from(text).toString('base64');
  const begun = await ana.raw(`/sessions/${id}/uploads/resumable/`, 'POST', {
    ...tus, 'upload-length': String(large.length),
    'upload-metadata': `filename ${named(`${secret}.pdf`)},filetype ${named('application/pdf')},kind ${named('document')}`,
  });
  const part = await ana.raw((begun.headers.get('location') ?? '').slice(base.length), 'PATCH', {
    ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0',
  }, large.subarray(0, 1_500_000));
  expect([begun.status, part.status]).toEqual([201, 204]);
  await until('every whole one has its verdict', async () => {
    const { results } = (await ana.get(`/sessions/${id}/uploads/`)).body;
    return results.length === 3 && results.every(({ status }: Body) => status !== 'quarantined');
  });
  const { content } = await fetch(`${of.url}${base}/sessions/${id}/uploads/${sent.body.upload_id}/content/`, {
    headers: { authorization: `Bearer ${ana.bearer}` },
  }).then(async (response) => ({ content: Buffer.from(await response.arrayBuffer()) }));
  // it is there for whoever may have it
  expect(content.includes(secret)).toBe(true);
}

/** A session whose proposal is parked with the marker in its input, by a model that repeats it in its error; and is discarded. */
async function parked(ana: Person, admin: Person): Promise<void> {
  const { session_id: id } = await ana.answerAll(await ana.start(), { business_unit_name: unwelcome });
  let task: Body;
  await until('its task is in the list', async () => {
    [task] = (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.results;
    return task !== undefined;
  });
  expect(JSON.stringify((await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body)).not.toContain(secret);
  expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, {})).status).toBe(202);
  await until('it is parked again', async () => (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.retry_history.length === 2);
  expect((await admin.call('DELETE', `/admin/dlq/tasks/${task.task_id}/`)).status).toBe(200);
  await ana.inState(id, 'awaiting_approval');
  await ana.post(`/sessions/${id}/cancel/`, {});
}

test('after a whole life no store, file, log or output holds what was typed, but the configuration that was asked for', async () => {
  fake.play((response, request) => {
    const refuses = JSON.stringify(request.body).includes(unwelcome);
    (refuses ? json(401, { error: { message: `You may not ask about ${unwelcome}` } }) : says({ proposals: [] }))(response, request);
  });
  instance = await startInstance(await newFolder(), {
    LOG_LEVEL: 'debug', GANGWAY_FLUSH_SECONDS: '1', OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test',
  });
  const db = await databaseOf(instance);
  const { ana, ben, admin } = await cast(instance);
  await cancelled(ana);
  await uploaded(instance);
  await parked(ana, admin);
  await completed(ana, ben, db);

  const { urls } = await instance.runFile();
  expect(await tablesWith(db, secret, number)).toEqual([]);
  expect(await tablesWith(db, reason)).toEqual(['audit']);
  const holding = await tablesWith(db, proposedName);
  expect(holding).toEqual(expect.arrayContaining(['changes', 'configuration.business_units']));
  expect(holding.filter((name) => !outputTables.includes(name))).toEqual([]);
  await db.close();
  expect(await redisWith(urls.redisUrl, secret, number, proposedName, reason)).toEqual([]);

  expect(await instance.stop()).toBe(0);
  expect(found(Buffer.from(instance.output()), secret, number, proposedName, reason)).toBe(false);
  const files = await filesBelow(instance.folder);
  // what is whole, and what has come of the other one
  expect(files.filter((file) => file.includes('uploads/files')).length).toBeGreaterThanOrEqual(4);
  for (const part of ['temporal.db', 'postgres', 'redis', 'clickhouse', 'logs', 'secrets', 'uploads/files']) {
    expect(files.some((file) => file.includes(join(instance?.folder ?? '', part)))).toBe(true);
  }
  for (const file of files) {
    const bytes = await readFile(file);
    // PostgreSQL's own files hold the configuration and the audit log, which the tables above were searched for
    const texts = file.startsWith(join(instance.folder, 'postgres')) ? [secret, number] : [secret, number, proposedName, reason];
    expect([file, found(bytes, ...texts)]).toEqual([file, false]);
  }

  // parts of ClickHouse are compressed: it reads them for us
  const clickhouse = await openClickHouse({ path: join(instance.folder, 'clickhouse') });
  for (const table of ['sessions', 'events']) {
    const rows = await clickhouse.query({ sql: `SELECT * FROM ${table}`, params: {} });
    expect(rows.length).toBeGreaterThan(1);
    expect(found(Buffer.from(JSON.stringify(rows)), secret, number, proposedName, reason)).toBe(false);
  }
  await clickhouse.close();
});
