/** The error log: every error that background work meets is counted once, whatever PostgreSQL does meanwhile, and nobody waits for it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { fingerprintOf } from '../domain/error-fingerprint.ts';
import { ErrorLog, type ErrorLogOptions, type LoggedError } from '../stores/postgres/error-log.ts';
import { forgetErrors } from '../stores/postgres/error-patterns.ts';
import { openDatabase, type Database, type Scope } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { whileFrozen } from './support/frozen.ts';
import { databaseOf, storesOf } from './support/instance-stores.ts';
import { cast, newTenant, type Body, type Person } from './support/person.ts';
import { leaseInstance, leaseMs, sharedInstance, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

const shared = await sharedInstance();
const log = pino({ level: 'silent' });
const hourMs = 3_600_000;
let db: Database;

beforeAll(async () => { db = await databaseOf(shared); });
afterAll(() => db.close());

function logOf(options: Partial<ErrorLogOptions> = {}): ErrorLog {
  return new ErrorLog({ db, log, now: Date.now, flushMs: 50, ...options });
}

function errorOf(tenant: string, members: Partial<LoggedError> = {}): LoggedError {
  const error = {
    tenant, task_name: 'applyChangeset', category: 'database', severity: 'critical', message: 'deadlock detected',
    exception_type: 'DatabaseError', session_id: null, at: Date.now(), ...members,
  } as const;
  return { ...error, fingerprint: members.fingerprint ?? fingerprintOf(error) };
}

async function patternsOf(admin: Person, query = ''): Promise<Body[]> {
  const { status, body } = await admin.get(`/admin/errors/patterns/${query}`);
  expect(status).toBe(200);
  return body.results;
}

/** The database, with transactions of the system that `around` decides on. */
function withTransactions(around: (real: () => Promise<unknown>) => Promise<unknown>): Database {
  const scope = (): Scope => {
    const system = db.asSystem();
    return {
      query: (text, params) => system.query(text, params),
      transaction: async <T>(work: Parameters<Scope['transaction']>[0]) => await around(() => system.transaction(work)) as T,
    };
  };
  return { ...db, asSystem: scope };
}

describe('what was recorded', () => {
  test('is in the list, once for each occurrence, with its sessions, times and no personal data', async () => {
    const { admin, tenant } = await cast(shared);
    const errors = logOf();
    const [one, two] = [randomUUID(), randomUUID()];
    const at = Date.now();
    for (const [session, ago] of [[one, 3_000], [one, 2_000], [two, 1_000], [null, 0]] as const) {
      errors.record(errorOf(tenant, { session_id: session, at: at - ago, message: 'Key (email)=(ana@example.org) already exists' }));
    }
    errors.record(errorOf(tenant, {
      task_name: 'flushSession', category: 'cache', severity: 'low', message: 'Command timed out', exception_type: 'Error',
    }));
    await until('they are written', async () => (await patternsOf(admin)).length === 2);
    const [first, second] = await patternsOf(admin);
    expect(first).toEqual({
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/), task_name: 'applyChangeset', category: 'database', severity: 'critical',
      exception_type: 'DatabaseError',
      message: 'Key (email)=(<value>) already exists', count: 4, affected_sessions: 2, trend: 'new',
      first_seen: new Date(at - 3_000).toISOString(), last_seen: new Date(at).toISOString(),
    });
    expect(second).toMatchObject({ task_name: 'flushSession', count: 1, affected_sessions: 0 });
    errors.record(errorOf(tenant, { session_id: two, message: 'Key (email)=(ben@example.org) already exists' }));
    await errors.close();
    expect((await patternsOf(admin))[0]).toMatchObject({ fingerprint: first.fingerprint, count: 5, affected_sessions: 2 });
    expect(errors.dropped).toEqual({ errors: 0, sessions: 0 });
  });

  test('is a tenant\'s own, and reading it is audited', async () => {
    const [mine, other] = [await cast(shared), await cast(shared)];
    const errors = logOf();
    errors.record(errorOf(mine.tenant));
    await errors.close();
    expect(await patternsOf(mine.admin)).toHaveLength(1);
    expect(await patternsOf(other.admin)).toEqual([]);
    for (const reader of [mine.ana, mine.ben, mine.cy]) expect((await reader.get('/admin/errors/patterns/')).status).toBe(403);
    const { body } = await mine.admin.get('/admin/audit/?action=error_pattern.list');
    expect(body.results.map((entry: Body) => [entry.actor, entry.result]).sort()).toEqual([
      ['ana', 'refused'], ['ben', 'refused'], ['cy', 'refused'], ['dee', 'allowed'],
    ]);
  });

  test('can be filtered by time, category and task, and is told in pages, the most frequent first', async () => {
    const { admin, tenant } = await cast(shared);
    const errors = logOf();
    for (let kind = 1; kind <= 5; kind += 1) {
      for (let at = 0; at < kind; at += 1) {
        errors.record(errorOf(tenant, {
          message: `kind ${'abcde'[kind - 1]}`, task_name: kind % 2 === 0 ? 'even' : 'odd', category: kind === 5 ? 'network' : 'database',
        }));
      }
    }
    errors.record(errorOf(tenant, { message: 'of yesterday', at: Date.now() - 30 * hourMs }));
    await errors.close();
    const counts = (rows: Body[]): number[] => rows.map((row) => row.count as number);
    expect(counts(await patternsOf(admin))).toEqual([5, 4, 3, 2, 1]);
    expect(counts(await patternsOf(admin, '?time_range_hours=48'))).toEqual([5, 4, 3, 2, 1, 1]);
    expect(counts(await patternsOf(admin, '?category=network'))).toEqual([5]);
    expect(counts(await patternsOf(admin, '?task_name=even&category=database'))).toEqual([4, 2]);
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: Body = await admin.get(
        `/admin/errors/patterns/?limit=2&time_range_hours=48${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      expect(body.total).toBe(6);
      seen.push(...counts(body.results));
      cursor = body.next_cursor;
    }
    expect(seen).toEqual([5, 4, 3, 2, 1, 1]);
    for (const wrong of ['?cursor=abc', '?category=nothing', '?time_range_hours=0', '?time_range_hours=721', '?since=1']) {
      expect([wrong, (await admin.get(`/admin/errors/patterns/${wrong}`)).status]).toEqual([wrong, 400]);
    }
  });

  test.each([[0, 3, 'new'], [2, 8, 'rising'], [4, 4, 'steady'], [9, 3, 'falling']] as const)('%i times the day before and %i times since ' +
    'then is %s', async (before, since, trend) => {
    const { admin, tenant } = await cast(shared);
    const errors = logOf();
    for (let at = 0; at < before; at += 1) errors.record(errorOf(tenant, { at: Date.now() - 30 * hourMs }));
    for (let at = 0; at < since; at += 1) errors.record(errorOf(tenant));
    await errors.close();
    expect(await patternsOf(admin)).toMatchObject([{ count: since, trend }]);
  });

  test('takes any text as a name, and none that is no name of a tenant', async () => {
    const { admin, tenant } = await cast(shared);
    const errors = logOf();
    errors.record(errorOf(tenant, {
      task_name: 'a\u0000b', exception_type: `\ud800${'x'.repeat(500)}`, message: 'no\u0000thing', session_id: 'none', at: Number.NaN,
    }));
    errors.record(errorOf('a\u0000b'));
    await errors.close();
    expect(await patternsOf(admin)).toMatchObject([{ task_name: 'ab', message: 'no thing', count: 1, affected_sessions: 0 }]);
    expect(errors.dropped.errors).toBe(1);
  });

  test('is forgotten after its time', async () => {
    const { admin, tenant } = await cast(shared);
    const errors = logOf();
    errors.record(errorOf(tenant, { message: 'old', at: Date.now() - 80 * 24 * hourMs, session_id: randomUUID() }));
    errors.record(errorOf(tenant, { message: 'often', at: Date.now() - 80 * 24 * hourMs, session_id: randomUUID() }));
    errors.record(errorOf(tenant, { message: 'often', session_id: randomUUID() }));
    await errors.close();
    await forgetErrors(db, 62);
    const left = async (table: string): Promise<unknown> => (await db.asTenant(tenant).query<{ count: number }>(`SELECT count(*)::int AS ` +
      `count FROM ${table}`))[0]?.count;
    expect([await left('error_patterns'), await left('error_hours'), await left('error_sessions')]).toEqual([1, 1, 1]);
    expect(await patternsOf(admin)).toMatchObject([{ message: 'often', count: 1, affected_sessions: 1 }]);
  });
});

describe('while PostgreSQL is away', () => {
  let lease: Lease;
  beforeAll(async () => { lease = await leaseInstance('outage'); }, leaseMs);
  afterAll(() => { lease.end(); });

  test('nobody waits and nothing is lost: what was recorded is written when it is back, once', async () => {
    const own = lease.instance;
    const { admin, tenant } = await cast(own);
    const impatient = openDatabase({ url: (await storesOf(own, '')).databaseUrl, timeoutMs: 500, connections: 2 });
    const errors = logOf({ db: impatient });
    errors.record(errorOf(tenant));
    await until('the first is written', async () => (await patternsOf(admin)).length === 1);
    await whileFrozen(own, 'postgres', async () => {
      // whoever records gets nothing to wait for
      for (let at = 0; at < 1_000; at += 1) expect(errors.record(errorOf(tenant, { session_id: randomUUID() }))).toBeUndefined();
      expect(await errors.flush()).toBe(false);
      for (let at = 0; at < 9; at += 1) errors.record(errorOf(tenant, { message: 'another' }));
      expect(await errors.flush()).toBe(false);
    });
    await until('the rest is written', async () => (await patternsOf(admin)).length === 2);
    expect(await patternsOf(admin)).toMatchObject([{ count: 1_001, affected_sessions: 1_000 }, { count: 9 }]);
    await errors.close();
    expect(errors.dropped).toEqual({ errors: 0, sessions: 0 });
    await impatient.close();
  });

  test('an answer that was lost on its way is no second count', async () => {
    const { admin, tenant } = await cast(shared);
    let answers = 0;
    const errors = logOf({ db: withTransactions(async (real) => {
      const result = await real();
      answers += 1;
      if (answers === 1) throw new StoreUnavailableError('postgresql', new Error('the answer was lost'));
      return result;
    }) });
    errors.record(errorOf(tenant));
    errors.record(errorOf(tenant));
    expect(await errors.flush()).toBe(false);
    errors.record(errorOf(tenant));
    await errors.close();
    expect(answers).toBe(3);
    expect(await patternsOf(admin)).toMatchObject([{ count: 3 }]);
  });

  test('memory has a bound: what is known is counted on, what is new beyond it is dropped and counted', async () => {
    const { admin, tenant } = await cast(shared);
    let away = true;
    const errors = logOf({
      maxPatterns: 3, maxSessions: 4,
      db: withTransactions((real) => (away ? Promise.reject(new StoreUnavailableError('postgresql', null)) : real())),
    });
    for (const message of ['a', 'b', 'c', 'd', 'e', 'a', 'a']) errors.record(errorOf(tenant, { message, session_id: randomUUID() }));
    expect(errors.dropped).toEqual({ errors: 2, sessions: 1 });
    expect(await errors.flush()).toBe(false);
    // the three places are taken until they are written
    errors.record(errorOf(tenant, { message: 'f' }));
    expect(errors.dropped.errors).toBe(3);
    away = false;
    expect(await errors.flush()).toBe(true);
    errors.record(errorOf(tenant, { message: 'g', session_id: randomUUID() }));
    await errors.close();
    const rows = await patternsOf(admin);
    expect(Object.fromEntries(rows.map((row) => [row.message, [row.count, row.affected_sessions]]))).toEqual({
      a: [3, 2], b: [1, 1], c: [1, 1], g: [1, 1],
    });
  });

  test('closing does not wait for it: what could not be written is counted as dropped', async () => {
    const errors = logOf({ db: withTransactions(() => Promise.reject(new StoreUnavailableError('postgresql', null))) });
    for (let at = 0; at < 5; at += 1) errors.record(errorOf(newTenant()));
    await errors.close();
    errors.record(errorOf(newTenant()));
    expect(errors.dropped.errors).toBe(6);
  });
});

test('a batch that PostgreSQL refuses for good keeps no other waiting', async () => {
  const { admin, tenant } = await cast(shared);
  let refused = 0;
  const errors = logOf({
    db: withTransactions(
      (real) => (
        refused++ === 0 ? Promise.reject(Object.assign(new Error('no'), { name: 'error', severity: 'ERROR', code: '23514' })) : real()
      ),
    ),
  });
  errors.record(errorOf(tenant, { message: 'refused' }));
  expect(await errors.flush()).toBe(true);
  errors.record(errorOf(tenant, { message: 'good' }));
  await errors.close();
  expect(errors.dropped.errors).toBe(1);
  expect(await patternsOf(admin)).toMatchObject([{ message: 'good' }]);
});
