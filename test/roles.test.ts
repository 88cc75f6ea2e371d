/** One role a process: any number of APIs and workers on the same stores make one service. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServers, type EmbeddedServers } from '../scripts/embedded/servers.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { openDatabase } from '../stores/postgres/database.ts';
import { openTaskCount } from '../stores/postgres/task-reports.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { newFolder, root } from './support/folders.ts';
import { giveOwnPorts, patience } from './support/instance.ts';
import { newTenant, person, tokenFor, type Body, type Person } from './support/person.ts';
import { readStream } from './support/stream-reader.ts';
import { until } from './support/until.ts';

interface RoleProcess { readonly child: ChildProcess; readonly output: () => string; readonly ended: Promise<number | null> }

function startRole(role: string, environment: Readonly<Record<string, string>>): RoleProcess {
  const child = spawn('sh', ['scripts/run', 'scripts/role.ts', role], {
    cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  });
  let output = '';
  const keep = (chunk: Buffer): void => { output = (output + chunk.toString('utf8')).slice(-1_000_000); };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<number | null>((resolve) => { child.once('exit', resolve); });
  return { child, output: () => output, ended };
}

/**
 * What promtool (Debian's prometheus) says of the text; its own rules where it is not installed: no `_total` but on counters,
 * help and type of each.
 */
function complaintsOf(text: string): string[] {
  const run = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (run.error === undefined) return `${run.stdout}${run.stderr}`.split('\n').filter((line) => line !== '');
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return types.flatMap(([, name = '', type]) => [
    ...(name.endsWith('_total') && type !== 'counter' ? [`${name} is no counter`] : []),
    ...(type === 'counter' && !name.endsWith('_total') ? [`${name} is a counter`] : []),
    ...(text.includes(`# HELP ${name} `) ? [] : [`${name} has no help`]),
  ]);
}

describe('a role that cannot start', () => {
  test('says in one sentence everything that is missing', async () => {
    const folder = await newFolder();
    const api = startRole('api', { GANGWAY_DATA: folder, REDIS_URL: 'redis://127.0.0.1:1' });
    const worker = startRole('worker', { GANGWAY_DATA: folder, JWKS_URL: 'https://id.example.org/keys' });
    expect(await Promise.all([api.ended, worker.ended])).toEqual([1, 1]);
    expect(api.output()).toMatch(
      /^npm run api needs TEMPORAL_ADDRESS, DATABASE_URL, CLICKHOUSE_URL, GANGWAY_CODEC_KEYS, JWKS_URL \(or [^\n]+\n$/,
    );
    expect(worker.output()).toMatch(
      /^npm run worker needs TEMPORAL_ADDRESS, REDIS_URL, DATABASE_URL, CLICKHOUSE_URL, GANGWAY_CODEC_KEYS, GANGWAY_PSEUDONYM_KEY \(or [^\n]+\n$/,
    );
    await rm(folder, { recursive: true });
  });
});

describe('two APIs and two workers', () => {
  let folder = '';
  const metricsToken = randomUUID();
  let servers: EmbeddedServers;
  const apis: RoleProcess[] = [];
  const workers: RoleProcess[] = [];
  const urls: string[] = [];
  let readyAt = 0;

  beforeAll(async () => {
    folder = await newFolder();
    await developmentKey(folder);
    await giveOwnPorts(folder);
    servers = await startServers({
      configuration: readConfiguration({}), folder, log: () => undefined, options: { temporal: { ui: false } },
    });
    const common = {
      GANGWAY_DATA: folder, GANGWAY_CODEC_KEYS: testCodecKeys, TEMPORAL_ADDRESS: servers.urls.temporalAddress,
      REDIS_URL: servers.urls.redisUrl, DATABASE_URL: servers.urls.databaseUrl,
      GANGWAY_API_PER_MINUTE: '1000000', GANGWAY_CHECK_ANSWERS: 'true', LOG_LEVEL: 'warn', ...patience,
      // so that what a stream tells sooner it was told by a signal, not by the clock
      GANGWAY_STREAM_POLL_MS: '60000',
    };
    for (const name of ['first', 'second']) {
      workers.push(startRole('worker', {
        ...common, GANGWAY_METRICS_PORT: '0', GANGWAY_METRICS_TOKEN: metricsToken,
        CLICKHOUSE_URL: pathToFileURL(join(folder, `clickhouse-${name}`)).href,
      }));
      // nothing answers there: an API is of use without reports
      apis.push(startRole('api', { ...common, PORT: '0', CLICKHOUSE_URL: 'http://127.0.0.1:1' }));
    }
    for (const { child, output } of [...apis, ...workers]) {
      await until('every role is ready', () => {
        if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${output()}`);
        return /ready/.test(output());
      });
    }
    readyAt = performance.now();
    urls.push(...apis.map((api) => /API ready on (\S+)/.exec(api.output())?.[1] ?? ''));
  });

  afterAll(async () => {
    for (const { child } of [...apis, ...workers]) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await Promise.all([...apis, ...workers].map((each) => each.ended));
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const through = (api: number, tenant: string, subject: string, ...roles: ('user' | 'approver' | 'analyst')[]): Promise<Person> =>
    person({ url: urls[api] ?? '', folder, pid: 0 }, tenant, subject, ...roles);

  test('are one service: a session goes through both APIs, and a stream on one tells what the other was sent', async () => {
    const tenant = newTenant();
    const [first, second, ben] = await Promise.all([
      through(0, tenant, 'ana', 'user'), through(1, tenant, 'ana', 'user'), through(1, tenant, 'ben', 'approver'),
    ]);
    let session = await first.start();
    const id: string = session.session_id;
    const stream = await readStream(urls[0] ?? '', id, await tokenFor({ url: '', folder, pid: 0 }, tenant, 'ana', ['user']));
    await until('the stream has begun', () => stream.events.length > 0);
    await second.gives(id, 'setup_urgency', 'immediate');
    await until('the stream tells the answer', () => stream.events.some((event) => event.data.event === 'question_answered'));
    session = (await first.get(`/sessions/${id}/`)).body;
    await second.answerAll(session);
    await first.inState(id, 'awaiting_approval');
    const { body: proposal } = await ben.get(`/sessions/${id}/recommendations/`);
    const { status } = await ben.post(`/sessions/${id}/decision/`, {
      approved_items: proposal.recommendations.map((each: Body) => each.recommendation_id), rejected_items: [], dry_run: false,
    });
    expect(status).toBe(200);
    await until('the stream has ended', () => stream.ended());
    const ids = stream.events.map((event) => event.id);
    expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at));
    expect((await first.get(`/sessions/${id}/`)).body.state).toBe('completed');
  });

  test('tell what they count on a port of their own, in names that checkers of metrics accept', async () => {
    await until('the port is told', () => /Metrics on/.test(workers[1]?.output() ?? ''));
    const address = /Metrics on (\S+)/.exec(workers[1]?.output() ?? '')?.[1] ?? '';
    const db = openDatabase({ url: servers.urls.databaseUrl, timeoutMs: 5_000, connections: 1 });
    const parkedBefore = await openTaskCount(db);
    await db.close();
    const answer = await fetch(address);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
    for (const name of ['gangway_task_attempts_total', 'nodejs_eventloop_lag_p99_seconds', 'gangway_breaker_state']) {
      expect(text).toContain(`# TYPE ${name}`);
    }
    expect(text).toContain(`gangway_open_tasks{status="parked"} ${parkedBefore.parked}`);
    expect(text).toMatch(/^gangway_oldest_open_task_seconds \d/m);
    expect(complaintsOf(text)).toEqual([]);
    // somebody on the network, without the token and with it; and what is not there
    const from = { headers: { 'X-Forwarded-For': '192.0.2.7' } };
    expect((await fetch(address, from)).status).toBe(401);
    expect((await fetch(address, { headers: { ...from.headers, Authorization: `Bearer ${metricsToken}` } })).status).toBe(200);
    expect((await fetch(address, { headers: { ...from.headers, Authorization: 'Bearer another-metrics-token' } })).status).toBe(401);
    expect([(await fetch(address.replace('/metrics', '/'))).status, (await fetch(address, { method: 'POST' })).status]).toEqual([404, 405]);
  });

  test('answer 503 for reports where ClickHouse does not answer, and are ready all the same', async () => {
    const cy = await through(0, newTenant(), 'cy', 'analyst');
    expect(await cy.get('/analytics/funnel/')).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
    expect((await fetch(`${urls[0]}/readyz`)).status).toBe(200);
    // said once, however often it is tried: every 5 s
    await until('it has been tried again', () => performance.now() - readyAt > 7_000);
    expect(apis[0]?.output().match(/ClickHouse does not answer: reports/g)).toHaveLength(1);
  });

  test('go on when one of the workers is killed: every acknowledged answer is there, once', async () => {
    const tenant = newTenant();
    const names = ['ana', 'ben', 'cy', 'dee', 'eve', 'ana-2'];
    const sessions = await Promise.all(names.map(async (name, at) => {
      const who = await through(at % 2, tenant, name, 'user');
      const { session_id: id } = await who.start() as { session_id: string };
      const answers = [['setup_urgency', 'immediate'], ['business_unit_type', 'office'], ['business_unit_name', name]] as const;
      for (const [question, value] of answers) await who.answer(id, question, value);
      return { who, id, acknowledged: [] as number[] };
    }));
    let stopped = false;
    let silentMs = 0;
    const answering = sessions.map(async ({ who, id, acknowledged }) => {
      for (let value = 1; !stopped; value += 1) {
        const message = randomUUID();
        const sent = performance.now();
        // the same message until it is acknowledged, as a client does
        await until('the answer is acknowledged', async () => (await who.answer(id, 'expected_users', value, message)).status === 200);
        silentMs = Math.max(silentMs, performance.now() - sent);
        acknowledged.push(value);
      }
    });
    const counts = (): number[] => sessions.map(({ acknowledged }) => acknowledged.length);
    await until('everybody has answered five times', () => counts().every((count) => count >= 5));
    const before = counts();
    // the shell has become the process itself
    workers[0]?.child.kill('SIGKILL');
    await until('everybody has answered five times more', () => counts().every((count, at) => count >= (before[at] ?? 0) + 5));
    stopped = true;
    await Promise.all(answering);
    console.info(`longest wait for an answer around the kill of one of two workers: ${Math.round(silentMs)} ms`);
    for (const { who, id, acknowledged } of sessions) {
      const { body } = await who.get(`/sessions/${id}/answers/`);
      expect(body.answers.filter((entry: Body) => entry.question_id === 'expected_users').map((entry: Body) => entry.value))
        .toEqual(acknowledged);
    }
  });

  test('end by SIGTERM with code 0, an open stream or not', async () => {
    const tenant = newTenant();
    const ana = await through(0, tenant, 'ana', 'user');
    const { session_id: id } = await ana.start();
    const stream = await readStream(urls[0] ?? '', id, await tokenFor({ url: '', folder, pid: 0 }, tenant, 'ana', ['user']));
    const left = [...apis, ...workers.slice(1)];
    for (const { child } of left) child.kill('SIGTERM');
    expect(await Promise.all(left.map((each) => each.ended))).toEqual([0, 0, 0]);
    expect(stream.ended()).toBe(true);
  });
});
