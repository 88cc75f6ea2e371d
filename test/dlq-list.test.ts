/** The list of the dead letter queue: rows as workflows write them, read by the API. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorCategories } from '../domain/error-category.ts';
import { taskStatuses, type ParkedTaskState, type TaskStatus } from '../domain/parked-task.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { readTaskRow, saveTask } from '../stores/postgres/tasks.ts';
import { trendOf } from '../stores/postgres/task-reports.ts';
import { databaseOf } from './support/instance-stores.ts';
import { after, failureOf, parked, sealerOf } from './support/parked-rows.ts';
import { cast, type Body, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const shared = await sharedInstance();
let db: Database;
let sealer: Sealer;

beforeAll(async () => {
  db = await databaseOf(shared);
  sealer = await sealerOf(shared);
});
afterAll(() => db.close());

const hour = 3_600_000;
const retried = (state: ParkedTaskState, at = Date.now()) => after(state, (task) => { task.retry({ actor: 'dee' }, at); });
const completed = (state: ParkedTaskState, at = Date.now()) => after(retried(state, at), (task) => { task.succeeded(at); });
const discarded = (state: ParkedTaskState, at = Date.now()) => after(state, (task) => { task.discard({ actor: 'dee' }, at); });
const failedAgain = (state: ParkedTaskState, at = Date.now()) => after(retried(state, at), (task) => {
  task.failed(failureOf({ message: 'HTTP 429', fingerprint: 'f-2' }), at);
});

async function written(states: readonly ParkedTaskState[]): Promise<readonly ParkedTaskState[]> {
  for (const state of states) expect(await saveTask(db, sealer, state)).toBe(true);
  return states;
}

/**
 * 48 tasks, in all combinations of name, category, fingerprint, session and status; the times differ, but for pairs at the same
 * millisecond.
 */
async function manyOf(tenant: string): Promise<{ readonly tasks: readonly ParkedTaskState[]; readonly sessions: readonly string[] }> {
  const sessions = [randomUUID(), randomUUID()];
  const turns = [(state: ParkedTaskState) => state, retried, completed, discarded];
  const tasks = Array.from({ length: 48 }, (_, n) => {
    const name = ['applyChangeset', 'proposeRecommendations', 'deliverEvent'][n % 3] ?? '';
    const state = parked(tenant, {
      task_name: name, at: Date.now() - Math.floor(n / 2) * hour,
      failure: {
        category: n % 2 === 0 ? 'network' : 'llm_api', fingerprint: `f-${name}-${n % 2}`,
        exception_type: n % 5 === 0 ? 'TypeError' : 'HttpError',
      },
      context: { session_id: n % 4 === 3 ? null : sessions[n % 2] ?? null, user: 'ana', correlation_id: `c-${n % 6}` },
    });
    return (turns[Math.floor(n / 12)] ?? ((same: ParkedTaskState) => same))(state);
  });
  return { tasks: await written(tasks), sessions };
}

const ids = (reply: Reply): string[] => reply.body.results.map((row: Body) => row.task_id as string);
const newestFirst = (tasks: readonly ParkedTaskState[]): string[] => tasks.toSorted((a, b) => b.parked_at - a.parked_at
  || (a.task_id < b.task_id ? 1 : -1)).map((task) => task.task_id);
const isOpen = ({ status }: ParkedTaskState): boolean => status === 'parked' || status === 'retrying';

/** All pages of a list, and what was done between them. */
async function pages(
  admin: Person, query: string, between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ ids: string[]; totals: number[]; rows: Body[] }> {
  const found: { ids: string[]; totals: number[]; rows: Body[] } = { ids: [], totals: [], rows: [] };
  let cursor: string | null = null;
  do {
    const reply: Reply = await admin.get(`/admin/dlq/tasks/?limit=5${query}${cursor === null ? '' : `&cursor=${cursor}`}`);
    expect([query, reply.status]).toEqual([query, 200]);
    found.ids.push(...ids(reply));
    found.rows.push(...reply.body.results);
    found.totals.push(reply.body.total as number);
    cursor = reply.body.next_cursor as string | null;
    await between();
  } while (cursor !== null);
  return found;
}

describe('the copy of a task', () => {
  test('is replaced by a higher revision alone, whatever the order of writing', async () => {
    const { tenant } = await cast(shared);
    const first = parked(tenant);
    const third = failedAgain(first);
    expect(await saveTask(db, sealer, first)).toBe(true);
    expect(await saveTask(db, sealer, third)).toBe(true);
    for (const late of [first, retried(first), third, { ...third, status: 'discarded' as const }]) {
      expect(await saveTask(db, sealer, late)).toBe(false);
    }
    expect(await readTaskRow(db, sealer, tenant, first.task_id)).toEqual(third);
    const [row] = await db.asTenant(tenant).query(
      'SELECT status, revision, exception_message, fingerprint, attempts, manual_retries FROM tasks WHERE task_id = $1', [first.task_id],
    );
    expect(row).toEqual({
      status: 'parked', revision: 3, exception_message: 'HTTP 429', fingerprint: 'f-2', attempts: 4, manual_retries: 1,
    });
  });

  test('holds nothing of the input that could be read, and opens for its own tenant and task alone', async () => {
    const { tenant } = await cast(shared);
    const [one, other] = await written([parked(tenant, { input: { answers: { name: 'Harbour Office' } } }), parked(tenant)]);
    const rows = await db.asTenant(tenant).query<{ row: string; sealed: Buffer }>(
      'SELECT tasks::text AS row, sealed FROM tasks WHERE task_id = $1', [one?.task_id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.row).not.toContain('Harbour');
    expect(rows[0]?.sealed.toString('latin1')).not.toContain('Harbour');
    await db.asTenant(tenant).query('UPDATE tasks SET sealed = $1 WHERE task_id = $2', [rows[0]?.sealed, other?.task_id]);
    await expect(readTaskRow(db, sealer, tenant, other?.task_id ?? '')).rejects.toMatchObject({ name: 'SealBrokenError' });
    expect(await readTaskRow(db, sealer, `${tenant}x`, one?.task_id ?? '')).toBeNull();
  });
});

describe('the list', () => {
  test('shows open tasks unless told otherwise, each as the contract has it, newest first', async () => {
    const { admin, tenant } = await cast(shared);
    const { tasks } = await manyOf(tenant);
    const reply = await admin.get('/admin/dlq/tasks/?limit=100');
    expect(ids(reply)).toEqual(newestFirst(tasks.filter(isOpen)));
    const [newest] = tasks.filter((task) => task.task_id === ids(reply)[0]);
    expect(reply.body.results[0]).toEqual({
      task_id: newest?.task_id, task_name: newest?.task_name, status: 'parked', category: newest?.failure.category, severity: 'medium',
      exception_type: newest?.failure.exception_type,
      exception_message: 'HTTP 503', fingerprint: newest?.failure.fingerprint, attempts: 2, manual_retries: 0,
      correlation_id: newest?.context.correlation_id,
      session_id: newest?.context.session_id, parked_at: new Date(newest?.parked_at ?? 0).toISOString(), age_seconds: expect.any(Number),
    });
  });

  test('matches every filter alone and in pairs, on every page, with the right total', async () => {
    const { admin, tenant } = await cast(shared);
    const { tasks, sessions } = await manyOf(tenant);
    const middle = Date.now() - 12.5 * hour;
    const filters: readonly [field: string, query: string, matches: (task: ParkedTaskState) => boolean][] = [
      ['task_name', 'task_name=deliverEvent', (task) => task.task_name === 'deliverEvent'],
      ['category', 'category=llm_api', (task) => task.failure.category === 'llm_api'],
      ...taskStatuses.map((status): [string, string, (task: ParkedTaskState) => boolean] => [
        'status', `status=${status}`, (task) => task.status === status,
      ]),
      ['fingerprint', 'fingerprint=f-applyChangeset-1', (task) => task.failure.fingerprint === 'f-applyChangeset-1'],
      ['correlation_id', 'correlation_id=c-4', (task) => task.context.correlation_id === 'c-4'],
      ['session_id', `session_id=${sessions[1]}`, (task) => task.context.session_id === sessions[1]],
      ['exception_type', 'exception_type=TypeError', (task) => task.failure.exception_type === 'TypeError'],
      ['parked_after', `parked_after=${new Date(middle).toISOString()}`, (task) => task.parked_at >= middle],
      ['parked_before', `parked_before=${new Date(middle).toISOString()}`, (task) => task.parked_at < middle],
    ];
    let matched = 0;
    for (const [field, query, matches] of filters) {
      for (const [otherField, otherQuery, otherMatches] of filters) {
        if (field === otherField && query !== otherQuery) continue;
        const both = query === otherQuery ? query : `${query}&${otherQuery}`;
        const expected = tasks.filter((task) => matches(task) && otherMatches(task) && (both.includes('status=') || isOpen(task)));
        const { body } = await admin.get(`/admin/dlq/tasks/?limit=100&${both}`);
        expect([both, body.total, body.results.map((row: Body) => row.task_id)]).toEqual([both, expected.length, newestFirst(expected)]);
        matched += expected.length;
      }
    }
    expect(matched).toBeGreaterThan(300);
  });

  test.each(['newest', 'oldest'])('sorted by %s has each task once, and every one that was there throughout, while others are parked and ' +
    'retried', async (sort) => {
    const { admin, tenant } = await cast(shared);
    const { tasks } = await manyOf(tenant);
    const open = tasks.filter(isOpen);
    let rounds = 0;
    const seen = await pages(admin, `&sort=${sort}`, async () => {
      rounds += 1;
      await written([parked(tenant)]);
      const some = open[rounds * 3];
      if (some?.status === 'parked') await written([failedAgain(some)]);
    });
    expect(new Set(seen.ids).size).toBe(seen.ids.length);
    const known = newestFirst(open);
    expect(seen.ids.filter((id) => known.includes(id))).toEqual(sort === 'newest' ? known : known.toReversed());
    expect(seen.totals).toEqual(seen.totals.map((_, at) => open.length + at));
    expect(seen.totals.length).toBeGreaterThan(4);
  });

  test('a filter that is empty, misspelled or of the wrong kind is refused and named', async () => {
    const { admin } = await cast(shared);
    for (const query of [
      'task_name=', 'fingerprint=', 'correlation_id=', 'session_id=', 'session_id=x', 'category=', 'category=other', 'status=',
      'status=open', 'parked_after=', 'parked_after=yesterday',
      'parked_before=0000-01-01T00:00:00Z', 'exception_type=', 'sort=', 'sort=up', 'limit=0', 'limit=101', 'cursor=x', 'tasknam=x',
      'task_name=%00', 'status=parked&status=retrying',
    ]) {
      const reply = await admin.get(`/admin/dlq/tasks/?${query}`);
      expect([query, reply.status, reply.body.code]).toEqual([query, 400, 'invalid_request']);
      expect(reply.body.errors[0].pointer).toBe(`/${query.split('=')[0]}`);
    }
  });

  test('is a tenant\'s own and for admins alone', async () => {
    const [one, other] = await Promise.all([cast(shared), cast(shared)]);
    const [task] = await written([parked(one.tenant)]);
    expect((await other.admin.get('/admin/dlq/tasks/')).body).toEqual({ results: [], total: 0, next_cursor: null });
    expect((await other.admin.get('/admin/dlq/groups/')).body).toEqual({ results: [], total: 0 });
    expect((await other.admin.get('/admin/dlq/stats/')).body).toMatchObject({ total_tasks: 0, capacity: { used: 0 } });
    expect((await other.admin.call('DELETE', '/admin/dlq/clear/')).body).toEqual({ dry_run: true, matching_tasks: 0, sample: [] });
    const missing = randomUUID();
    for (const [method, path] of [['GET', ''], ['POST', 'retry/'], ['DELETE', 'delete/'], ['DELETE', '']] as const) {
      const replies = await Promise.all(
        [task?.task_id ?? '', missing].map((id) => other.admin.call(method, `/admin/dlq/tasks/${id}/${path}`)),
      );
      const told = replies.map(({ status, body: { title, code, detail, errors } }) => [status, title, code, detail, errors]);
      expect(told[0]?.[0]).toBe(404);
      expect(told[0]).toEqual(told[1]);
    }
    for (const who of [one.ana, one.ben, one.cy]) expect((await who.get('/admin/dlq/tasks/')).status).toBe(403);
  });
});

describe('one task', () => {
  const input = {
    correlation_id: 'c-1', tenant: 'acme', answers: { office_email: 'office@example.org', expected_users: 12 }, owner: 'ana',
  };

  test('shows every attempt of every round, where it is in the engine, and no personal data; a copy says that it is one', async () => {
    const { admin, tenant } = await cast(shared);
    const session = randomUUID();
    const first = parked(tenant, { input, context: { session_id: session, user: 'ana', correlation_id: 'c-1' } });
    const again = after(
      first, (task) => { task.retry({ actor: 'dee', reason: 'the service is back', input: { ...input, owner: 'ben' } }, Date.now()); },
      (task) => { task.failed(failureOf({ message: 'HTTP 429' }), Date.now()); },
    );
    await written([again]);
    const { status, body, headers } = await admin.get(`/admin/dlq/tasks/${first.task_id}/`);
    expect(status).toBe(200);
    expect(headers.get('etag')).toBe('"3"');
    expect(body).toMatchObject({
      task_id: first.task_id, status: 'parked', exception_message: 'HTTP 429', attempts: 4, manual_retries: 1, max_retries: 3,
      amended: true, stale: true,
      context: { session_id: session, user: 'ana', correlation_id: 'c-1' }, workflow_id: `task:${tenant}:${first.task_id}`, ended_at: null,
      discarded: null,
      input: {
        correlation_id: 'c-1', tenant: 'acme', owner: '••• string /owner',
        answers: { office_email: '••• string /answers/office_email', expected_users: '••• number /answers/expected_users' },
      },
    });
    expect(body.retry_history.map((entry: Body) => [
      entry.round, entry.attempt, entry.error, entry.actor, entry.reason, entry.input, entry.worker,
    ])).toEqual([
      [0, 1, 'HTTP 503', null, null, 'original', 'w-1'], [0, 2, 'HTTP 503', null, null, 'original', 'w-1'],
      [1, 1, 'HTTP 429', 'dee', 'the service is back', 'amended', 'w-1'],
      [1, 2, 'HTTP 429', 'dee', 'the service is back', 'amended', 'w-1'],
    ]);
    expect(JSON.stringify(body)).not.toContain('office@');
    const link = body.links.temporal_ui as string | null;
    expect(link === null || link.endsWith(`/namespaces/default/workflows/${encodeURIComponent(body.workflow_id as string)}`)).toBe(true);
  });

  test('whose workflow has ended or is gone is not retried and not discarded: 409 not_parked', async () => {
    const { admin, tenant } = await cast(shared);
    for (const task of await written([completed(parked(tenant)), discarded(parked(tenant)), parked(tenant)])) {
      const path = `/admin/dlq/tasks/${task.task_id}/`;
      expect((await admin.get(path)).body).toMatchObject({ status: task.status, stale: task.ended_at === null });
      for (
        const reply of [
          await admin.post(`${path}retry/`, {}), await admin.call('DELETE', `${path}delete/`), await admin.call('DELETE', path),
        ]
      ) {
        expect([task.status, reply.status, reply.body.code]).toEqual([task.status, 409, 'not_parked']);
      }
    }
  });

  test('a retry with fields that are not known, or an id that is none, is refused', async () => {
    const { admin } = await cast(shared);
    for (const body of [{ forced: true }, { force: 'yes' }, { reason: '' }, { priority: 'urgent' }]) {
      expect([body, (await admin.post(`/admin/dlq/tasks/${randomUUID()}/retry/`, body)).status]).toEqual([body, 400]);
    }
    expect((await admin.get('/admin/dlq/tasks/x/')).status).toBe(404);
    expect((await admin.call('DELETE', `/admin/dlq/tasks/${randomUUID()}/?reason=`)).status).toBe(400);
  });
});

describe('stats', () => {
  test('agree with a plain recount, for any time', async () => {
    const { admin, tenant } = await cast(shared);
    const { tasks } = await manyOf(tenant);
    await written([after(failedAgain(parked(tenant)), (task) => { task.discard({}, Date.now()); })]);
    const all = [...tasks, (await readAll(tenant)).find((task) => !tasks.some((known) => known.task_id === task.task_id))].filter(
      (task) => task !== undefined,
    );
    expect(all).toHaveLength(49);
    for (const hours of [1, 7, 24, 9_600]) {
      const asked = Date.now();
      const { body } = await admin.get(`/admin/dlq/stats/?time_range_hours=${hours}`);
      const told = Date.now();
      expect(body).toMatchObject(recount(all.filter((task) => task.parked_at >= Date.parse(body.time_range.from as string))));
      expect(body.time_range).toMatchObject({ hours, to: body.last_updated });
      const open = all.filter(isOpen);
      expect(body.capacity).toEqual({ used: open.length, limit: 1_000, percent: open.length / 10 });
      // whole seconds
      const oldest = Math.min(...open.map((task) => task.parked_at));
      expect(body.oldest_task_age_seconds).toBeGreaterThanOrEqual((asked - oldest) / 1_000 - 1);
      expect(body.oldest_task_age_seconds).toBeLessThanOrEqual((told - oldest) / 1_000 + 1);
    }
  });

  test('count tasks that went well by themselves among those that failed at first', async () => {
    const [{ admin, tenant }, other] = await Promise.all([cast(shared), cast(shared)]);
    await written([parked(tenant), completed(parked(tenant))]);
    for (
      const [of, name, hoursAgo, recovered] of [
        [tenant, 'applyChangeset', 0, 4], [tenant, 'proposeRecommendations', 3, 2], [tenant, 'applyChangeset', 30, 100],
        [other.tenant, 'applyChangeset', 0, 50],
      ] as const
    ) {
      await db.asTenant(of).query(
        "INSERT INTO task_recoveries (tenant, task_name, hour, recovered) VALUES ($1, $2, date_trunc('hour', now()) - " +
        "make_interval(hours => $3), $4)",
        [of, name, hoursAgo, recovered],
      );
    }
    expect((await admin.get('/admin/dlq/stats/')).body).toMatchObject({ total_tasks: 2, automatic_recovery_rate: 6 / 8 });
  });

  test('of nothing are zeros, and null where there is no time to tell', async () => {
    const { admin } = await cast(shared);
    const { body } = await admin.get('/admin/dlq/stats/');
    expect(body).toMatchObject({
      total_tasks: 0, tasks_by_status: { parked: 0, retrying: 0, completed: 0, discarded: 0 },
      tasks_by_category: { database: 0, external_api: 0 }, tasks_by_name: {},
      oldest_task_age_seconds: null, capacity: { used: 0, limit: 1_000, percent: 0 },
      retry_statistics: { total_retries: 0, successful: 0, failed: 0, success_rate: 0 },
      median_seconds_to_resolution: null, time_range: { hours: 24 },
    });
    expect(body.automatic_recovery_rate).toBe(0);
    for (const query of ['time_range_hours=0', 'time_range_hours=1e9', 'time_range_hours=x', 'hours=3']) {
      expect([query, (await admin.get(`/admin/dlq/stats/?${query}`)).status]).toEqual([query, 400]);
    }
  });
});

async function readAll(tenant: string): Promise<ParkedTaskState[]> {
  const rows = await db.asTenant(tenant).query<{ task_id: string }>('SELECT task_id FROM tasks');
  return (await Promise.all(rows.map((row) => readTaskRow(db, sealer, tenant, row.task_id)))).filter((state) => state !== null);
}

function recount(tasks: readonly ParkedTaskState[]): object {
  const times = (key: (task: ParkedTaskState) => string, names: readonly string[] = []): Record<string, number> => {
    const counted: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
    for (const task of tasks) counted[key(task)] = (counted[key(task)] ?? 0) + 1;
    return counted;
  };
  const durations = tasks.flatMap((task) => (task.ended_at === null ? [] : [(task.ended_at - task.parked_at) / 1_000]))
    .toSorted((a, b) => a - b);
  const [lower, upper] = [durations[Math.floor((durations.length - 1) / 2)], durations[Math.ceil((durations.length - 1) / 2)]];
  const retries = tasks.reduce((sum, task) => sum + task.manual_retries, 0);
  const won = tasks.filter((task) => task.status === 'completed').length;
  const running = tasks.filter((task) => task.status === 'retrying').length;
  return {
    total_tasks: tasks.length, tasks_by_status: times((task) => task.status, taskStatuses),
    tasks_by_category: times((task) => task.failure.category, errorCategories),
    tasks_by_name: times((task) => task.task_name), tasks_by_exception: times((task) => task.failure.exception_type),
    retry_statistics: {
      total_retries: retries, successful: won, failed: retries - won - running, success_rate: won === 0 ? 0 : won / (retries - running),
    },
    median_seconds_to_resolution: lower === undefined || upper === undefined ? null : expect.closeTo((lower + upper) / 2, 3),
  };
}

describe('groups', () => {
  test('are the open tasks by fingerprint, the largest first, with their sessions, their newest message and how many groups there are', async () => {
    const { admin, tenant } = await cast(shared);
    const { tasks } = await manyOf(tenant);
    const { body } = await admin.get('/admin/dlq/groups/?limit=100');
    const groups = [...Map.groupBy(tasks.filter(isOpen), (task) => task.failure.fingerprint)].toSorted(
      (a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1),
    );
    const shown = body.results.map(
      (group: Body) => Object.fromEntries(Object.entries(group as object).filter(([field]) => field !== 'trend')),
    );
    expect(shown).toEqual(groups.map(([fingerprint, members]) => ({
      fingerprint, task_name: members[0]?.task_name, category: members[0]?.failure.category, message: 'HTTP 503', count: members.length,
      sessions: new Set(members.flatMap((task) => task.context.session_id ?? [])).size,
      first_seen: new Date(Math.min(...members.map((task) => task.parked_at))).toISOString(),
      last_seen: new Date(Math.max(...members.map((task) => task.parked_at))).toISOString(),
    })));
    expect(body.total).toBe(6);
    const few = await admin.get('/admin/dlq/groups/?limit=2');
    expect([few.body.results.length, few.body.total]).toEqual([2, 6]);
  });

  test('rise and fall by what was parked in the two halves of the last day, whatever became of it', async () => {
    const { admin, tenant } = await cast(shared);
    const at = (fingerprint: string, hoursAgo: number): ParkedTaskState => parked(tenant, {
      at: Date.now() - hoursAgo * hour, failure: { fingerprint },
    });
    await written([
      at('up', 1), at('up', 2), at('up', 3), at('up', 20), at('down', 1), at('down', 13), at('down', 14), discarded(at('down', 15)),
      at('same', 1), at('same', 2), at('same', 13),
      at('old', 30), at('old', 40), at('cleared', 1), discarded(at('cleared', 2)), discarded(at('cleared', 14)),
      discarded(at('cleared', 15)),
    ]);
    const { body } = await admin.get('/admin/dlq/groups/');
    expect(Object.fromEntries(body.results.map((group: Body) => [group.fingerprint, group.trend]))).toEqual({
      up: 'rising', down: 'falling', same: 'steady', old: 'steady', cleared: 'steady',
    });
    expect([trendOf(0, 1), trendOf(0, 2), trendOf(4, 6), trendOf(4, 7), trendOf(7, 4), trendOf(1, 0)]).toEqual([
      'steady', 'rising', 'steady', 'rising', 'falling', 'steady',
    ]);
  });
});

describe('clear', () => {
  const clear = (admin: Person, body?: object, query = ''): Promise<Reply> => admin.call('DELETE', `/admin/dlq/clear/${query}`, body);

  test('is a dry run unless told otherwise; what is empty, misspelled or not confirmed deletes nothing and is 400', async () => {
    const { admin, tenant } = await cast(shared);
    await written(Array.from({ length: 6 }, (_, n) => parked(tenant, { task_name: n < 4 ? 'applyChangeset' : 'proposeRecommendations' })));
    for (
      const reply of [
        await clear(admin, {}), await clear(admin), await clear(admin, { confirm: 'all' }), await clear(admin, undefined, '?confirm=all'),
      ]
    ) {
      expect([reply.status, reply.body.dry_run, reply.body.matching_tasks, reply.body.sample.length]).toEqual([200, true, 6, 6]);
    }
    expect((await clear(admin, { task_name: 'applyChangeset' })).body).toMatchObject({ dry_run: true, matching_tasks: 4 });
    expect((await clear(admin, undefined, '?older_than_hours=1')).body).toMatchObject({ dry_run: true, matching_tasks: 0 });
    const refused: readonly [body: object | undefined, query: string, code: string, matching?: number][] = [
      [undefined, '?task_name=', 'invalid_request'], [undefined, '?older_than_hours=', 'invalid_request'],
      [undefined, '?dry_run=', 'invalid_request'], [{ task_name: '', dry_run: false }, '', 'invalid_request'],
      [{ tasknam: 'x', dry_run: false }, '', 'invalid_request'], [{ older_than_hours: -1, dry_run: false }, '', 'invalid_request'],
      [undefined, '?older_than_hours=-1&dry_run=false&confirm=yes', 'invalid_request'],
      [{ dry_run: false, confirm: 'perhaps' }, '', 'invalid_request'], [{ status: 'retrying' }, '', 'invalid_request'],
      [{ task_name: 'x' }, '?task_name=x', 'invalid_request'],
      [{ dry_run: 'no' }, '', 'invalid_request'], [{ task_name: null, dry_run: false, confirm: 'yes' }, '', 'invalid_request'],
      [{ dry_run: false }, '', 'confirmation_required', 6], [{ dry_run: false, confirm: 'yes' }, '', 'confirmation_required', 6],
      [{ dry_run: false, confirm: true }, '', 'confirmation_required', 6],
      [undefined, '?status=parked&dry_run=false', 'confirmation_required', 6],
      [{ task_name: 'applyChangeset', dry_run: false }, '', 'confirmation_required', 4],
      [{ task_name: 'applyChangeset', dry_run: false, confirm: false }, '', 'confirmation_required', 4],
    ];
    for (const [body, query, code, matching] of refused) {
      const reply = await clear(admin, body, query);
      expect([body, query, reply.status, reply.body.code, reply.body.matching_tasks]).toEqual([body, query, 400, code, matching]);
    }
    expect((await admin.get('/admin/dlq/tasks/')).body.total).toBe(6);
  });

  test('of ended tasks takes their rows off the list, those that match and no others', async () => {
    const { admin, tenant } = await cast(shared);
    const { tasks } = await manyOf(tenant);
    const count = (status: TaskStatus, name?: string): number => tasks.filter((task) => task.status === status
      && (name === undefined || task.task_name === name)).length;
    const { status, body } = await clear(admin, {
      status: 'discarded', task_name: 'deliverEvent', dry_run: false, confirm: 'yes', reason: 'no longer of interest',
    });
    expect([status, body]).toEqual([200, {
      dry_run: false, deleted_count: count('discarded', 'deliverEvent'), skipped: 0, remaining: 0,
      filters_applied: { status: 'discarded', task_name: 'deliverEvent' }, cleared_at: expect.any(String),
    }]);
    const left = (await admin.get('/admin/dlq/stats/?time_range_hours=9600')).body.tasks_by_status;
    expect(left).toEqual({
      parked: count('parked'), retrying: count('retrying'), completed: count('completed'),
      discarded: count('discarded') - count('discarded', 'deliverEvent'),
    });
    const { body: audit } = await admin.get('/admin/audit/?action=dlq.clear');
    expect(audit.results[0]).toMatchObject({
      actor: 'dee', result: 'allowed', reason: 'no longer of interest',
      details: { dry_run: false, deleted_count: count('discarded', 'deliverEvent'), task_name: 'deliverEvent' },
    });
  });

  test('skips what is no longer parked in truth, and says so', async () => {
    const { admin, tenant } = await cast(shared);
    await written([parked(tenant), parked(tenant)]);
    expect((await clear(admin, { dry_run: false, confirm: 'all' })).body).toMatchObject({ deleted_count: 0, skipped: 2, remaining: 0 });
  });
});

describe('a redrive', () => {
  test('with a filter that is empty or misspelled, without a reason, or with numbers out of range, is refused before anything moves', async () => {
    const { admin, tenant } = await cast(shared);
    await written([parked(tenant)]);
    const refused: readonly [body: object, code: string][] = [
      [{ filter: {}, reason: 'r' }, 'confirmation_required'], [{ filter: {}, reason: 'r', confirm: 'yes' }, 'confirmation_required'],
      [{ filter: { fingerprint: '' } }, 'invalid_request'], [{ filter: { fingerprint: '' }, reason: 'r' }, 'invalid_request'],
      [{ filter: { task_name: '' }, reason: 'r', confirm: 'all' }, 'invalid_request'],
      [{ filter: { fingerprin: 'f' }, reason: 'r' }, 'invalid_request'], [{ reason: 'r' }, 'invalid_request'],
      [{ filter: { fingerprint: 'f' } }, 'invalid_request'],
      [{ filter: { fingerprint: 'f' }, reason: ' ' }, 'invalid_request'],
      [{ filter: { status: 'completed' }, reason: 'r' }, 'invalid_request'],
      ...[{ canary: -1 }, { canary: 1.5 }, { stop_at_failure_share: 1.1 }, { rate_per_second: 0 }, { rate_per_second: 1e9 }].map(
        (how): [object, string] => [{ filter: { fingerprint: 'f' }, reason: 'r', ...how }, 'invalid_request'],
      ),
    ];
    for (const [body, code] of refused) {
      const reply = await admin.post('/admin/dlq/redrives/', body);
      expect([body, reply.status, reply.body.code]).toEqual([body, 400, code]);
    }
    expect((await admin.post('/admin/dlq/redrives/', { filter: {}, reason: 'r' })).body).toMatchObject({ matching_tasks: 1 });
    for (const [method, path] of [['GET', ''], ['POST', 'pause/'], ['POST', 'resume/'], ['POST', 'abort/']] as const) {
      expect([path, (await admin.call(method, `/admin/dlq/redrives/${randomUUID()}/${path}`)).status]).toEqual([path, 404]);
    }
  });
});
