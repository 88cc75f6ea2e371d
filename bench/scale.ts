/**
 * What grows with the number of open sessions on one machine: 100, 1,000, 10,000 of them (BENCH_OPEN names others), of which one worker
 * keeps so many as a user's does (BENCH_KEPT names another number), and which is then restarted over them.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfiguration } from '../service/environment.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { openDatabase } from '../stores/postgres/database.ts';
import { openSessions, patiently, throughApi, type Session } from './answering.ts';
import { cpuMs } from './cpu.ts';
import { startHost, type Host } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Figure, Outcome } from './part.ts';
import { families, processes, shared, type ProcessRow } from './process-memory.ts';
import { median, percentile, rounded } from './statistics.ts';
import { numberText } from './table.ts';

const sizes = (process.env['BENCH_OPEN'] ?? '100,1000,10000').split(',').map(Number);
const largest = Math.max(...sizes);
const [answers, readers] = [400, 4];
/**
 * A session that nobody speaks to wakes once after five minutes, when its risk of being left is higher, and costs more when somebody
 * speaks to it again: so all have been left for longer, however many they are.
 */
const rest = { leastSeconds: 340, mostSeconds: 900, windowSeconds: 10, ofACore: 0.3 };
const kept = process.env['BENCH_KEPT'] ?? String(readConfiguration({}).GANGWAY_CACHED_SESSIONS);
const settings = { GANGWAY_CACHED_SESSIONS: kept };

interface Step {
  readonly sessions: number;
  readonly restedSeconds: number;
  readonly ms: readonly number[];
  readonly cpu: Readonly<Record<string, number>>;
  readonly mb: Readonly<Record<string, number>>;
  readonly postgresBytes: number;
  readonly temporalBytes: number;
}

export async function run({ folder, say }: Context): Promise<Outcome> {
  let host = await startHost(folder, settings);
  const sessions: Session[] = [];
  const steps: Step[] = [];
  let firstAnswerMs = 0;
  try {
    const key = await developmentKey(folder);
    const empty = await storedBytes(host, folder);
    for (const size of sizes) {
      const http = new HttpClient(host.url);
      say(`opening sessions up to ${size} ...`);
      sessions.push(...await openSessions(http, key, size - sessions.length));
      say('waiting until they are at rest ...');
      const restedSeconds = await atRest(host);
      say(`${answers} answers ...`);
      steps.push({ restedSeconds, ...await measured(host, http, sessions, folder, empty) });
      http.close();
    }
    say('restarting over them ...');
    await host.stop();
    host = await startHost(folder, settings);
    const http = new HttpClient(host.url);
    const began = performance.now();
    const [session] = sessions;
    if (session !== undefined) await patiently(() => throughApi(http)(session));
    firstAnswerMs = performance.now() - began;
    http.close();
    return outcome(steps, firstAnswerMs);
  } finally {
    await host.stop();
  }
}

/** Seconds until the processes hardly do anything any more. */
async function atRest({ pids }: Host): Promise<number> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1_000;
  await sleep((rest.leastSeconds - rest.windowSeconds) * 1_000);
  while (seconds() < rest.mostSeconds) {
    const before = await spentMs(pids);
    await sleep(rest.windowSeconds * 1_000);
    if (await spentMs(pids) - before < rest.windowSeconds * 1_000 * rest.ofACore) break;
  }
  return seconds();
}

async function spentMs(pids: Host['pids']): Promise<number> {
  return Object.values(await cpuMs(pids) ?? {}).reduce((sum, ms) => sum + ms, 0);
}

/** A few people at a time, each answer to a session taken from all of them in turn. */
async function measured(
  host: Host, http: HttpClient, sessions: readonly Session[], folder: string, empty: Awaited<ReturnType<typeof storedBytes>>,
): Promise<Omit<Step, 'restedSeconds'>> {
  const answer = throughApi(http);
  const ms: number[] = [];
  const before = await cpuMs(host.pids);
  let next = 0;
  await Promise.all(Array.from({ length: readers }, async () => {
    while (next < answers) {
      next += 1;
      // a large step meets others each time
      const session = sessions[(next * 7_919) % sessions.length];
      if (session === undefined) throw new Error('There are no sessions.');
      const began = performance.now();
      await answer(session);
      ms.push(performance.now() - began);
    }
  }));
  const after = await cpuMs(host.pids);
  const [rows, stored] = await Promise.all([processes(), storedBytes(host, folder)]);
  return {
    sessions: sessions.length, ms,
    cpu: Object.fromEntries(Object.entries(after ?? {}).map(([name, at]) => [name, (at - (before?.[name] ?? 0)) / answers])),
    mb: await memoryOf(host, rows),
    postgresBytes: (stored.postgres - empty.postgres) / sessions.length,
    temporalBytes: (stored.temporal - empty.temporal) / sessions.length,
  };
}

async function memoryOf(host: Host, rows: readonly ProcessRow[]): Promise<Step['mb']> {
  const entries = await Promise.all(families(rows, host.pids).map(async ([name, own]) => [name, await shared(own) / 1e6] as const));
  return Object.fromEntries(entries);
}

async function storedBytes(host: Host, folder: string): Promise<{ readonly postgres: number; readonly temporal: number }> {
  const db = openDatabase({ url: host.databaseUrl, timeoutMs: 60_000, connections: 1 });
  try {
    const [row] = await db.asSystem().query<{ bytes: number }>('SELECT pg_database_size(current_database())::float8 AS bytes');
    const files = (await readdir(folder)).filter((name) => name.startsWith('temporal.db'));
    const found = await Promise.all(files.map((name) => stat(join(folder, name))));
    return { postgres: row?.bytes ?? 0, temporal: found.reduce((sum, { size }) => sum + size, 0) };
  } finally {
    await db.close();
  }
}

function outcome(steps: readonly Step[], firstAnswerMs: number): Outcome {
  const [first, last] = [steps[0], steps.at(-1)];
  const p99 = (step: Step | undefined): number => percentile(step?.ms ?? [], 0.99);
  const names = Object.keys(first?.mb ?? {});
  const figures: readonly Figure[] = [
    { name: `memory of the process with ${largest} open sessions`, value: last?.mb['service'] ?? 0, unit: 'MB', goal: { atMost: 2_000 } },
    { name: `p99 of an answer with ${largest} / with ${sizes[0] ?? 0}`, value: p99(last) / p99(first), unit: '', goal: { atMost: 2 } },
    { name: 'first answer after a restart over them', value: firstAnswerMs / 1_000, unit: 's', goal: { atMost: 3 } },
  ];
  return {
    title: 'What grows with open sessions',
    notes: [
      `Sessions with an answer each, until service, Temporal and stores take less than ${rest.ofACore} of a core together, at most `
        + `${rest.mostSeconds} s; then ${answers} answers to all of them in turn, ${readers} at a time.`,
      `The worker keeps ${kept} of them; one that it does not keep is replayed when it speaks.`,
      'CPU: of each process for an answer. PostgreSQL and Temporal: bytes on disk a session, beyond those of an empty one.',
      'After a restart: from the moment that the service is ready, with the pause that a refused one asks for.',
    ],
    tables: [{
      head: [
        'open sessions', 'at rest after s', 'p50 ms', 'p99 ms',
        ...names.map((name) => `${name} MB`), ...names.map((name) => `${name} CPU ms`), 'PostgreSQL KB', 'Temporal KB',
      ],
      rows: steps.map((step) => [
        String(step.sessions), ...[
          step.restedSeconds, median(step.ms), p99(step),
          ...names.map((name) => step.mb[name] ?? 0), ...names.map((name) => step.cpu[name] ?? 0),
          step.postgresBytes / 1_024, step.temporalBytes / 1_024,
        ].map(numberText),
      ]),
    }],
    figures,
    details: { steps: steps.map(({ ms, ...step }) => ({ ...step, p50_ms: rounded(median(ms)), p99_ms: rounded(percentile(ms, 0.99)) })) },
  };
}
