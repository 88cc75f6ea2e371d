/** What operators do with parked tasks over HTTP, on tasks that really wait in the engine. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { whileFrozen } from './support/frozen.ts';
import type { InstanceAddress } from './support/instance.ts';
import { engineOf, park, type Engine } from './support/parking.ts';
import { base, cast, tokenFor, type Body, type Person, type Reply } from './support/person.ts';
import { leaseInstance, leaseMs, sharedInstance, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

/** Undefined while it is not listed. */
async function rowOf(admin: Person, id: string, status = 'parked'): Promise<Body> {
  return (await admin.get(`/admin/dlq/tasks/?limit=100&status=${status}`)).body.results.find((row: Body) => row.task_id === id);
}

const taskOf = async (admin: Person, id: string): Promise<Body> => (await admin.get(`/admin/dlq/tasks/${id}/`)).body;
const retry = (admin: Person, id: string, body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Reply> => admin.post(
  `/admin/dlq/tasks/${id}/retry/`, body, { headers },
);
const isNow = (admin: Person, id: string, status: string): Promise<void> => until(
  `task ${id} is ${status}`, async () => (await taskOf(admin, id)).status === status,
);
const afterRound = (admin: Person, id: string, round: number): Promise<void> => until(`round ${round} has failed`, async () => {
  const { status, manual_retries: retries } = await taskOf(admin, id);
  return status === 'parked' && retries === round;
});

/** Begins a request that has no end yet. Resolves when the service has its beginning; what it resolves to sends the rest. */
async function slowRetry(tenant: string, id: string): Promise<() => Promise<Body>> {
  const token = await tokenFor(shared, tenant, 'eve', ['admin']);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 2, expect: '100-continue' };
  const call = request(`${shared.url}${base}/admin/dlq/tasks/${id}/retry/`, { method: 'POST', headers });
  const answer = new Promise<Body>((resolve, reject) => {
    call.once('error', reject);
    call.once('response', (response) => { json(response).then(resolve, reject); });
  });
  call.flushHeaders();
  await once(call, 'continue');
  return () => {
    call.end('{}');
    return answer;
  };
}

const shared = await sharedInstance();
let engine: Engine;
beforeAll(async () => { engine = await engineOf(shared); });
afterAll(() => engine.connection.close());

describe('a retry', () => {
  test('is accepted, is in the list at once, and ends the task when it goes well; its reason is in the audit log', async () => {
    const { admin } = await cast(shared);
    const id = await park(engine, admin);
    const reply = await retry(admin, id, { reason: 'the target is back', priority: 'high' });
    expect([reply.status, reply.body]).toEqual([202, { task_id: id, status: 'retrying', manual_retries: 1, max_retries: 3 }]);
    expect((await admin.get('/admin/dlq/tasks/?status=parked')).body.total).toBe(0);
    await isNow(admin, id, 'completed');
    expect(await taskOf(admin, id)).toMatchObject({ stale: false, ended_at: expect.any(String), discarded: null });
    const { body: audit } = await admin.get('/admin/audit/?action=dlq.retry');
    expect(audit.results[0]).toMatchObject({
      actor: 'dee', target: `task:${id}`, reason: 'the target is back', status: 202,
      details: { force: false, amended: false, manual_retries: 1 },
    });
    expect([(await retry(admin, id)).body.code, (await retry(admin, randomUUID())).status]).toEqual(['not_parked', 404]);
  });

  test('two clicks at the same moment are one retry, though its round is over in no time: the other is 409 not_parked', async () => {
    const { admin } = await cast(shared);
    for (let times = 0; times < 5; times += 1) {
      const id = await park(engine, admin, { status: 'nonsense' });
      await Promise.all([taskOf(admin, id), taskOf(admin, id)]);
      const replies = await Promise.all([retry(admin, id), retry(admin, id)]);
      expect(replies.map((reply) => reply.status).toSorted((a, b) => a - b)).toEqual([202, 409]);
      expect(replies.find((reply) => reply.status === 409)?.body.code).toBe('not_parked');
      await afterRound(admin, id, 1);
    }
  });

  test('a click that was on its way before another one changed the task is 409 not_parked, though the task is parked again', async () => {
    const { admin, tenant } = await cast(shared);
    const id = await park(engine, admin, { status: 'nonsense' });
    const slow = await slowRetry(tenant, id);
    expect((await retry(admin, id)).status).toBe(202);
    await afterRound(admin, id, 1);
    expect(await slow()).toMatchObject({ status: 409, code: 'not_parked' });
    expect(await taskOf(admin, id)).toMatchObject({ status: 'parked', manual_retries: 1 });
  });

  test('twenty who saw the same task are one retry, however far apart they click', async () => {
    const { admin } = await cast(shared);
    const id = await park(engine, admin, { status: 'nonsense' });
    const { headers } = await admin.get(`/admin/dlq/tasks/${id}/`);
    const replies = await Promise.all(Array.from({ length: 20 }, () => retry(admin, id, {}, { 'if-match': headers.get('etag') ?? '' })));
    expect(replies.filter((reply) => reply.status === 202)).toHaveLength(1);
    const codes = replies.flatMap((reply) => (reply.status === 202 ? [] : [reply.body.code as string]));
    expect(codes.filter((code) => code !== 'not_parked' && code !== 'precondition_failed')).toEqual([]);
    await afterRound(admin, id, 1);
  });

  test('with the ETag of what was seen is 412 when the task has changed since, however fast the first round was over', async () => {
    const { admin } = await cast(shared);
    const id = await park(engine, admin, { status: 'nonsense' });
    const { headers } = await admin.get(`/admin/dlq/tasks/${id}/`);
    const seen = { 'if-match': headers.get('etag') ?? '' };
    expect((await retry(admin, id, {}, seen)).status).toBe(202);
    await afterRound(admin, id, 1);
    expect((await retry(admin, id, {}, seen)).body.code).toBe('precondition_failed');
    expect(await taskOf(admin, id)).toMatchObject({ manual_retries: 1 });
  });

  test('repeated with its Idempotency-Key is the first answer again, and no second round', async () => {
    const { admin } = await cast(shared);
    const id = await park(engine, admin, { status: 'nonsense' });
    const key = { 'idempotency-key': randomUUID() };
    const first = await retry(admin, id, {}, key);
    await afterRound(admin, id, 1);
    const again = await retry(admin, id, {}, key);
    expect([again.status, again.body, again.headers.get('idempotency-replayed')]).toEqual([202, first.body, 'true']);
    expect(await taskOf(admin, id)).toMatchObject({ status: 'parked', manual_retries: 1 });
  });

  test('keeps one task with a history that only grows, shows the newest error, and ends after three unless it is forced', async () => {
    const { admin } = await cast(shared);
    const id = await park(engine, admin, { status: 'nonsense' });
    for (const round of [1, 2, 3]) {
      expect((await retry(admin, id, { reason: `round ${round}` })).status).toBe(202);
      await afterRound(admin, id, round);
    }
    const task = await taskOf(admin, id);
    expect(task).toMatchObject({ category: 'validation', manual_retries: 3, attempts: 5 });
    expect(task.exception_message).not.toBe('HTTP 503');
    expect(task.retry_history.map((entry: Body) => [entry.round, entry.actor, entry.reason])).toEqual([
      [0, null, null], [0, null, null], [1, 'dee', 'round 1'], [2, 'dee', 'round 2'], [3, 'dee', 'round 3'],
    ]);
    const fourth = await retry(admin, id);
    expect([fourth.status, fourth.body.code]).toEqual([409, 'max_retries_exceeded']);
    expect((await retry(admin, id, { force: true })).body).toMatchObject({ manual_retries: 4, max_retries: 3 });
    await afterRound(admin, id, 4);
    await until('the list shows the newest error', async () => (await rowOf(admin, id))?.category === 'validation');
  });

  test('with an input that breaks the schema is 422 with each mistake and runs nothing; masks that come back stand for what they mask', async () => {
    const { admin } = await cast(shared);
    const id = await park(engine, admin, { status: 'nonsense' });
    const { input } = await taskOf(admin, id);
    expect(input).toMatchObject({ requested_by: '••• string /requested_by', approved_by: '••• string /approved_by', status: 'nonsense' });
    const wrong = await retry(admin, id, { input: { ...input, risk_score: 'high', changeset_id: 7 } });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'input_invalid']);
    expect(wrong.body.errors.map((mistake: Body) => mistake.pointer).toSorted()).toEqual([
      '/input/changeset_id', '/input/risk_score', '/input/status',
    ]);
    const broken = await retry(admin, id, { input: { ...input, status: 'rejected', requested_by: '••• string /somebody' } });
    expect([broken.status, broken.body.errors[0]]).toEqual([
      422, expect.objectContaining({ pointer: '/input/requested_by', code: 'unknown_mask' }),
    ]);
    expect((await retry(admin, id, { input: null })).status).toBe(422);
    expect(await taskOf(admin, id)).toMatchObject({ status: 'parked', manual_retries: 0, amended: false });
    expect((await retry(admin, id, { input: { ...input, status: 'rejected' } })).status).toBe(202);
    await isNow(admin, id, 'completed');
    const { changeset_id: changeset } = input;
    expect((await admin.get(`/changesets/${changeset}/`)).body).toMatchObject({
      status: 'rejected', requested_by: 'ana', approved_by: 'ben',
    });
  });
});

describe('discarding', () => {
  test('takes a parked task off the list at once, with who and why, once', async () => {
    const { admin } = await cast(shared);
    const [one, other] = [await park(engine, admin), await park(engine, admin)];
    const reply = await admin.call('DELETE', `/admin/dlq/tasks/${one}/delete/?reason=${encodeURIComponent('no longer wanted')}`);
    expect([reply.status, reply.body]).toEqual([200, { task_id: one, status: 'discarded', deleted_at: expect.any(String) }]);
    expect((await admin.get('/admin/dlq/tasks/')).body.results.map((row: Body) => row.task_id)).toEqual([other]);
    expect(await taskOf(admin, one)).toMatchObject({ status: 'discarded', discarded: { actor: 'dee', reason: 'no longer wanted' } });
    expect((await admin.call('DELETE', `/admin/dlq/tasks/${other}/`)).status).toBe(200);
    for (const again of [await admin.call('DELETE', `/admin/dlq/tasks/${one}/`), await retry(admin, one)]) {
      expect([again.status, again.body.code]).toEqual([409, 'not_parked']);
    }
  });

  test('by clear takes those that match and no others, whoever else is at it', async () => {
    const { admin } = await cast(shared);
    const cleared = await Promise.all(Array.from({ length: 5 }, () => park(engine, admin, { status: 'nonsense' })));
    await Promise.all(cleared.map((id) => retry(admin, id)));
    for (const id of cleared) await afterRound(admin, id, 1);
    const kept = await park(engine, admin);
    await until('the list shows the newest error', async () => (await admin.get('/admin/dlq/tasks/?category=validation')).body.total === 5);
    const replies = await Promise.all([1, 2].map(() => admin.call('DELETE', '/admin/dlq/clear/', {
      category: 'validation', dry_run: false, confirm: 'yes', reason: 'a bad release',
    })));
    expect(replies.map((reply) => reply.status)).toEqual([200, 200]);
    expect(replies.reduce((sum, reply) => sum + (reply.body.deleted_count as number), 0)).toBe(5);
    for (const { body } of replies) expect(body.remaining).toBe(0);
    expect((await admin.get('/admin/dlq/tasks/')).body.results.map((row: Body) => row.task_id)).toEqual([kept]);
    expect(await taskOf(admin, cleared[0] ?? '')).toMatchObject({
      status: 'discarded', discarded: { actor: 'dee', reason: 'a bad release' },
    });
  });
});

describe('a redrive', () => {
  const begin = (admin: Person, more: object): Promise<Reply> => admin.post('/admin/dlq/redrives/', {
    filter: { fingerprint: 'f-9' }, reason: 'the target is back', ...more,
  });
  const redriveOf = async (admin: Person, id: string): Promise<Body> => (await admin.get(`/admin/dlq/redrives/${id}/`)).body;

  test('retries what matched when it began, each once, and tells the outcome of each; what is parked later is not part of it', async () => {
    const { admin } = await cast(shared);
    const good = await Promise.all(Array.from({ length: 4 }, () => park(engine, admin, { fingerprint: 'f-9' })));
    const bad = await park(engine, admin, { fingerprint: 'f-9', status: 'nonsense' });
    const other = await park(engine, admin);
    const { status, body } = await begin(admin, { canary: 2, rate_per_second: 20 });
    expect([status, body]).toEqual([
      202, { redrive_id: expect.any(String), status: 'running', matched: 5, canary: 2, succeeded: 0, failed: 0,
        remaining: 5, note: null },
    ]);
    const late = await park(engine, admin, { fingerprint: 'f-9' });
    await until('the redrive is over', async () => (await redriveOf(admin, body.redrive_id as string)).status === 'completed');
    const over = await redriveOf(admin, body.redrive_id as string);
    expect(over).toMatchObject({ matched: 5, succeeded: 4, failed: 1, remaining: 0 });
    expect(Object.fromEntries(over.results.map((item: Body) => [item.task_id, item.result]))).toEqual({
      ...Object.fromEntries(good.map((id) => [id, 'succeeded'])), [bad]: 'failed',
    });
    for (const id of [other, late]) expect(await taskOf(admin, id)).toMatchObject({ status: 'parked', manual_retries: 0 });
    expect((await taskOf(admin, bad)).retry_history.at(-1)).toMatchObject({ actor: 'dee', reason: 'the target is back', round: 1 });
  });

  test('is paused, resumed and aborted; over, it takes nothing more', async () => {
    const { admin } = await cast(shared);
    for (let n = 0; n < 3; n += 1) await park(engine, admin, { fingerprint: 'f-9' });
    const { body: { redrive_id: id } } = await begin(admin, { rate_per_second: 0.5 });
    const path = `/admin/dlq/redrives/${id}/`;
    for (const [act, status] of [['pause', 'paused'], ['resume', 'running'], ['pause', 'paused'], ['abort', 'aborted']] as const) {
      const reply = await admin.post(`${path}${act}/`, { reason: 'by hand' });
      expect([act, reply.status, reply.body.status]).toEqual([act, 202, status]);
    }
    expect((await admin.get('/admin/dlq/tasks/?fingerprint=f-9')).body.total).toBeGreaterThanOrEqual(2);
    for (const act of ['pause', 'resume']) expect([act, (await admin.post(`${path}${act}/`, {})).body.code]).toEqual([act, 'wrong_state']);
    await until(
      'its workflow has ended',
      async () => (await engine.client.workflow.getHandle(`redrive:${admin.tenant}:${id}`).describe()).status.name === 'COMPLETED',
    );
    expect([(await admin.post(`${path}resume/`, {})).body.code, (await admin.post(`${path}abort/`, {})).body.status]).toEqual(
      ['wrong_state', 'aborted'],
    );
    expect((await redriveOf(admin, id as string)).status).toBe('aborted');
  });

  test('that is asked for again with its Idempotency-Key is the same one', async () => {
    const { admin } = await cast(shared);
    await park(engine, admin, { fingerprint: 'f-9' });
    const body = { filter: { fingerprint: 'f-9' }, reason: 'r' };
    const key = { headers: { 'idempotency-key': randomUUID() } };
    const [first, second] = [await admin.post('/admin/dlq/redrives/', body, key), await admin.post('/admin/dlq/redrives/', body, key)];
    expect(second.body).toEqual(first.body);
  });
});

describe('what is away', () => {
  let lease: Lease;
  let own: InstanceAddress;
  let ownEngine: Engine;
  beforeAll(async () => {
    lease = await leaseInstance('outage');
    own = lease.instance;
    ownEngine = await engineOf(own);
  }, leaseMs);
  afterAll(async () => {
    await ownEngine.connection.close();
    lease.end();
  });

  test('the engine: the list goes on, one task is shown from its copy and says so, and whoever would change something gets 503', async () => {
    const { admin } = await cast(own);
    const id = await park(ownEngine, admin, { fingerprint: 'f-9' });
    await whileFrozen(own, 'temporal', async () => {
      const [list, one, stats, again, dropped, cleared, redriven] = await Promise.all([
        admin.get('/admin/dlq/tasks/'), admin.get(`/admin/dlq/tasks/${id}/`), admin.get('/admin/dlq/stats/'), retry(admin, id),
        admin.call('DELETE', `/admin/dlq/tasks/${id}/`),
        admin.call('DELETE', '/admin/dlq/clear/', { task_name: 'applyChangeset', dry_run: false, confirm: 'yes' }),
        admin.post('/admin/dlq/redrives/', { filter: { fingerprint: 'f-9' }, reason: 'r' }),
      ]);
      expect([list.status, list.body.total, one.status, one.body.stale, one.body.status, stats.status]).toEqual(
        [200, 1, 200, true, 'parked', 200],
      );
      for (const refused of [again, dropped, cleared, redriven]) {
        expect([refused.status, refused.body.code]).toEqual([503, 'engine_unavailable']);
      }
    });
    await until('the engine is back', async () => (await taskOf(admin, id)).stale === false);
  });

  test('PostgreSQL: nothing is shown that could not be audited, nothing is done, and afterwards everything is as it was', async () => {
    const { admin } = await cast(own);
    const id = await park(ownEngine, admin);
    await whileFrozen(own, 'postgres', async () => {
      const replies = await Promise.all([
        admin.get('/admin/dlq/tasks/'), admin.get(`/admin/dlq/tasks/${id}/`), admin.get('/admin/dlq/groups/'), retry(admin, id),
        admin.call('DELETE', `/admin/dlq/tasks/${id}/`),
      ]);
      expect(replies.map((reply) => [reply.status, reply.body.code])).toEqual(replies.map(() => [503, 'store_unavailable']));
    });
    expect(await taskOf(admin, id)).toMatchObject({ status: 'parked', manual_retries: 0 });
  });
});
