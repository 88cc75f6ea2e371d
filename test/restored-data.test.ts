/**
 * On a running service: whatever is done in between, a resume to a version that was saved gives what counted then, and history, Redis and
 * PostgreSQL say the same of it. Random acts on a session with branches and photos, over many runs of its workflow, against a plain
 * model of the flow.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SessionArchive } from '../engine/session-archive.ts';
import { seeded, type Random } from '../scripts/demo/random.ts';
import type { Database } from '../stores/postgres/database.ts';
import { openRedis } from '../stores/redis/client.ts';
import { createHotCopies, type HotCopies } from '../stores/redis/hot-copies.ts';
import { jpeg, withJpegComment } from './support/files/pictures.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { sealerOf } from './support/parked-rows.ts';
import { cast, sent, type Body, type Person } from './support/person.ts';
import { engineOf, judged, photo, sendFile } from './support/sending.ts';
import { until } from './support/until.ts';
import { readState } from '../workflows/messages.ts';

const [sessions, acts, messagesPerRun] = [4, 70, 8];
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 32));
/** Without it a picture that was cut is refused at the door. */
const endOfImage = Buffer.from([0xff, 0xd9]);
const files = ['entrance_photo', 'weak_spot_photo', 'site_plan'];

let instance: Instance;
let engine: Awaited<ReturnType<typeof engineOf>>;
let db: Database;
let redis: ReturnType<typeof openRedis>;
let hotCopies: HotCopies;
let archive: SessionArchive;
beforeAll(async () => {
  instance = await startInstance(await newFolder(), {
    GANGWAY_UPDATES_PER_RUN: String(messagesPerRun), GANGWAY_FLUSH_SECONDS: '1', GANGWAY_PHOTO_BURST_PER_MINUTE: '100000',
    GANGWAY_PHOTO_UPLOADS_PER_DAY: '100000', GANGWAY_UPLOAD_SESSION_PHOTOS: '1000',
  });
  engine = await engineOf(instance);
  const { urls } = await instance.runFile();
  redis = openRedis({ url: urls.redisUrl, timeoutMs: 20_000, onError: () => undefined });
  db = await databaseOf(instance);
  const sealer = await sealerOf(instance);
  hotCopies = createHotCopies(redis, sealer);
  const revive = (): never => { throw new Error('Nothing is lost here.'); };
  archive = new SessionArchive({ db, hotCopies, sealer, revival: { revive } });
});
afterAll(async () => {
  await db.close();
  redis.disconnect();
  await engine.connection.close();
  await discard(instance);
});

type Said = Readonly<Record<string, unknown>>;

/** What counts, by what flows/site_survey.yaml says of its branches. */
function settled(said: Said, gone: ReadonlySet<unknown>): Said {
  const kept = Object.fromEntries(Object.entries(said).filter(([id, value]) => !files.includes(id) || !gone.has(value)));
  const equipment = kept['equipment'];
  if (!Array.isArray(equipment) || !equipment.includes('cameras')) delete kept['cameras_count'];
  if (kept['risk_seen'] !== 'medium' && kept['risk_seen'] !== 'high') delete kept['weak_spot_photo'];
  return kept;
}

function valueFor(id: string, uploads: readonly string[], random: Random): unknown {
  const values: Readonly<Record<string, readonly unknown[]>> = {
    site_name: ['North Gate', 'Old Market', 'Hilltop'], surveyed_on: ['2027-01-15', '2027-02-16'],
    guarded_hours: [{ start: '22:00', end: '06:00' }, { start: '20:00', end: '05:30' }],
    equipment: [['cameras'], ['cameras', 'lights'], ['fence'], null], cameras_count: [2, 3, 5], risk_seen: ['low', 'medium', 'high'],
  };
  return random.pick(files.includes(id) ? [...uploads, null] : values[id] ?? [null]);
}

const actorOf = ({ tenant, subject }: Person) => ({ tenant, subject, roles: ['user'] } as const);
const saidIn = (answers: readonly { readonly question_id: string; readonly value: unknown }[]): Said => Object.fromEntries(
  answers.map(({ question_id: id, value }) => [id, value]),
);

/** Of the newest version, once its copies are written: it has what counts now. */
async function expectCopied(ana: Person, id: string, version: number, said: Said): Promise<void> {
  await until('Redis has it', async () => ((await hotCopies.getWhole(ana.tenant, id))?.checkpoint?.version ?? 0) >= version);
  expect((await hotCopies.getWhole(ana.tenant, id))?.checkpoint?.answers).toEqual(said);
  await until('PostgreSQL has it', async () => archive.version(actorOf(ana), id, version).then(() => true, () => false));
}

/** Of any version: the history says the same as PostgreSQL, to the changes since the version before. */
async function expectAlike(ana: Person, id: string, version: number, said: Said): Promise<void> {
  const { body } = await sent(() => ana.get(`/sessions/${id}/versions/${version}/`));
  expect(body.source).toBe('history');
  expect([version, saidIn(body.answers as Body[])]).toEqual([version, said]);
  const { version: archived } = await archive.version(actorOf(ana), id, version);
  expect([version, saidIn(archived.answers)]).toEqual([version, said]);
  expect(body.changes_since_previous).toEqual(archived.changes);
  expect(body.checkpoint_hash).toBe(archived.checkpoint.hash);
}

interface Walk { readonly id: string; readonly returns: number; readonly toGone: number; readonly compared: number }

/** `number`: of the walk, whose random acts are its own. */
async function walk(ana: Person, number: number): Promise<Walk> {
  const random = seeded((seed + number) % 2 ** 32);
  const { session_id: id } = await ana.start({ flow: 'site_survey' });
  const at = `/sessions/${id}`;
  const gone = new Set<unknown>();
  const saved: { readonly version: number; readonly said: Said }[] = [];
  let uploads: string[] = [];
  let said: Said = {};
  let [returns, toGone, compared] = [0, 0, 0];
  const answer = async (question: string): Promise<void> => {
    const value = valueFor(question, uploads, random);
    const messageId = randomUUID();
    const { status, body } = await sent(() => ana.answer(id, question, value, messageId));
    // one that is not asked now, or of a branch that has closed
    if (status === 409 && body.code === 'not_asked') return;
    expect([question, value, status]).toEqual([question, value, 200]);
    said = settled({ ...said, [question]: value }, gone);
  };
  const send = async (): Promise<void> => {
    const whole = withJpegComment(await jpeg({ width: 400, height: 300 }), randomUUID());
    const isCut = random.chance(0.3);
    const picture = isCut ? Buffer.concat([whole.subarray(0, whole.length * 0.7), endOfImage]) : whole;
    const { status, body } = await sendFile(ana, id, photo(picture));
    expect(status).toBe(201);
    const upload = body.upload_id as string;
    uploads.push(upload);
    if (!isCut) return;
    // taken where it is asked and its verdict is not there yet, and withdrawn then
    const answered = await ana.answer(id, 'site_plan', upload);
    if (answered.status === 200) said = settled({ ...said, site_plan: upload }, gone);
    expect(await judged(ana, id, upload)).toMatchObject({ status: 'rejected' });
    // its session is told after the row has it
    await until('the session knows', async () => {
      const { state } = await engine.client.workflow.getHandle(`session:${ana.tenant}:${id}`).query(readState);
      return state.uploads.some((note) => note.upload_id === upload && note.status === 'rejected');
    });
    leave(upload);
  };
  const leave = (upload: string): void => {
    gone.add(upload);
    uploads = uploads.filter((each) => each !== upload);
    said = settled(said, gone);
  };
  const back = async (version: number | null, wanted: Said): Promise<void> => {
    const body = version === null ? {} : { checkpoint_version: version };
    const key = { headers: { 'idempotency-key': randomUUID() } };
    const resumed = await sent(() => ana.post(`${at}/resume/`, body, key));
    expect([version, resumed.status, resumed.body.restored_data]).toEqual([version, 200, wanted]);
    said = wanted;
  };
  for (let step = 0; step < acts; step += 1) {
    const draw = random.next();
    const question = (await ana.get(`${at}/`)).body.question?.id as string | undefined;
    if (draw < 0.45 && question !== undefined) await answer(question);
    else if (draw < 0.6) await answer(random.pick([...Object.keys(said), 'risk_seen']));
    else if (draw < 0.7) await send();
    else if (draw < 0.76 && uploads.length > 0) {
      const upload = random.pick(uploads);
      expect((await ana.call('DELETE', `${at}/uploads/${upload}/`)).status).toBe(204);
      leave(upload);
    } else if (draw < 0.88) {
      const { body } = await sent(() => ana.post(`${at}/checkpoint/`, { force: true }, { headers: { 'idempotency-key': randomUUID() } }));
      const version = body.checkpoint_version as number;
      saved.push({ version, said });
      if (random.chance(0.4)) {
        await expectCopied(ana, id, version, said);
        compared += 1;
      }
    } else if (draw < 0.91 || saved.length === 0) await back(null, said);
    else {
      const then = random.pick(saved);
      if (files.some((file) => gone.has(then.said[file]))) toGone += 1;
      await back(then.version, settled(then.said, gone));
      returns += 1;
    }
  }
  const newest = saved.at(-1);
  if (newest !== undefined) {
    await until('every version is archived', async () => archive.version(actorOf(ana), id, newest.version).then(() => true, () => false));
  }
  for (const { version, said: then } of saved) await expectAlike(ana, id, version, then);
  return { id, returns, toGone, compared };
}

test('restored_data of a resume is what counted at that version, less what hangs on files that have gone since, over many runs', async () => {
  process.stderr.write(`seed ${seed} (SEED=${seed} plays it again)\n`);
  const people = await Promise.all(Array.from({ length: sessions }, () => cast(instance)));
  const walks: Walk[] = [];
  for (const [number, { ana }] of people.entries()) walks.push(await walk(ana, number));
  for (const [number, { id }] of walks.entries()) {
    const runs: Body[] = [];
    const workflowId = `session:${people[number]?.tenant}:${id}`;
    for await (const run of engine.client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) runs.push(run);
    expect(runs.length).toBeGreaterThan(2);
  }
  expect(walks.reduce((sum, { returns }) => sum + returns, 0)).toBeGreaterThan(5);
  expect(walks.reduce((sum, { compared }) => sum + compared, 0)).toBeGreaterThan(2);
}, 600_000);
