/** Tasks whose retries are exhausted: parked, seen, retried, discarded; and what the session that waits for them does. */
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { type ParkedTaskState, type RetryRequest } from '../domain/parked-task.ts';
import { codecPathKey } from '../scripts/embedded/secrets.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { readTaskRow } from '../stores/postgres/tasks.ts';
import { connectEngine } from '../engine/connection.ts';
import { openPayload } from '../engine/payload-codec.ts';
import type { Database } from '../stores/postgres/database.ts';
import { discardTask, parkedTaskWorkflow, readTask, retryTask, type TaskReply } from '../workflows/task-messages.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { hanging, held, says, startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { whileFrozen } from './support/frozen.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';
import { sessionWorkflowId, taskWorkflowId } from '../workflows/workflow-ids.ts';

let fake: FakeModel;
let instance: Instance;
let client: Client;
let connection: Connection;
let db: Database;
const sealer = createSealer(readCodecKeys(testCodecKeys));
const working = says({ proposals: [] });

/** Of the delays that a category has: nobody waits half a minute for what a few seconds show as well. */
const delayShare = 0.1;
const settings = (): Record<string, string> => ({
  OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_CODEC_KEYS: testCodecKeys, GANGWAY_UPDATES_PER_RUN: '6',
  GANGWAY_DLQ_RECONCILE_SECONDS: '2',
  GANGWAY_RETRY_DELAY_PERCENT: String(100 * delayShare),
});

async function connect(): Promise<void> {
  const { urls } = await instance.runFile();
  ({ client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer }));
  db = await databaseOf(instance);
}

beforeAll(async () => {
  fake = await startFakeModel();
  instance = await startInstance(await newFolder(), settings());
  await connect();
});
afterAll(async () => {
  await db.close();
  await connection.close();
  await discard(instance);
  await fake.close();
});

interface Waiting {
  readonly ana: Person;
  readonly ben: Person;
  readonly tenant: string;
  readonly id: string;
  readonly task: ParkedTaskState;
}

/** A session whose proposal is parked: the model says no for good. */
async function parkedSession(): Promise<Waiting> {
  fake.play(status(401));
  const { ana, ben, tenant } = await cast(instance);
  const { session_id: id } = await ana.answerAll(await ana.start());
  return { ana, ben, tenant, id, task: await parkedOf(tenant, id) };
}

async function parkedOf(tenant: string, sessionId: string): Promise<ParkedTaskState> {
  let found: ParkedTaskState | undefined;
  await until(`a task of session ${sessionId} is parked`, async () => {
    const listed = client.workflow.list({
      query: `WorkflowType = 'parkedTask' AND GwTenant = '${tenant}' AND GwSession = '${sessionId}' AND GwState = 'parked'`,
    });
    for await (const { workflowId } of listed) found = await client.workflow.getHandle(workflowId).query(readTask);
    return found !== undefined;
  });
  if (found === undefined) throw new Error('unreachable');
  return found;
}

const handleOf = ({ tenant, task_id: id }: ParkedTaskState) => client.workflow.getHandle(taskWorkflowId(tenant, id));
const stateOf = (task: ParkedTaskState): Promise<ParkedTaskState> => handleOf(task).query(readTask);
const retry = (task: ParkedTaskState, request: RetryRequest = {}): Promise<TaskReply> => handleOf(task).executeUpdate(
  retryTask, { args: [request] },
);
const rowOf = (task: ParkedTaskState): Promise<ParkedTaskState | null> => readTaskRow(db, sealer, task.tenant, task.task_id);
const isNow = (task: ParkedTaskState, wanted: string) => until(
  `the task is ${wanted}`, async () => (await stateOf(task)).status === wanted,
);
const refusal = (work: Promise<unknown>): Promise<string> => work.then(
  () => 'it worked', (error: { cause?: { type?: string }; message?: string }) => error.cause?.type ?? error.message ?? 'failed',
);

describe('a model that fails at every try', () => {
  let waiting: Waiting;
  let began: number;
  let tries: number[];
  const correlation = `corr-${randomUUID()}`;

  beforeAll(async () => {
    [tries, began] = [[], Date.now()];
    fake.play((response, request) => { tries.push(Date.now()); status(500)(response, request); });
    const { ana, ben, tenant } = await cast(instance);
    const { body: started } = await ana.post('/sessions/', {}, { headers: { 'x-correlation-id': correlation } });
    const { session_id: id } = await ana.answerAll(started);
    waiting = { ana, ben, tenant, id, task: await parkedOf(tenant, id) };
  });

  test('DLQ integration on final retry: the task is parked after the four tries of its category, in the engine and in the list', async () => {
    expect(tries.length).toBe(4);
    expect(waiting.task).toMatchObject({
      status: 'parked', manual_retries: 0, failure: { category: 'llm_api', severity: 'high', unclassified: false },
    });
    await until('the row is written', async () => await rowOf(waiting.task) !== null);
    expect(await rowOf(waiting.task)).toEqual(waiting.task);
  });

  test('Retry attempt tracking: every attempt is kept with its real time, and the delay that was really waited', () => {
    const { history } = waiting.task;
    expect(history.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    history.forEach((attempt, index) => {
      // it began before it asked the model, and after the one before had asked
      expect(attempt.at).toBeLessThanOrEqual(tries[index] ?? 0);
      expect(attempt.at).toBeGreaterThanOrEqual(tries[index - 1] ?? began);
      expect(attempt).toMatchObject({ category: 'llm_api', round: 0, actor: null, reason: null, input: 'original' });
      expect(attempt.worker).toMatch(/^\d+@/);
    });
    for (const [index, expected] of [3, 7.5, 18.75].entries()) {
      const delay = history[index]?.delay_seconds ?? 0;
      expect(delay).toBeGreaterThanOrEqual(expected * delayShare * 0.8);
      expect(delay).toBeLessThanOrEqual(expected * delayShare * 1.2);
      expect(((tries[index + 1] ?? 0) - (tries[index] ?? 0)) / 1_000).toBeGreaterThanOrEqual(delay * 0.95);
    }
    expect(history.at(-1)?.delay_seconds).toBeNull();
  });

  test('Correlation ID generation: the id of the request that started the session is the task\'s', () => {
    expect(waiting.task.context.correlation_id).toBe(correlation);
  });

  test('Context preservation: the input is what the task was given, and the context stands beside it', () => {
    const { task, id, tenant } = waiting;
    expect(task.input).toMatchObject({ tenant, session_id: id, number: 1, provider: 'model', flow: { id: 'business_unit_setup' } });
    expect(task.input).not.toHaveProperty('context');
    expect(task.context).toEqual({ session_id: id, user: 'ana', correlation_id: correlation });
  });

  test('Task metadata tracking: name, time, error and fingerprint, and nothing personal in what stays readable', async () => {
    const { task, tenant, id } = waiting;
    expect(task).toMatchObject({
      task_name: 'proposeRecommendations', tenant, max_retries: 3, amended: false, failure: { exception_type: expect.any(String) },
    });
    expect(task.failure.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    const { searchAttributes } = await handleOf(task).describe();
    expect(searchAttributes).toMatchObject({
      GwState: ['parked'], GwTask: ['proposeRecommendations'], GwCategory: ['llm_api'], GwFingerprint: [task.failure.fingerprint],
      GwSession: [id],
    });
  });

  test('every timer of its session says in the Web UI what it is for', async () => {
    const summariesOf = async (tenant: string, id: string): Promise<Set<unknown>> => {
      const { events } = await client.workflow.getHandle(sessionWorkflowId(tenant, id)).fetchHistory();
      return new Set((events ?? []).filter((event) => event.timerStartedEventAttributes != null).map(({ userMetadata }) => {
        const { data } = openPayload(sealer, userMetadata?.summary ?? {});
        return JSON.parse(Buffer.from(data ?? []).toString('utf8') || 'null') as unknown;
      }));
    };
    const [idle, copies] = ['idle: is anybody still there?', 'copies go to the stores'];
    const fallback = 'the rules propose when the model has not';
    const ofParked = await summariesOf(waiting.tenant, waiting.id);
    // whether copies waited depends on how quickly the answers came
    expect([idle, copies, fallback]).toEqual(expect.arrayContaining([...ofParked]));
    expect([...ofParked]).toEqual(expect.arrayContaining([idle, fallback]));

    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    await until('its first answer is stored', async () => (await ana.get('/sessions/?state=in_progress')).body.total === 1);
    await ana.gives(id, 'business_unit_type', 'office');
    await until('the copy of the second one waits', async () => (await summariesOf(tenant, id)).has(copies));
    expect([idle, copies]).toEqual(expect.arrayContaining([...await summariesOf(tenant, id)]));
  });

  test('the person is told kindly, in their language, and never in the words of the error', async () => {
    const { body } = await waiting.ana.get(`/sessions/${waiting.id}/`);
    expect(body).toMatchObject({
      state: 'generating',
      notice: { title: 'Our assistant needs a moment', message: expect.any(String), action: expect.any(String), help: expect.any(String) },
    });
    expect(JSON.stringify(body)).not.toMatch(/500|status|model/i);
  });

  test('DLQ retry after transient failure: the model is back, an operator retries, and the session goes on to its end by itself', async () => {
    const { ana, ben, id, task } = waiting;
    fake.play(working);
    expect(await retry(task, { actor: 'dee', reason: 'the model is back' })).toMatchObject({
      status: 'retrying', manual_retries: 1, max_retries: 3,
    });
    const session = await ana.inState(id, 'awaiting_approval');
    expect(session.notice).toBeNull();
    await isNow(task, 'completed');
    await until('the row follows', async () => (await rowOf(task))?.status === 'completed');
    const { body: proposal } = await ben.get(`/sessions/${id}/recommendations/`);
    await ben.post(`/sessions/${id}/decision/`, {
      approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), dry_run: false,
    });
    await ana.inState(id, 'completed');
  });
});

describe('a retry', () => {
  test('asked for by two operators at once is one retry; while it runs another is refused, and afterwards a click on what is over', async () => {
    const waiting = await parkedSession();
    const model = held();
    fake.play(model.behaviour);
    const clicks = await Promise.all([
      refusal(retry(waiting.task, { actor: 'dee', round: 0 })), refusal(retry(waiting.task, { actor: 'eve', round: 0 })),
    ]);
    expect(clicks.toSorted()).toEqual(['it worked', 'not_parked']);
    expect(await refusal(retry(waiting.task))).toBe('not_parked');
    expect(await refusal(handleOf(waiting.task).executeUpdate(discardTask, { args: [{}] }))).toBe('not_parked');
    model.answer(status(401));
    await until('the round has failed', async () => (await stateOf(waiting.task)).status === 'parked');
    expect(await refusal(retry(waiting.task, { round: 0 }))).toBe('not_parked');
    expect((await stateOf(waiting.task)).manual_retries).toBe(1);
  });

  test('keeps the task and its whole history, shows the newest error, and ends after three unless it is forced', async () => {
    const { task } = await parkedSession();
    for (const round of [1, 2, 3]) {
      fake.play(status(round === 2 ? 403 : 401));
      await retry(task, { actor: 'dee', reason: `round ${round}` });
      await until(`round ${round} has failed`, async () => (await stateOf(task)).history.length === round + 1);
    }
    expect(await refusal(retry(task))).toBe('max_retries_exceeded');
    fake.play(working);
    expect(await retry(task, { force: true })).toMatchObject({ task_id: task.task_id, manual_retries: 4 });
    await isNow(task, 'completed');
    const { history } = await stateOf(task);
    expect(history.map(({ round, actor, reason }) => [round, actor, reason])).toEqual([
      [0, null, null], [1, 'dee', 'round 1'], [2, 'dee', 'round 2'], [3, 'dee', 'round 3'],
    ]);
  });

  test('is taken from the Web UI with an argument, which its codec endpoint seals: the reason stands in the history, sealed', async () => {
    const { task } = await parkedSession();
    const { urls } = await instance.runFile();
    const at = `${instance.url}/codec/${await codecPathKey(instance.folder)}`;
    // as the Web UI and Temporal's command line do it
    const remote = (work: string) => async (payloads: Payload[]): Promise<Payload[]> => {
      const wire = payloads.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
        data: Buffer.from(data ?? []).toString('base64'),
      }));
      const response = await fetch(`${at}/${work}`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ payloads: wire }),
      });
      const { payloads: answered } = await response.json() as { payloads: typeof wire };
      return answered.map(({ metadata, data }) => ({
        metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')])),
        data: Buffer.from(data, 'base64'),
      }));
    };
    const page = await Connection.connect({ address: urls.temporalAddress });
    const operator = new Client({
      connection: page, dataConverter: { payloadCodecs: [{ encode: remote('encode'), decode: remote('decode') }] },
    });
    const reason = 'the invoice is paid';
    const taken = await operator.workflow.getHandle(taskWorkflowId(task.tenant, task.task_id))
      .executeUpdate<TaskReply, [RetryRequest]>('retryTask', { args: [{ reason }] });
    expect(taken).toMatchObject({ task_id: task.task_id, manual_retries: 1 });
    await isNow(task, 'parked');
    expect((await stateOf(task)).history.at(-1)).toMatchObject({ actor: 'temporal-ui', reason, round: 1 });
    expect(JSON.stringify(await handleOf(task).fetchHistory())).not.toContain(Buffer.from(reason).toString('base64').slice(0, 20));
    await page.close();
  });

  test('with an input that breaks the schema runs nothing and is parked again as a mistake of the input', async () => {
    const { task } = await parkedSession();
    fake.play(working);
    await retry(task, { input: { ...task.input as object, answers: 'seven' } });
    await until('it is parked again', async () => (await stateOf(task)).failure.category === 'validation');
    expect(fake.calls.length).toBe(0);
    expect((await stateOf(task)).history.at(-1)).toMatchObject({ input: 'amended', actor: 'temporal-ui', delay_seconds: null });
    await retry(task, { input: task.input });
    await isNow(task, 'completed');
  });

  test('reaches a session that has continued as a new run meanwhile', async () => {
    const { ana, id, task } = await parkedSession();
    const first = (await client.workflow.getHandle(`session:${task.tenant}:${id}`).describe()).runId;
    for (let message = 0; message < 14; message += 1) await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { message } });
    expect((await client.workflow.getHandle(`session:${task.tenant}:${id}`).describe()).runId).not.toBe(first);
    fake.play(working);
    await retry(task);
    await ana.inState(id, 'awaiting_approval');
  });
});

describe('a failure that passes by itself', () => {
  test('is no parked task, and counts as an automatic recovery', async () => {
    fake.play(status(500), working);
    const { ana, admin } = await cast(instance);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await ana.inState(id, 'awaiting_approval');
    await until('it is counted', async () => (await admin.get('/admin/dlq/stats/')).body.automatic_recovery_rate === 1);
    expect((await admin.get('/admin/dlq/stats/')).body).toMatchObject({ total_tasks: 0, capacity: { used: 0 } });
    let patterns: Body[] = [];
    await until('its failure is in the error log', async () => {
      patterns = (await admin.get('/admin/errors/patterns/')).body.results;
      return patterns.length > 0;
    });
    expect(patterns).toEqual([
      expect.objectContaining({
        task_name: 'proposeRecommendations', category: 'llm_api', count: 1, affected_sessions: 1, exception_type: 'ModelCallError',
      }),
    ]);
  });
});

describe('a breaker that is open', () => {
  test('is probed by an operator\'s retry, though its time has not come; the attempts it refused keep their category and its delays', async () => {
    fake.play(status(500));
    const { ana, admin, tenant } = await cast(instance);
    const started = await ana.start();
    await ana.gives(started.session_id, started.question.id, started.question.options[0].value);
    const breaker = async (): Promise<Body> => (await admin.get('/admin/breakers/')).body.results.find(
      (each: Body) => each.name === 'model',
    );
    await until('the breaker is open', async () => {
      await ana.post(`/sessions/${started.session_id}/answers/`, { text: 'the moon is made of cheese' });
      return (await breaker()).state === 'open';
    });
    fake.play(working);
    const { session_id: id } = await ana.answerAll((await ana.get(`/sessions/${started.session_id}/`)).body);
    const task = await parkedOf(tenant, id);
    expect(fake.calls.length).toBe(0);
    expect(task.history.map(({ category, number }) => [category, number])).toEqual([1, 2, 3, 4].map((number) => ['llm_api', number]));
    expect(task.history[0]?.delay_seconds).toBeLessThan(3.7 * delayShare);
    await retry(task, { actor: 'dee' });
    await ana.inState(id, 'awaiting_approval');
    expect((await breaker()).state).toBe('closed');
    expect(fake.calls.length).toBe(1);
  });
});

describe('nobody waits any more', () => {
  test('an operator discards a proposal of the model: the rules propose at once, marked for review', async () => {
    const { ana, ben, id, task } = await parkedSession();
    await handleOf(task).executeUpdate(discardTask, { args: [{ actor: 'dee', reason: 'no model today' }] });
    await ana.inState(id, 'awaiting_approval');
    expect((await ben.get(`/sessions/${id}/recommendations/`)).body.consensus.decision).toBe('needs_review');
    await until('the row follows', async () => (await rowOf(task))?.discarded?.reason === 'no model today');
  });

  test('the session is cancelled, or an answer amended: the task is discarded as superseded', async () => {
    const [gone, amended] = [await parkedSession(), await parkedSession()];
    fake.play(working);
    await gone.ana.post(`/sessions/${gone.id}/cancel/`);
    await amended.ana.answer(amended.id, 'expected_users', 77);
    for (const { task } of [gone, amended]) {
      await isNow(task, 'discarded');
      expect(await stateOf(task)).toMatchObject({ discarded: { reason: 'superseded' } });
      await until('the row follows', async () => (await rowOf(task))?.status === 'discarded');
    }
    await amended.ana.inState(amended.id, 'awaiting_approval');
  });

  test('while the model is still being asked: nobody pays on for what nobody wants, its connection is closed within a second', async () => {
    let closedAt: number | null = null;
    fake.play((response) => { response.once('close', () => { closedAt = performance.now(); }); });
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('the model is asked', () => fake.calls.length === 1);
    expect((await ana.post(`/sessions/${id}/cancel/`, {})).status).toBe(200);
    const cancelledAt = performance.now();
    await until('the call is broken off', () => closedAt !== null);
    expect((closedAt ?? Infinity) - cancelledAt).toBeLessThan(1_000);
    expect(fake.calls.length).toBe(1);
  });

  test('a late success is told and not applied', async () => {
    const { ana, id, task } = await parkedSession();
    const model = held();
    fake.play(model.behaviour);
    await retry(task);
    await until('the retry asks the model', () => fake.calls.length > 0);
    await ana.post(`/sessions/${id}/cancel/`);
    await until('the task knows that nobody waits any more', async () => (await stateOf(task)).discarded?.reason === 'superseded');
    expect((await stateOf(task)).status).toBe('retrying');
    model.answer(working);
    await isNow(task, 'discarded');
    expect((await stateOf(task)).succeeded_late_at).not.toBeNull();
    expect((await ana.get(`/sessions/${id}/`)).body.state).toBe('cancelled');
  });
});

describe('when things break meanwhile', () => {
  test('PostgreSQL is frozen while a task is parked: it is parked all the same, and its row follows', async () => {
    const model = held();
    fake.play(model.behaviour);
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('the model is asked', () => fake.calls.length > 0);
    let task: ParkedTaskState | undefined;
    await whileFrozen(instance, 'postgres', async () => {
      model.answer(status(401));
      task = await parkedOf(tenant, id);
      expect(task.failure.category).toBe('llm_api');
    });
    await until('the row is there', async () => task !== undefined && await rowOf(task) !== null);
  });

  test('everything is killed in the middle of a retry: it is finished by itself after the start, and the session goes on', async () => {
    const { tenant, id, task } = await parkedSession();
    fake.play(hanging);
    await retry(task, { actor: 'dee' });
    await until('the retry asks the model', () => fake.calls.length > 0);
    await db.close();
    await connection.close();
    await instance.kill();
    fake.play(working);
    instance = await startInstance(instance.folder, settings());
    await connect();
    await until('the task is finished', async () => (await stateOf(task)).status === 'completed');
    expect((await stateOf(task)).manual_retries).toBe(1);
    await (await person(instance, tenant, 'ana', 'user')).inState(id, 'awaiting_approval');
  });
});

describe('the list and the engine are brought together, on a schedule', () => {
  test('a row that is missing is written anew, also while another row cannot be opened', async () => {
    const { task } = await parkedSession();
    await until('the row is there', async () => await rowOf(task) !== null);
    await db.asSystem().query(
      `INSERT INTO tasks (task_id, tenant, revision, task_name, status, category, severity, exception_type, exception_message,
         fingerprint, attempts, manual_retries, correlation_id, parked_at, updated_at, sealed)
       VALUES (gen_random_uuid(), 'damaged', 1, 'applyChangeset', 'parked', 'database', 'critical', 'E', 'e', 'f', 1, 0, 'c', now(),
         now(), 'not a state')`,
    );
    await db.asSystem().query('DELETE FROM tasks WHERE task_id = $1', [task.task_id]);
    await until('the row is back', async () => await rowOf(task) !== null);
  });

  test('what the cleanup would take is the result of a dry run, begun by hand as in the Web UI', async () => {
    const args = [{ task: 'cleanUpEndedTasks', dry_run: true }];
    const result = await client.workflow.execute('upkeep', { workflowId: `upkeep-${randomUUID()}`, taskQueue: 'gangway', args });
    expect(result).toEqual({ dry_run: true, deleted: 0, sample: [] });
    const names: string[] = [];
    for await (const { scheduleId } of client.schedule.list()) names.push(scheduleId);
    expect(names.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'upkeep:gangway:alerts', 'upkeep:gangway:cleanup', 'upkeep:gangway:reconcile', 'upkeep:gangway:sessions',
      'upkeep:gangway:steps', 'upkeep:gangway:upload-cleanup', 'upkeep:gangway:uploads',
    ]);
  });

  test('a task whose workflow was terminated is begun again as it was, and can be retried', async () => {
    const { ana, id, task } = await parkedSession();
    await until('the row is there', async () => await rowOf(task) !== null);
    await handleOf(task).terminate('by a test');
    await until('it runs again', async () => (await handleOf(task).describe()).status.name === 'RUNNING');
    expect(await stateOf(task)).toEqual(task);
    fake.play(working);
    await retry(task);
    await ana.inState(id, 'awaiting_approval');
  });

  test('also when it is terminated once more before it has done anything, and so answers no question about itself', async () => {
    const { ana, id, task } = await parkedSession();
    await until('the row is there', async () => await rowOf(task) !== null);
    await handleOf(task).terminate('by a test');
    await client.workflow.start(parkedTaskWorkflow, {
      workflowId: taskWorkflowId(task.tenant, task.task_id), taskQueue: 'nobody-works-here', args: [{ state: task }],
      workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    });
    await handleOf(task).terminate('by a test');
    await until('it runs again', async () => (await handleOf(task).describe()).status.name === 'RUNNING');
    fake.play(working);
    await retry(task);
    await ana.inState(id, 'awaiting_approval');
  });

  test('Temporal\'s database is lost: the task is begun again from its row, and its retry reaches the restored session', async () => {
    const { tenant, id, task } = await parkedSession();
    await until('the row is there', async () => await rowOf(task) !== null);
    await until('the session is archived with it', async () => {
      const [row] = await db.asSystem().query<{ revision: string }>(
        "SELECT view->>'revision' AS revision FROM sessions WHERE session_id = $1 AND view->>'waits_for' = 'llm_api'", [id],
      );
      return row !== undefined;
    });
    await db.close();
    await connection.close();
    await instance.stop();
    for (const name of await readdir(instance.folder)) if (name.startsWith('temporal.db')) await rm(join(instance.folder, name));
    instance = await startInstance(instance.folder, settings());
    await connect();
    await until('the task runs again', async () => (await handleOf(task).describe().catch(() => null))?.status.name === 'RUNNING');
    const ana = await person(instance, tenant, 'ana', 'user');
    expect((await ana.post(`/sessions/${id}/resume/`, {})).status).toBe(200);
    fake.play(working);
    await retry(task);
    await ana.inState(id, 'awaiting_approval');
  });
});
