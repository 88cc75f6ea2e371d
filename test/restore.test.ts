/** Temporal's memory of a session is lost: the archive brings it back, with what was acknowledged and with the message ids. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import type { SessionState } from '../domain/session-state.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { databaseOf, runFileOf } from './support/instance-stores.ts';
import { sealerOf } from './support/parked-rows.ts';
import { cast, person, proposed, sent } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let client: Client;
let connection: Connection;
let sealer: Sealer;

beforeAll(async () => {
  const { urls } = await runFileOf(instance);
  sealer = await sealerOf(instance);
  ({ client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer }));
});
afterAll(() => connection.close());

/** As after the loss of Temporal's database: no run of the session is left. */
async function forget(workflowId: string): Promise<void> {
  await connection.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId } });
  await until('the engine has forgotten it', async () => client.workflow.getHandle(workflowId).describe().then(() => false, () => true));
}

async function archived(sessionId: string, tenant: string, answers: number): Promise<void> {
  const db = await databaseOf(instance);
  await until('the answers are archived', async () => {
    const [row] = await db.asTenant(tenant).query<{ n: number }>(
      "SELECT (view->>'answers_count')::int AS n FROM sessions WHERE session_id = $1", [sessionId],
    );
    return row?.n === answers;
  });
  await db.close();
}

async function snapshotOf(tenant: string, sessionId: string): Promise<SessionState> {
  const db = await databaseOf(instance);
  const [row] = await db.asTenant(tenant).query<{ snapshot: Buffer }>('SELECT snapshot FROM sessions WHERE session_id = $1', [sessionId]);
  await db.close();
  return openJson<SessionState>(sealer, row?.snapshot ?? Buffer.alloc(0), sealedAs.snapshot(tenant, sessionId));
}

test('an open session that the engine has lost goes on with every archived answer, and repeats are answered, not applied', async () => {
  const { ana, tenant } = await cast(instance);
  const session = await ana.start();
  await ana.gives(session.session_id, 'setup_urgency', 'immediate');
  const id = randomUUID();
  await ana.gives(session.session_id, 'business_unit_type', 'office', id);
  await archived(session.session_id, tenant, 2);
  await forget(`session:${tenant}:${session.session_id}`);

  const eve = await person(instance, tenant, 'eve', 'user');
  expect((await eve.answer(session.session_id, 'business_unit_name', 'x')).status).toBe(404);
  // eight at once find out: one run serves them all
  const resumed = await Promise.all(Array.from({ length: 8 }, () => ana.post(`/sessions/${session.session_id}/resume/`, {})));
  expect(resumed.map((reply) => reply.status)).toEqual(resumed.map(() => 200));
  expect(resumed.some((reply) => reply.body.source === 'postgresql')).toBe(true);
  expect(resumed[0]?.body).toMatchObject({
    restored_data: { setup_urgency: 'immediate', business_unit_type: 'office' }, next_action: { question: { id: 'business_unit_name' } },
  });
  await ana.gives(session.session_id, 'business_unit_type', 'office', id);
  const { body: log } = await ana.get(`/sessions/${session.session_id}/answers/`);
  expect(log.answers).toHaveLength(2);
  const done = await ana.answerAll((await ana.get(`/sessions/${session.session_id}/`)).body);
  await ana.inState(done.session_id, 'awaiting_approval');
});

test('of 600 amendments over several runs repeats get the first answer and none counts twice: at once, and after the engine has lost the ' +
  'session', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  const amend = (at: number) => sent(() => ana.answer(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned', `m${at}`));
  const amendments = Array.from({ length: 600 }, (_, at) => at);
  for (const at of amendments) expect((await amend(at)).status).toBe(200);
  const log = async () => (await ana.get(`/sessions/${id}/answers/`)).body.answers as { value: string }[];
  // of every run some: one in five, and so of both values
  const again = amendments.filter((at) => at % 5 === 0);
  const repeated = async (): Promise<void> => {
    for (let from = 0; from < again.length; from += 8) {
      const some = again.slice(from, from + 8);
      const replies = await Promise.all(some.map(amend));
      expect(replies.map((reply) => [reply.status, reply.body.accepted])).toEqual(
        some.map((at) => [200, [{ question_id: 'setup_urgency', value: at % 2 === 0 ? 'immediate' : 'planned' }]]),
      );
    }
    expect((await log()).map(({ value }) => value)).toEqual(amendments.map((at) => (at % 2 === 0 ? 'immediate' : 'planned')));
    const other = await ana.answer(id, 'setup_urgency', 'this_week', 'm3');
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  };
  await repeated();
  await until('all of it is archived', async () => (await snapshotOf(tenant, id)).answers.length === amendments.length);
  await forget(`session:${tenant}:${id}`);
  await repeated();
});

test('the archived state of a cancelled session is the cancelled one, although the list had its copy before', async () => {
  const { ana, tenant } = await cast(instance);
  const session = await ana.start();
  await ana.gives(session.session_id, 'setup_urgency', 'immediate');
  await archived(session.session_id, tenant, 1);
  await ana.post(`/sessions/${session.session_id}/cancel/`, {});
  await client.workflow.getHandle(`session:${tenant}:${session.session_id}`).result();
  expect(await snapshotOf(tenant, session.session_id)).toMatchObject({ state: 'cancelled', end_reason: 'cancelled by a person' });
});

test('a completed session stays readable after the engine has forgotten it, and takes nothing more', async () => {
  const { ana, ben, tenant } = await cast(instance);
  const { session, items } = await proposed(ana, ben);
  await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
  const before = await ana.get(`/sessions/${session.session_id}/`);
  const answers = await ana.get(`/sessions/${session.session_id}/answers/`);
  const handle = client.workflow.getHandle(`session:${tenant}:${session.session_id}`);
  await handle.result();
  await forget(`session:${tenant}:${session.session_id}`);
  expect((await ana.get(`/sessions/${session.session_id}/`)).body).toEqual(before.body);
  expect((await ana.get(`/sessions/${session.session_id}/answers/`)).body).toEqual(answers.body);
  const proposal = await ben.get(`/sessions/${session.session_id}/recommendations/`);
  expect(proposal.body.recommendations).toHaveLength(items.length);
  const late = await ana.answer(session.session_id, 'expected_users', 7);
  expect([late.status, late.body.code]).toEqual([409, 'wrong_state']);
});
