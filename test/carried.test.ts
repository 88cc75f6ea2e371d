/**
 * Everything that a session carries, driven to its documented most while PostgreSQL does not answer: what cannot be held is refused
 * at the door, nothing that was acknowledged is lost, and the session goes on. Texts are random, so that compression does not help.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { fitted } from '../activities/propose-recommendations.ts';
import { bounds, counts, stateParts } from '../domain/bounds.ts';
import { hashOf } from '../domain/checkpoint.ts';
import type { SessionState } from '../domain/session-state.ts';
import { createSealer, readCodecKeys, openJson, sealedAs } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { openPayload, payloadsIn } from '../engine/payload-codec.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { whileFrozen } from './support/frozen.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, person, sent, tokenFor, type Body, type Reply } from './support/person.ts';
import { readStream } from './support/stream-reader.ts';
import { until } from './support/until.ts';

const sealer = createSealer(readCodecKeys(testCodecKeys));
const KB = 1_024;
let instance: Instance;
let client: Client;
let connection: Connection;

beforeAll(async () => {
  instance = await startInstance(await newFolder(), {
    GANGWAY_CODEC_KEYS: testCodecKeys, GANGWAY_FLUSH_SECONDS: '1', GANGWAY_UPDATES_PER_RUN: '40',
  });
  const { urls } = await instance.runFile();
  ({ client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer }));
});
afterAll(async () => {
  await connection.close();
  await discard(instance);
});

/** So many characters that say nothing twice. */
const noise = (characters: number): string => randomBytes(Math.ceil(characters * 0.75)).toString('base64').slice(0, characters);

/** So many calls, eight at a time. */
async function refusals(call: (at: number) => Promise<Reply>, most: number): Promise<{ taken: number; refused: Reply[] }> {
  const refused: Reply[] = [];
  let taken = 0;
  for (let at = 0; at < most; at += 8) {
    const replies = await Promise.all(Array.from({ length: Math.min(8, most - at) }, (_, more) => sent(() => call(at + more))));
    refused.push(...replies.filter((reply) => reply.status >= 400));
    taken += replies.filter((reply) => reply.status < 300).length;
  }
  return { taken, refused };
}

const expectFull = (refused: readonly Reply[]): void => {
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused.map((reply) => `${reply.status} ${reply.body.code}`))).toEqual(new Set(['503 store_unavailable']));
  for (const reply of refused) expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
};

/** Every run of a workflow: no task of it failed for what it carried, and no payload is larger than it may be. */
async function expectSound(workflowId: string): Promise<{ runs: number; largest: number }> {
  let [runs, largest] = [0, 0];
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    // the command to continue may meet a message or a result that has just come: that task is simply done again
    const causes = (history.events ?? [])
      .map((event) => event.workflowTaskFailedEventAttributes?.cause).filter((cause) => cause != null).map(String);
    expect(causes.filter((cause) => cause !== unhandledCommand)).toEqual([]);
    for (const payload of payloadsIn(history)) largest = Math.max(largest, openPayload(sealer, payload).data?.length ?? 0);
    runs += 1;
  }
  expect(largest).toBeLessThanOrEqual(bounds.payload);
  return { runs, largest };
}
/** temporal.api.enums.v1.WorkflowTaskFailedCause */
const unhandledCommand = '1';

async function archivedState(tenant: string, sessionId: string): Promise<SessionState> {
  const db = await databaseOf(instance);
  const [row] = await db.asTenant(tenant).query<{ snapshot: Buffer }>('SELECT snapshot FROM sessions WHERE session_id = $1', [sessionId]);
  await db.close();
  return openJson<SessionState>(sealer, row?.snapshot ?? Buffer.alloc(0), sealedAs.snapshot(tenant, sessionId));
}

describe('PostgreSQL is frozen and a client posts 400 events of 2 KB', () => {
  test('what the session cannot hold is 503 with Retry-After, it answers and can be cancelled meanwhile, and afterwards it goes on with ' +
    'all it took', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const other = await person(instance, tenant, 'otto', 'user');
    const session = await ana.start();
    const ended = await other.start();
    const send = (who: typeof ana, id: string) => (at: number): Promise<Reply> => who.post(`/sessions/${id}/events/`, {
      event: `saw ${at}`, properties: { what: noise(1_850) },
    });
    let accepted = 0;
    await whileFrozen(instance, 'postgres', async () => {
      const { taken, refused } = await refusals(send(ana, session.session_id), 400);
      expectFull(refused);
      expect(taken).toBeGreaterThan(40);
      accepted = taken;
      expectFull((await refusals(send(other, ended.session_id), 200)).refused);
      const answered = await ana.answerAll(session);
      expect(answered.state).toBe('generating');
      const cancelled = await sent(() => other.post(`/sessions/${ended.session_id}/cancel/`, { reason: 'enough' }));
      expect([cancelled.status, cancelled.body.state]).toEqual([200, 'cancelled']);
    });
    await until('a refused event is taken again', async () => (await send(ana, session.session_id)(1_000)).status === 201, 90_000);
    await until(
      'the proposal is made', async () => (await ana.get(`/sessions/${session.session_id}/`)).body.state === 'awaiting_approval', 240_000,
    );
    await until('the list follows', async () => (await ana.get('/sessions/?state=awaiting_approval')).body.total === 1, 60_000);
    const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
    const decided = await ben.post(`/sessions/${session.session_id}/decision/`, {
      approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), dry_run: false,
    });
    expect(decided.body.status).toBe('applied');
    // a workflow closes only when everything is stored
    for (const id of [session.session_id, ended.session_id]) await client.workflow.getHandle(`session:${tenant}:${id}`).result();
    const state = await archivedState(tenant, session.session_id);
    expect(state.unsaved).toEqual({ events: [], checkpoints: [] });
    expect(state.event_sequence).toBeGreaterThan(accepted);
    await expectSound(`session:${tenant}:${session.session_id}`);
    await expectSound(`session:${tenant}:${ended.session_id}`);
    expect((await other.post('/sessions/', {})).status).toBe(201);
  }, 300_000);
});

const textQuestions = 66;
const rules = 100;
const options = Array.from({ length: 200 }, (_, at) => ({ value: `${'option'.repeat(9)}${at}`, label: `${at}` }));
/** Long answers, and a proposal whose rationales do not fit. */
const wide = {
  default_language: 'en', languages: ['en'], title: 'Wide',
  questions: [
    ...Array.from({ length: textQuestions }, (_, at) => ({ id: `text_${at}`, type: 'text', max: 8_000, required: false, prompt: 'What?' })),
    { id: 'pick', type: 'single_choice', prompt: 'Which?', options },
    { id: 'name', type: 'text', prompt: 'Called?' },
  ],
  recommendations: Array.from({ length: rules }, (_, at) => ({
    id: `rule_${at}`, target: { type: 'type_assist', key: `slug(name) + '-${at}'` },
    values: { code: `'E${at}'`, label: 'name', category: "'catalogue'" }, confidence: 0.9, rationale: noise(1_900),
  })),
};

test('every carrier of a session at its most, over many runs: it is refused what does not fit, read whole, parked, retried and decided on', async () => {
  const { ana, ben, admin, tenant } = await cast(instance);
  expect((await admin.call('PUT', '/admin/flows/wide/', wide)).status).toBe(201);
  const session = await ana.start({ flow: 'wide', client_context: { note: noise(4_000) } });
  const path = (what: string): string => `/sessions/${session.session_id}/${what}/`;
  const given: Record<string, string> = {};
  let taskId = '';
  await whileFrozen(instance, 'postgres', async () => {
    const large = await ana.answer(session.session_id, 'text_0', noise(bounds.message));
    expect([large.status, large.body.code]).toEqual([413, 'payload_too_large']);
    let full: Reply | undefined;
    for (let at = 0; at < textQuestions && full === undefined; at += 1) {
      const value = noise(7_950);
      const reply = await sent(() => ana.answer(session.session_id, `text_${at}`, value, `given-${at}`));
      if (reply.status === 200) given[`text_${at}`] = value;
      else full = reply;
    }
    // the log is full of answers, but for what the last questions need
    expect([full?.status, full?.body.errors[0].code]).toEqual([422, 'session_full']);
    for (let at = Object.keys(given).length; at < textQuestions; at += 1) {
      expect((await sent(() => ana.answer(session.session_id, `text_${at}`, null, `skipped-${at}`))).status).toBe(200);
    }
    // repeats of refusals and events for streams that come back
    const wrong = await refusals((at) => ana.answer(session.session_id, 'pick', `none ${at}`, `wrong-${at}`), 250);
    expect(new Set(wrong.refused.map((reply) => `${reply.status} ${/and \d+ more/.exec(reply.body.errors[0]?.fix ?? '')?.[0]}`))).toEqual(
      new Set(['422 and 180 more']),
    );
    const saved = await refusals(
      (at) => ana.post(path('checkpoint'), { ui_state: { at, text: noise(8_000) }, label: noise(200), force: true }), 24,
    );
    expect(saved.taken).toBeGreaterThanOrEqual(7);
    expectFull(saved.refused);
    expectFull((await refusals((at) => ana.post(path('events'), { event: `saw ${at}`, properties: { what: noise(1_850) } }), 100)).refused);

    // everything is read whole meanwhile, also by many at once
    const resumed = await Promise.all(Array.from({ length: 10 }, () => sent(() => ana.post(path('resume'), {}))));
    const nulls = Object.fromEntries(Array.from({ length: textQuestions }, (_, at) => [`text_${at}`, given[`text_${at}`] ?? null]));
    expect(resumed.map((reply) => `${reply.status} ${reply.body.code ?? ''}`)).toEqual(resumed.map(() => '200 '));
    // compared by digest, since half a megabyte is nothing to print
    expect(new Set(resumed.map((reply) => hashOf(reply.body.restored_data)))).toEqual(new Set([hashOf(nulls)]));
    expect((await ana.get(path('answers'))).body.answers).toHaveLength(textQuestions);
    expect((await ana.get(`${path('checkpoints')}?limit=50`)).body.checkpoints.length).toBeGreaterThanOrEqual(7);
    const stream = await readStream(
      instance.url, session.session_id, await tokenFor(instance, tenant, 'ana', ['user']), { lastEventId: '1' },
    );
    await until('the stream has begun', () => stream.events.length > 0);
    stream.close();

    // the proposal cannot be made without PostgreSQL: its task is parked with all answers
    await sent(() => ana.answer(session.session_id, 'pick', options[3]?.value, 'picked'));
    const name = noise(190);
    expect((await sent(() => ana.answer(session.session_id, 'name', name, 'named'))).body.state).toBe('generating');
    await until('its task is parked', async () => {
      for await (const { workflowId } of client.workflow.list({ query: `GwSession = '${session.session_id}' AND GwState = 'parked'` })) {
        taskId = workflowId.split(':').at(-1) ?? '';
      }
      return taskId !== '';
    }, 300_000);
  });

  await until('the task is listed', async () => (await admin.get(`/admin/dlq/tasks/${taskId}/`)).status === 200, 60_000);
  const amended = await admin.post(`/admin/dlq/tasks/${taskId}/retry/`, {
    input: { correlation_id: noise(bounds.task_input) }, reason: 'too much',
  });
  expect([amended.status, amended.body.code]).toEqual([422, 'input_invalid']);
  expect((await admin.post(`/admin/dlq/tasks/${taskId}/retry/`, { reason: noise(1_000) })).status).toBe(202);
  await until(
    'the proposal is made', async () => (await ana.get(`/sessions/${session.session_id}/`)).body.state === 'awaiting_approval', 240_000,
  );

  const { body: proposal } = await ben.get(path('recommendations'));
  expect(proposal.recommendations).toHaveLength(rules);
  expect(new Set(proposal.recommendations.map((item: Body) => item.rationale.length))).toEqual(new Set([120]));
  const items = proposal.recommendations.map((item: Body) => item.recommendation_id) as string[];
  const decide = (reason: string): Promise<Reply> => ben.post(path('decision'), {
    approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false,
    reasons: Object.fromEntries(items.map((id) => [id, reason])),
  });
  const tooMuch = await decide(noise(600));
  expect([tooMuch.status, tooMuch.body.errors[0]]).toEqual([400, expect.objectContaining({ pointer: '/reasons', code: 'too_large' })]);
  const decided = await decide(noise(400));
  expect([decided.status, decided.body.status]).toEqual([200, 'pending_second_approval']);
  await until('all of it is archived', async () => {
    const { decision, unsaved } = await archivedState(tenant, session.session_id);
    return decision?.status === 'pending_second_approval' && unsaved.events.length === 0;
  }, 240_000);
  const state = await archivedState(tenant, session.session_id);
  const size = (part: keyof typeof stateParts & keyof SessionState): number => JSON.stringify(state[part]).length / stateParts[part];
  expect(size('answers')).toBeGreaterThan(0.98);
  for (const part of ['proposal', 'decision', 'ui_states', 'checkpoints', 'recent', 'seen'] as const) {
    expect([part, size(part) <= 1]).toEqual([part, true]);
  }
  expect(state.checkpoints.length).toBeLessThanOrEqual(counts.checkpoints);

  const second = await (await person(instance, tenant, 'bea', 'approver')).post(
    `/approvals/${decided.body.approval_id}/decide/`, { decision: 'approve', reason: 'fine' },
  );
  expect([second.status, second.body.status]).toEqual([200, 'applied']);
  await client.workflow.getHandle(`session:${tenant}:${session.session_id}`).result();
  const { runs, largest } = await expectSound(`session:${tenant}:${session.session_id}`);
  expect(runs).toBeGreaterThan(5);
  // driven there indeed
  expect(largest).toBeGreaterThan(900 * KB);
  await expectSound(`task:${tenant}:${taskId}`);
}, 900_000);

test('a proposal whose changes alone are more than a session holds fails its task for good, and says how large it is', () => {
  const recommendations = Array.from({ length: 100 }, (_, at) => ({
    recommendation_id: `r${at}`, rule_id: 'r', target: `type_assist:${at}`, target_type: 'type_assist', target_key: `${at}`,
    operation: 'create' as const, before: null,
    after: { label: noise(2_000) }, confidence: 0.9, rationale: 'short', depends_on: [], status: 'pending' as const,
  }));
  const proposal = { recommendations, confidence: 0.9, decision: 'ready' as const, consensus: { confidence: 0.9 } };
  expect(() => fitted(proposal as unknown as Parameters<typeof fitted>[0])).toThrow(expect.objectContaining({
    type: 'data_integrity', nonRetryable: true, message: expect.stringMatching(/takes 2\d{5} bytes/),
  }));
});
