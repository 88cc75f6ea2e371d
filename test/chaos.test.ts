/** Everything that can befall a session at once: afterwards each has moved on or has ended, and nothing that was acknowledged is lost. */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seeded } from '../scripts/demo/random.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { hanging, says, startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { whileFrozen } from './support/frozen.ts';
import { newFolder } from './support/folders.ts';
import { discard, killEverything, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { catalogue } from './support/pending-second.ts';
import { exampleOf, newTenant, person, type Body, type Person, type Reply, type WireQuestion } from './support/person.ts';
import { until } from './support/until.ts';

/** How far a session has come before it begins. */
const depths = ['started', 'answered', 'generating', 'parked', 'proposed', 'half_approved', 'completed'] as const;
type Depth = (typeof depths)[number];

const stores = ['postgres', 'redis', 'temporal'] as const;

/** Drawn before anything begins, so that the same seed brings the same to everybody. */
interface Fate {
  readonly at: number;
  readonly depth: Depth;
  readonly answers: number;
  /** While each of the stores is frozen. */
  readonly blows: readonly ('cancel' | 'terminate' | 'answer' | 'nothing')[];
}

interface Played extends Omit<Fate, 'answers'> {
  readonly owner: Person;
  readonly id: string;
  /** What was acknowledged, by question. */
  readonly answers: Map<string, unknown>;
  /** tried: nobody knows whether it counted. */
  cancelled: 'no' | 'tried' | 'yes';
  terminated: boolean;
}

/** All of them keep both cores busy for minutes: that many when it is asked for, CHAOS=1 or a seed, and fewer among other tests. */
const isAsked = process.env['CHAOS'] !== undefined || process.env['CHAOS_SEED'] !== undefined;
const count = isAsked ? 200 : 60;
const tenant = newTenant();
const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));
const random = seeded(seed);
const fates = Array.from({ length: count }, (_, at): Fate => ({
  at, depth: depths[at % depths.length] ?? 'started', answers: random.whole(1, 4),
  blows: stores.map(() => (random.chance(0.35) ? random.pick(['cancel', 'terminate', 'answer'] as const) : 'nothing')),
}));
const outagesMs = stores.map(() => random.whole(500, 2_000));
const environment = (): Record<string, string> => ({
  OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_CODEC_KEYS: testCodecKeys, GANGWAY_STOPPED_SECONDS: '2',
  GANGWAY_PROPOSAL_FALLBACK_SECONDS: '10',
  GANGWAY_BREAKER_FAILURES: '1000', GANGWAY_LLM_CALLS_PER_HOUR: '100000', GANGWAY_LLM_CALLS_PER_DAY: '100000',
});

let fake: FakeModel;
let instance: Instance;
let isBack = false;

beforeAll(async () => {
  process.stdout.write(`chaos: CHAOS_SEED=${seed}\n`);
  fake = await startFakeModel();
  // by the name of the catalogue, which stands in what the model is asked
  fake.play((response, request) => {
    const text = JSON.stringify(request.body.messages);
    const behaviour = isBack ? says({ proposals: [] }) : /Generating \d/.test(text) ? hanging : /Parked \d/.test(text) ? status(401)
      : says({ proposals: [] });
    behaviour(response, request);
  });
  instance = await startInstance(await newFolder(), environment());
});
afterAll(async () => {
  await discard(instance);
  await fake.close();
});

/** As clients do: 503, and no answer at all, say that nothing was lost; the same is sent again. */
async function insisting(send: () => Promise<Reply>, patienceMs = 240_000): Promise<Reply> {
  let reply: Reply | undefined;
  await until('somebody answers', async () => {
    reply = await send().catch(() => undefined);
    return reply !== undefined && reply.status !== 503;
  }, patienceMs).catch((error: unknown) => { throw new Error(`The last answer was ${JSON.stringify(reply?.body)}`, { cause: error }); });
  if (reply === undefined) throw new Error('unreachable');
  return reply;
}

/** `count` at a time. */
async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  }));
}

const nameOf: Readonly<Record<Depth, string>> = {
  started: 'Started', answered: 'Answered', generating: 'Generating', parked: 'Parked', proposed: 'Proposed', half_approved: 'Half',
  completed: 'Completed',
};

async function answer(played: Played, question: WireQuestion, value: unknown): Promise<Reply> {
  const message = `${question.id}-${played.answers.size}`;
  const reply = await insisting(() => played.owner.answer(played.id, question.id, value, message));
  if (reply.status === 200) played.answers.set(question.id, value);
  return reply;
}

const valueFor = (played: Played, question: WireQuestion): unknown => (
  question.id === 'name' ? `${nameOf[played.depth]} ${played.at}` : exampleOf(question)
);

async function play(fate: Fate, ben: Person): Promise<Played> {
  const { at, depth } = fate;
  const owner = await person(instance, tenant, `owner-${at}`, 'user');
  const flow = depth === 'answered' ? 'business_unit_setup' : 'catalogue';
  let { body: session } = await insisting(() => owner.post('/sessions/', { flow, resume_existing: true }));
  const played: Played = { ...fate, owner, id: session.session_id, answers: new Map(), cancelled: 'no', terminated: false };
  if (depth === 'started') return played;
  for (let left = depth === 'answered' ? fate.answers : 10; left > 0 && session.question !== null; left -= 1) {
    session = (await answer(played, session.question, valueFor(played, session.question))).body;
  }
  if (depth === 'parked') {
    // on a busy machine the rules may have proposed before anybody saw it parked
    await until('it is parked, or was', async () => {
      const { notice, state } = (await owner.get(`/sessions/${played.id}/`)).body;
      return (notice ?? null) !== null || state === 'awaiting_approval';
    }, 240_000);
  }
  if (depth === 'proposed' || depth === 'half_approved' || depth === 'completed') await owner.inState(played.id, 'awaiting_approval');
  if (depth === 'half_approved' || depth === 'completed') await decide(played, ben);
  if (depth === 'completed') await approve(played);
  return played;
}

async function decide({ id }: Played, ben: Person): Promise<void> {
  const { body: proposal } = await insisting(() => ben.get(`/sessions/${id}/recommendations/`));
  if (proposal.recommendations === undefined) return;
  await insisting(
    () => ben.post(
      `/sessions/${id}/decision/`, { approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), dry_run: false },
      { headers: { 'Idempotency-Key': `d-${id}-${proposal.proposal_hash}` } },
    ),
  );
}

async function approve({ id }: Played): Promise<void> {
  const carl = await person(instance, tenant, 'carl', 'approver');
  const { body: { results: [changeset] } } = await insisting(
    () => carl.get(`/changesets/?session_id=${id}&status=pending_second_approval`),
  );
  if (changeset !== undefined) {
    await insisting(
      () => carl.post(`/approvals/${changeset.approval_id}/decide/`, { decision: 'approve', reason: 'looked at it' }, {
        headers: { 'Idempotency-Key': `a-${changeset.approval_id}` },
      }),
    );
  }
}

/** Everybody does what is asked of them until the session has ended. */
async function toItsEnd(played: Played): Promise<Body> {
  const ben = await person(instance, tenant, 'ben', 'approver');
  let session: Body;
  await until(`session ${played.id} (${played.depth}) has ended`, async () => {
    session = (await insisting(() => played.owner.get(`/sessions/${played.id}/`))).body;
    if (session.ended_at !== null) return true;
    if (session.question !== null) await answer(played, session.question, valueFor(played, session.question));
    else if (session.state === 'awaiting_approval') {
      await approve(played);
      await decide(played, ben);
    }
    return false;
  }, 240_000);
  return session;
}

/** Cancels and terminates some, while others answer, and a store is frozen now and then. */
async function befall(all: readonly Played[]): Promise<void> {
  const { urls } = await instance.runFile();
  const { client, connection } = await connectEngine({
    address: urls.temporalAddress, namespace: 'default', sealer: createSealer(readCodecKeys(testCodecKeys)),
  });
  const strike = async (played: Played, store: number): Promise<void> => {
    const handle = client.workflow.getHandle(sessionWorkflowId(tenant, played.id));
    const blow = played.blows[store];
    if (blow === 'cancel') {
      played.cancelled = 'tried';
      // a request to a run that was terminated is answered, and is about nothing
      await client.withDeadline(Date.now() + 5_000, () => handle.cancel())
        .then(() => { if (!played.terminated) played.cancelled = 'yes'; }, () => undefined);
    } else if (blow === 'terminate') {
      played.terminated = true;
      await client.withDeadline(Date.now() + 5_000, () => handle.terminate()).catch(() => undefined);
    } else if (blow === 'answer') {
      // whoever does not get through tries again later
      const reply = await played.owner.get(`/sessions/${played.id}/`).catch(() => null);
      const question = reply?.status === 200 ? reply.body.question as WireQuestion | null : null;
      if (question !== null) await answer(played, question, valueFor(played, question));
    }
  };
  for (const [store, server] of stores.entries()) {
    let striking: Promise<void> = Promise.resolve();
    await whileFrozen(instance, server, async () => {
      striking = inLanes(all, 8, (played) => strike(played, store));
      await Promise.race([striking, new Promise((resolve) => { setTimeout(resolve, outagesMs[store]); })]);
    });
    await striking;
  }
  await connection.close();
}

test(`SIGKILL, cancel, terminate and frozen stores over ${count} sessions at all depths: afterwards every session moves on or has ` +
  `ended, and none is stuck`, async () => {
  const [admin, ben] = await Promise.all([person(instance, tenant, 'dee', 'admin'), person(instance, tenant, 'ben', 'approver')]);
  expect((await admin.call('PUT', '/admin/flows/catalogue/', catalogue)).status).toBe(201);
  const all: Played[] = [];
  await inLanes(fates, 16, async (fate) => { all.push(await play(fate, ben)); });

  await befall(all);
  // in the middle of what some say
  const late = all.slice(0, 20).map((played) => played.owner.post(`/sessions/${played.id}/checkpoint/`, { force: true }).catch(() => null));
  await Promise.race(late);
  await killEverything(instance);
  await Promise.all(late);
  instance = await startInstance(instance.folder, environment());
  isBack = true;
  for (const played of all) Object.assign(played, { owner: await person(instance, tenant, `owner-${played.at}`, 'user') });

  const ended = new Map<Played, Body>();
  await inLanes(all, 12, async (played) => { ended.set(played, await toItsEnd(played)); });
  const wrong: object[] = [];
  for (const [{ at, id, depth, blows, cancelled, answers, owner }, session] of ended) {
    const states = depth === 'completed' ? ['completed'] : cancelled === 'yes' ? ['cancelled'] : cancelled === 'tried'
      ? ['cancelled', 'completed'] : ['completed'];
    const { body } = await insisting(() => owner.get(`/sessions/${id}/answers/`));
    const kept = new Set(body.answers.map((entry: Body) => entry.question_id));
    const lost = [...answers.keys()].filter((question) => !kept.has(question));
    if (!states.includes(session.state) || lost.length > 0) wrong.push({ at, id, depth, blows, cancelled, state: session.state, lost });
  }
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });

  // nothing is left behind: no claim, no workflow that cannot move, nobody who cannot start anew
  const platform = await person(instance, tenant, 'pat', 'platform');
  expect((await platform.get('/admin/sessions/stuck/')).body.total).toBe(0);
  const db = await databaseOf(instance);
  await until(
    'every copy says that its session has ended',
    async () => (await db.asTenant(tenant).query('SELECT FROM sessions WHERE ended_at IS NULL')).length === 0, 60_000,
  );
  await db.close();
  expect((await (all[0] as Played).owner.post('/sessions/', { flow: 'catalogue' })).status).toBe(201);
});
