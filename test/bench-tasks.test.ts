/**
 * The two sides of the bench `tasks`: three tasks as the product has them, and the same three written on the SDK alone. Both do
 * the same, or counting their lines would say nothing. Real Temporal and PostgreSQL, task queues and workflow bundles of their own.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { WorkflowNotFoundError, type Client, type Connection, type WorkflowHandle } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { Counter, Registry } from 'prom-client';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { openDatabase, type Database, type Queries, type Scope } from '../stores/postgres/database.ts';
import { connectEngine } from '../engine/connection.ts';
import { openDatabase as openBareDatabase, type Database as BareDatabase } from '../bench/tasks/bare/database.ts';
import { bundled } from '../bench/tasks/bundle.ts';
import { count, withoutComments } from '../bench/tasks/count.ts';
import { connectWorkers, startBare, startOurs, type RunningWorker } from '../bench/tasks/workers.ts';
import { newFolder } from './support/folders.ts';
import { storesOf } from './support/instance-stores.ts';
import { newTenant } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const sides = ['ours', 'bare'] as const;
type Side = (typeof sides)[number];

/** What either side tells its error log, as far as both do. */
interface Failed {
  readonly task: string;
  readonly tenant: string;
  readonly attempt: number;
  readonly at: number;
  readonly category: string;
  readonly delay_seconds: number | null;
}
interface Kept {
  readonly number: number;
  readonly at: number;
  readonly category: string;
  readonly error: string;
  readonly delay_seconds: number | null;
  readonly worker: string | null;
  readonly round: number;
  readonly actor: string | null;
  readonly reason: string | null;
}
interface Parked { readonly status: string; readonly manual_retries: number; readonly history: readonly Kept[] }
type Line = Readonly<Record<string, unknown>>;

let folder: string;
let client: Client;
let connection: Connection;
let native: NativeConnection;
let db: Database;
let bareDb: BareDatabase;
const workers: RunningWorker[] = [];
const queues = { ours: `bench-tasks-ours-${randomUUID()}`, bare: `bench-tasks-bare-${randomUUID()}` };

const failed: Record<Side, Failed[]> = { ours: [], bare: [] };
const outcomes: Record<Side, string[]> = { ours: [], bare: [] };
const lines: Record<Side, Line[]> = { ours: [], bare: [] };
/** What the next writes of a tenant meet, one after the other: true is a deadlock, said by the real PostgreSQL. */
const faults = new Map<string, boolean[]>();

beforeAll(async () => {
  folder = await newFolder();
  const stores = await storesOf(instance, folder);
  const sealer = createSealer(readCodecKeys(await developmentCodecKeys(instance.folder)));
  ({ client, connection } = await connectEngine({ address: stores.temporalAddress, namespace: 'default' }));
  native = await connectWorkers(stores.temporalAddress);
  db = openDatabase({ url: stores.databaseUrl, timeoutMs: 10_000, connections: 4 });
  bareDb = openBareDatabase(stores.databaseUrl);
  const [ours, bare] = await Promise.all(sides.map((side) => bundled(side, folder)));
  const attempted = new Counter({
    name: 'attempts', help: 'attempts', labelNames: ['task', 'outcome', 'category'] as const, registers: [new Registry()],
  });
  attempted.inc = ((labels: { task: string; outcome: string }) => {
    outcomes.bare.push(`${labels.task} ${labels.outcome}`);
  }) as typeof attempted.inc;
  workers.push(
    await startOurs({ connection: native, codePath: ours
      ?? '', taskQueue: queues.ours }, { stores: { db: faulty(db), sealer }, log: logInto(lines.ours) }, {
      onFailure: (failure) => {
        failed.ours.push({ ...failure, task: failure.task_name });
        outcomes.ours.push(`${failure.task_name} ${failure.delay_seconds === null ? 'exhausted' : 'retried'}`);
      },
      onSuccess: ({ task_name: name }) => { outcomes.ours.push(`${name} succeeded`); },
    }),
    await startBare({ connection: native, codePath: bare ?? '', taskQueue: queues.bare }, {
      database: faultyBare(bareDb), log: logInto(lines.bare), errorLog: { record: (failure) => { failed.bare.push(failure); } }, attempted,
    }),
  );
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await native.close();
  await connection.close();
  await Promise.all([db.close(), bareDb.close()]);
  await rm(folder, { recursive: true, force: true });
});

function logInto(into: Line[]): pino.Logger {
  return pino({ level: 'debug', base: null }, { write: (line: string) => { into.push(JSON.parse(line) as Line); } });
}

const deadlock = "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$";

function isFaulty(tenant: string, sql: string): boolean {
  return sql.includes('INSERT INTO configuration.') && faults.get(tenant)?.shift() === true;
}

function faulty(real: Database): Database {
  const through = (tenant: string, queries: Queries): Queries => ({
    query: (sql, params) => (isFaulty(tenant, sql) ? queries.query(deadlock) : queries.query(sql, params)),
  });
  return {
    ...real,
    asTenant: (tenant): Scope => {
      const scope = real.asTenant(tenant);
      return { ...through(tenant, scope), transaction: (work) => scope.transaction((tx) => work(through(tenant, tx))) };
    },
  };
}

function faultyBare(real: BareDatabase): BareDatabase {
  return {
    ...real,
    transaction: (tenant, work) => real.transaction(
      tenant, (query) => work((sql, params) => (isFaulty(tenant, sql) ? query(deadlock, []) : query(sql, params))),
    ),
  };
}

type Answer = (request: IncomingMessage) => { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | null;
interface Companies { readonly url: string; readonly requests: { readonly at: number; readonly correlation: unknown }[] }

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A company registry that answers as it is told, call by call; the last one counts for all calls after it. null: not at all. */
async function registryWith(...answers: readonly (Answer | number)[]): Promise<Companies> {
  const requests: Companies['requests'] = [];
  const server: Server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] ?? 200;
    requests.push({ at: Date.now(), correlation: request.headers['x-correlation-id'] });
    const given = typeof answer === 'number' ? { status: answer } : answer(request);
    if (given !== null) response.writeHead(given.status, given.headers).end(given.status === 200 ? '{"name":"Acme","active":true}' : '');
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const busyFor = (ms: number): Answer => () => ({ status: 429, headers: { 'retry-after-ms': String(ms) } });
const silence: Answer = () => null;

interface Begun { readonly tenant: string; readonly correlation: string; readonly handle: WorkflowHandle; readonly at: number }

async function begin(side: Side, workflow: 'verifying' | 'opening' | 'importing', input: object): Promise<Begun> {
  const tenant = newTenant();
  const correlation = randomUUID();
  const at = Date.now();
  const handle = await client.workflow.start(workflow, {
    taskQueue: queues[side], workflowId: `bench-tasks-${randomUUID()}`,
    args: [{ correlation_id: correlation, tenant, session_id: randomUUID(), ...input }],
  });
  return { tenant, correlation, handle, at };
}

const failuresOf = (side: Side, tenant: string): Failed[] => failed[side].filter((failure) => failure.tenant === tenant);

async function parkedOf({ handle }: Begun): Promise<WorkflowHandle> {
  let id: string | undefined;
  await until('the task is parked', async () => {
    const { raw } = await handle.describe();
    id = raw.pendingChildren?.[0]?.workflowId ?? undefined;
    return id !== undefined;
  });
  const parked = client.workflow.getHandle(id ?? '');
  await until('it answers', async () => {
    // its parent has named it before the engine has begun it
    const state = await stateOf(parked).catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
    return state?.status === 'parked';
  });
  return parked;
}

const stateOf = (parked: WorkflowHandle): Promise<Parked> => parked.query<Parked>('readTask');

describe.each(sides)('%s', (side) => {
  test('a task that succeeds is one activity, and its correlation id goes from the input to the request and to every log line', async () => {
    const registry = await registryWith(200);
    const begun = await begin(side, 'verifying', { registry: registry.url, number: '12345678' });
    expect(await begun.handle.result()).toEqual({ kind: 'completed', output: { name: 'Acme', active: true } });
    expect(registry.requests.map(({ correlation }) => correlation)).toEqual([begun.correlation]);
    const { events } = await begun.handle.fetchHistory();
    expect(events?.filter((event) => event.activityTaskScheduledEventAttributes != null)).toHaveLength(1);
    expect(events).toHaveLength(11);
    const said = lines[side].filter((line) => line['correlation_id'] === begun.correlation);
    expect(said).toMatchObject([{ task: 'verifyCompany', attempt: 1, workflow_id: begun.handle.workflowId, msg: 'task done' }]);
    expect(failuresOf(side, begun.tenant)).toEqual([]);
  });

  test('a task that is refused twice waits as long as the server asked for, then succeeds; both attempts are told and counted', async () => {
    const registry = await registryWith(busyFor(150), busyFor(400), 200);
    const before = outcomes[side].length;
    const begun = await begin(side, 'verifying', { registry: registry.url, number: '12345678' });
    expect(await begun.handle.result()).toMatchObject({ kind: 'completed' });
    const told = failuresOf(side, begun.tenant);
    expect(told).toMatchObject([
      { attempt: 1, category: 'external_api', delay_seconds: 0.15 }, { attempt: 2, category: 'external_api', delay_seconds: 0.4 },
    ]);
    const [first, second, third] = registry.requests.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(149);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(399);
    expect(outcomes[side].slice(before)).toEqual(['verifyCompany retried', 'verifyCompany retried', 'verifyCompany succeeded']);
  });

  test('an exhausted task is parked with every attempt; a retry by Update runs it, and its result reaches the workflow that waits', async () => {
    const registry = await registryWith(busyFor(120), busyFor(240), busyFor(480), 200);
    const begun = await begin(side, 'verifying', { registry: registry.url, number: '12345678' });
    const parked = await parkedOf(begun);
    const { history } = await stateOf(parked);
    expect(history).toMatchObject([
      { number: 1, delay_seconds: 0.12, round: 0, actor: null }, { number: 2, delay_seconds: 0.24, round: 0 },
      { number: 3, delay_seconds: null, round: 0 },
    ]);
    for (const [index, { at, category, error, worker }] of history.entries()) {
      // it began before it asked, and after the one before had asked
      expect(at).toBeLessThanOrEqual(registry.requests[index]?.at ?? 0);
      expect(at).toBeGreaterThanOrEqual(registry.requests[index - 1]?.at ?? begun.at);
      expect(category).toBe('external_api');
      expect(error).toMatch(/answered 429/);
      expect(worker).toMatch(new RegExp(`^${process.pid}@`));
    }
    expect((await parked.describe()).memo).toMatchObject({ correlation_id: begun.correlation });
    await parked.executeUpdate('retryTask', { args: [{ actor: 'dee', reason: 'it is back' }] });
    expect(await begun.handle.result()).toEqual({ kind: 'completed', output: { name: 'Acme', active: true } });
    expect(await parked.result()).toBe('completed');
    await expect(parked.executeUpdate('retryTask', { args: [{}] })).rejects.toMatchObject({ name: 'WorkflowNotFoundError' });
    expect(registry.requests).toHaveLength(4);
  });

  test('a retry that fails parks it again with who asked for it, and one that is discarded tells the workflow that waits', async () => {
    const registry = await registryWith(403);
    const begun = await begin(side, 'verifying', { registry: registry.url, number: '12345678' });
    const parked = await parkedOf(begun);
    await parked.executeUpdate('retryTask', { args: [{ actor: 'dee', reason: 'once more' }] });
    await until(
      'it is parked again', async () => (await stateOf(parked)).history.length === 2 && (await stateOf(parked)).status === 'parked',
    );
    expect((await stateOf(parked)).history).toMatchObject([
      { number: 1, category: 'authorization', round: 0, actor: null, delay_seconds: null },
      { number: 1, category: 'authorization', round: 1, actor: 'dee', reason: 'once more', delay_seconds: null },
    ]);
    await parked.executeUpdate('discardTask', { args: [{ actor: 'dee', reason: 'gone for good' }] });
    expect(await begun.handle.result()).toEqual({ kind: 'discarded', reason: 'gone for good' });
  });

  test('a wrong input fails at once, without a retry and without its work', async () => {
    const registry = await registryWith(200);
    const begun = await begin(side, 'verifying', { registry: registry.url, number: 'not a number' });
    const parked = await parkedOf(begun);
    expect((await stateOf(parked)).history).toMatchObject([{ number: 1, category: 'validation', delay_seconds: null }]);
    expect(registry.requests).toEqual([]);
    await parked.executeUpdate('discardTask', { args: [{}] });
    expect(await begun.handle.result()).toMatchObject({ kind: 'discarded' });
  });

  test('an attempt that takes too long is broken off, and tried again as a connection that failed', async () => {
    const registry = await registryWith(silence, 200);
    const begun = await begin(side, 'verifying', { registry: registry.url, number: '12345678' });
    expect(await begun.handle.result()).toMatchObject({ kind: 'completed' });
    const [told] = failuresOf(side, begun.tenant);
    expect(told).toMatchObject({ attempt: 1, category: 'network' });
    expect(told?.delay_seconds).toBeGreaterThanOrEqual(1.6);
    expect(told?.delay_seconds).toBeLessThanOrEqual(2.4);
  });

  test('a transaction that meets a deadlock leaves nothing, is tried again after the delays of its category give or take a fifth, and ' +
    'then is done once', async () => {
    const shift = { name: 'Early', starts_at: '06:00', ends_at: '14:00', headcount: 4 };
    const input = {
      key: `unit-${randomUUID()}`, name: 'Depot', expected_users: 12, shifts: [{ ...shift, key: 'early' }, { ...shift, key: 'late' }],
    };
    const tenant = newTenant();
    // the unit goes well, its first shift does not; then the unit itself
    faults.set(tenant, [false, true, true]);
    const { handle } = await begin(side, 'opening', { ...input, tenant });
    await until('the first attempt has failed', () => failuresOf(side, tenant).length === 1);
    expect(await db.asTenant(tenant).query('SELECT key FROM configuration.business_units')).toEqual([]);
    expect(await handle.result()).toEqual({ kind: 'completed', output: { key: input.key, shifts: 2 } });
    expect(await db.asTenant(tenant).query('SELECT key FROM configuration.shifts ORDER BY key')).toEqual([
      { key: `${input.key}/early` }, { key: `${input.key}/late` },
    ]);
    const told = failuresOf(side, tenant);
    expect(told).toMatchObject([{ attempt: 1, category: 'database' }, { attempt: 2, category: 'database' }]);
    for (const [index, seconds] of [1, 2].entries()) {
      const delay = told[index]?.delay_seconds ?? 0;
      expect(delay).toBeGreaterThanOrEqual(seconds * 0.8);
      expect(delay).toBeLessThanOrEqual(seconds * 1.2);
    }
    const [first, second] = told.map(({ at }) => at);
    expect(((second ?? 0) - (first ?? 0)) / 1_000).toBeGreaterThanOrEqual((told[0]?.delay_seconds ?? 0) - 0.01);
  });

  test('a long task tells how far it is, and its next attempt goes on where the last one ended', async () => {
    const labels = Array.from({ length: 450 }, (_, at) => ({ code: `c${at}`, label: `Label ${at}`, category: 'type' }));
    const tenant = newTenant();
    faults.set(tenant, [false, false, true]);
    const { handle, correlation } = await begin(side, 'importing', { tenant, prefix: 'p', labels });
    expect(await handle.result()).toEqual({ kind: 'completed', output: { imported: 450 } });
    const said = lines[side].filter((line) => line['correlation_id'] === correlation && line['msg'] === 'labels imported');
    expect(said.map(({ attempt, done }) => [attempt, done])).toEqual([[1, 100], [1, 200], [2, 300], [2, 400], [2, 450]]);
    expect(await db.asTenant(tenant).query('SELECT count(*)::int AS count FROM configuration.type_assists')).toEqual([{ count: 450 }]);
  });
});

test('both sides write the same events into the history of a task that succeeds', async () => {
  const registry = await registryWith(200);
  const [ours, bare] = await Promise.all(sides.map(async (side) => {
    const { handle } = await begin(side, 'verifying', { registry: registry.url, number: '12345678' });
    await handle.result();
    return (await handle.fetchHistory()).events?.map(({ eventType }) => eventType);
  }));
  expect(ours?.length).toBe(11);
  expect(ours).toEqual(bare);
});

describe('the counter', () => {
  test('counts lines that hold code: no blank one, no comment of either kind, wherever their marks stand', () => {
    const source = [
      '// one', "const a = 'http://x'; // two", '', '/** three', ' * four */', String.raw`const b = /[/*]\/\/ */u; /* five */`,
      '  /* six */ const c = `// seven', '${a} /* eight */`;', 'const d = 4 / 2 / 1;',
    ].join('\n');
    expect(count(source)).toEqual({ lines: 5, branches: 0 });
    expect(withoutComments(source)).toContain("'http://x';");
  });

  test('counts each branch once: if, ?:, case, catch, &&, ||, ??, their assignments and every loop; not else, default, ?. and types', () => {
    const branches = [
      'if (a) b(); else c();', 'a ? b : c;', 'switch (a) { case 1: case 2: break; default: }',
      'try { a(); } catch { b(); } finally { c(); }', 'a && b;', 'a || b;', 'a ?? b;',
      'a &&= b; a ||= b; a ??= b;', 'for (;;) {}', 'for (const x of y) {}', 'for (const x in y) {}', 'while (a) {}', 'do {} while (a);',
    ];
    expect(branches.map((each) => count(each).branches)).toEqual([1, 1, 2, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1]);
    expect(count('type T<X> = X extends string ? 1 : 2; const f = (a?: T<string>) => a?.toString();').branches).toBe(0);
    expect(count('else_: { p.catch(() => 1); }').branches).toBe(0);
  });
});
