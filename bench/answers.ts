/**
 * An answer through the API against the bare Update on the same server, and against the API without its guards.
 * The load comes from this process, which does nothing else and has its own connection to Temporal; servers and
 * service run in others (host.ts).
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { developmentCodecKeys, developmentKey } from '../scripts/embedded/secrets.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import type { Configuration } from '../service/configuration.ts';
import { readConfiguration } from '../service/environment.ts';
import { connectEngine } from '../engine/connection.ts';
import { alternating, closedLoop, ratioByRound, ratiosByRound, type Ranged } from './alternating.ts';
import { bare, openSessions, throughApi, throughUnguardedApi, type Answering, type Session } from './answering.ts';
import { cpuMs } from './cpu.ts';
import { startHost, type Host } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Figure, Outcome, Table } from './part.ts';
import { blocks, median, percentile, range, rounded, seeded, shuffled, type Random } from './statistics.ts';
import { numberText } from './table.ts';

const kinds = ['bare', 'api', 'unguarded'] as const;
type Kind = (typeof kinds)[number];
type Of<T> = Readonly<Record<Kind, T>>;

const titles: Of<string> = {
  bare: 'bare executeUpdate', api: 'through the API', unguarded: 'API without authentication and limits',
};

/** Calls of each kind, one after the other; so many sessions keep them below the 25 messages of one run. */
const trials = 800;
const warmUpTrials = 60;
const trialSessions = 40;
/** For the range beside the ratio of p50. */
const trialBlocks = 8;
const rounds = 7;
const windowSeconds = 3;
const warmUpSeconds = 2;
/** New sessions are stored at once; their flushes end before the first window. */
const settleMs = 1_500;
const sessionsInParallel = 64;

interface Bench {
  readonly host: Host;
  readonly answering: Of<Answering>;
  readonly open: (count: number) => Promise<Session[]>;
  readonly random: Random;
  /** What went wrong, by message. A failed call is in no figure. */
  readonly failures: Map<string, number>;
}

interface Window { readonly answersPerSecond: number; readonly cpuMsPerAnswer: Readonly<Record<string, number>> | null }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const data = join(folder, 'data');
  say('starting the servers and the service ...');
  const host = await startHost(data, {});
  try {
    const configuration = readConfiguration({});
    const engine = await connectEngine({
      address: host.temporalAddress, namespace: configuration.TEMPORAL_NAMESPACE,
      sealer: createSealer(readCodecKeys(await developmentCodecKeys(data))),
    });
    const clients = { api: new HttpClient(host.url), unguarded: new HttpClient(host.unguardedUrl) };
    try {
      const bench = prepared(host, engine.client, clients, await developmentKey(data), configuration, seeded(seed));
      say(`one at a time: ${trials} calls of each kind, alternating call by call, seed ${seed} ...`);
      const latencies = await oneAtATime(bench);
      say(`${sessionsInParallel} sessions in parallel: ${rounds} windows of ${windowSeconds} s of each kind ...`);
      const windows = await inParallel(bench);
      return outcome(latencies, windows, bench.failures, seed);
    } finally {
      clients.api.close();
      clients.unguarded.close();
      await engine.connection.close();
    }
  } finally {
    await host.stop();
  }
}

function prepared(
  host: Host, client: Client, clients: { readonly api: HttpClient; readonly unguarded: HttpClient }, key: Uint8Array,
  configuration: Configuration, random: Random,
): Bench {
  const answering = {
    bare: bare(client, configuration.GANGWAY_ENGINE_TIMEOUT_MS), api: throughApi(clients.api),
    unguarded: throughUnguardedApi(clients.unguarded),
  };
  const open = (count: number): Promise<Session[]> => openSessions(clients.api, key, count);
  return { host, answering, open, random, failures: new Map() };
}

async function oneAtATime(bench: Bench): Promise<Of<number[]>> {
  const sessions: Of<Session[]> = {
    bare: await bench.open(trialSessions), api: await bench.open(trialSessions), unguarded: await bench.open(trialSessions),
  };
  const call = (kind: Kind, session: Session): Promise<boolean> => counted(bench, () => bench.answering[kind](session));
  return alternating(kinds, { sessions, warmUp: warmUpTrials, count: trials, random: bench.random, call });
}

/** Every round has new sessions, on which all kinds work in turn: so all kinds meet histories of one length. */
async function inParallel(bench: Bench): Promise<Of<Window[]>> {
  const windows: Of<Window[]> = { bare: [], api: [], unguarded: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const sessions = await bench.open(sessionsInParallel);
    await sleep(settleMs);
    for (const kind of shuffled(kinds, bench.random)) {
      const measured = await window(bench, kind, sessions, round === 0 ? warmUpSeconds : windowSeconds);
      if (round > 0) windows[kind].push(measured);
    }
  }
  return windows;
}

async function window(bench: Bench, kind: Kind, sessions: readonly Session[], seconds: number): Promise<Window> {
  const pids = { ...bench.host.pids, load: process.pid };
  const cpuBefore = await cpuMs(pids);
  const { all, inTime } = await closedLoop(sessions, seconds, (session) => counted(bench, () => bench.answering[kind](session)));
  const cpuAfter = await cpuMs(pids);
  const cpuMsPerAnswer = cpuBefore === null || cpuAfter === null ? null : Object.fromEntries(
    Object.entries(cpuAfter).map(([name, ms]) => [name, (ms - (cpuBefore[name] ?? 0)) / all]),
  );
  return { answersPerSecond: inTime / seconds, cpuMsPerAnswer };
}

async function counted(bench: Bench, call: () => Promise<void>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    bench.failures.set(message, (bench.failures.get(message) ?? 0) + 1);
    return false;
  }
}

function outcome(
  latencies: Of<number[]>, windows: Of<Window[]>, failures: ReadonlyMap<string, number>, seed: number,
): Outcome {
  const failed = [...failures].map(([message, count]) => `FAILED ${count} x: ${message}`);
  return {
    title: 'An answer through the API, against the bare executeUpdate on the same server',
    notes: [
      'Servers as users have them (SQLite with WAL and synchronous=full); API and worker in one process, load from',
      'another with its own Temporal connection and node:http with keep-alive (fetch is slower). Every call changes its session.',
      `One at a time: ${trials} calls of each kind, alternating call by call in random order, on sessions of their own.`,
      `In parallel: ${sessionsInParallel} sessions, closed loop, ${rounds} windows of ${windowSeconds} s of each kind, in random order ` +
      `on the`,
      'same sessions; medians, ratios window by window. p99 is told, not judged: on a shared machine it is noise.',
      'All calls stay below GANGWAY_UPDATES_PER_RUN (100 a session); GANGWAY_API_PER_MINUTE is raised; all else is default.',
      ...failed,
    ],
    tables: [latencyTable(latencies, windows), ...cpuTable(windows)],
    figures: figures(latencies, windows),
    details: {
      seed, trials, windows: rounds, window_seconds: windowSeconds, sessions_in_parallel: sessionsInParallel,
      failures: Object.fromEntries(failures),
      kinds: Object.fromEntries(kinds.map((kind) => [kind, {
        p50_ms: rounded(percentile(latencies[kind], 0.5)), p99_ms: rounded(percentile(latencies[kind], 0.99)),
        answers_per_second: windows[kind].map((item) => rounded(item.answersPerSecond, 1)),
        cpu_ms_per_answer: cpuOf(windows[kind]),
      }])),
    },
  };
}

function latencyTable(latencies: Of<number[]>, windows: Of<Window[]>): Table {
  return {
    head: ['', 'p50', 'p99', `with ${sessionsInParallel} sessions`],
    rows: kinds.map((kind) => [
      titles[kind], ...[0.5, 0.99].map((share) => `${numberText(percentile(latencies[kind], share))} ms`),
      `${numberText(median(windows[kind].map((item) => item.answersPerSecond)))}/s`,
    ]),
  };
}

/** Median processor time of an answer, by process. */
function cpuOf(windows: readonly Window[]): Record<string, number> {
  const measured = windows.flatMap(({ cpuMsPerAnswer }) => (cpuMsPerAnswer === null ? [] : [cpuMsPerAnswer]));
  const names = Object.keys(measured[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, rounded(median(measured.map((item) => item[name] ?? 0)))]));
}

function cpuTable(windows: Of<Window[]>): Table[] {
  const names = Object.keys(cpuOf(windows.bare));
  if (names.length === 0) return [];
  return [{
    head: ['processor ms an answer, in parallel', ...names, 'sum'],
    rows: kinds.map((kind) => {
      const cpu = Object.values(cpuOf(windows[kind]));
      return [titles[kind], ...[...cpu, cpu.reduce((sum, ms) => sum + ms, 0)].map(numberText)];
    }),
  }];
}

function figures(latencies: Of<number[]>, windows: Of<Window[]>): Figure[] {
  const { bare: base, api, unguarded } = latencies;
  return [
    { name: 'p50, API / bare', ...atPercentile(api, base, 0.5, divided), unit: '', goal: { atMost: 1.12 } },
    { name: 'added by the API at p50', ...atPercentile(api, base, 0.5, (a, b) => a - b), unit: 'ms', goal: null },
    { name: 'p99, API / bare', value: percentile(api, 0.99) / percentile(base, 0.99), unit: '', goal: null },
    { name: 'answers/s, API / bare', ...ratioByWindow(windows.api, windows.bare), unit: '', goal: { atLeast: 0.9 } },
    ...[{ share: 0.25, goal: { atLeast: 0.8 } }, { share: 0.75, goal: { atMost: 1.2 } }].map(({ share, goal }) => ({
      name: `answers/s, API / bare, ${share * 100} % of windows below`, unit: '' as const, goal,
      value: percentile(ratiosByRound(ratesOf(windows.api), ratesOf(windows.bare)), share),
    })),
    { name: 'p50, with guards / without', ...atPercentile(api, unguarded, 0.5, divided), unit: '', goal: { atMost: 1.1 } },
    { name: 'answers/s, with guards / without', ...ratioByWindow(windows.api, windows.unguarded), unit: '', goal: null },
  ];
}

const divided = (a: number, b: number): number => a / b;

/** Over all calls, and from lowest to highest over consecutive blocks of them. */
function atPercentile(
  a: readonly number[], b: readonly number[], share: number, combined: (a: number, b: number) => number,
): Ranged {
  const of = (each: readonly number[], other: readonly number[]): number =>
    combined(percentile(each, share), percentile(other, share));
  const others = blocks(b, trialBlocks);
  return { value: of(a, b), range: range(blocks(a, trialBlocks).map((block, index) => of(block, others[index] ?? []))) };
}

function ratioByWindow(a: readonly Window[], b: readonly Window[]): Ranged {
  return ratioByRound(ratesOf(a), ratesOf(b));
}

function ratesOf(windows: readonly Window[]): number[] {
  return windows.map(({ answersPerSecond }) => answersPerSecond);
}
