/**
 * What encryption costs an answer: the same answers to two services that differ in nothing but their codec keys, each with
 * servers of its own, alternating call by call and window by window. Whoever is not asked is idle.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { developmentCodecKeys, developmentKey } from '../scripts/embedded/secrets.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { alternating, closedLoop, ratioByRound } from './alternating.ts';
import { openSessions, tenant, throughApi, type Answering, type Session } from './answering.ts';
import { historySize, type HistorySize } from './history-size.ts';
import { startHost, type Host } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Outcome } from './part.ts';
import { blocks, median, percentile, range, rounded, seeded, shuffled, type Random } from './statistics.ts';
import { numberText } from './table.ts';

const kinds = ['off', 'on'] as const;
type Kind = (typeof kinds)[number];
type Of<T> = Readonly<Record<Kind, T>>;

/** Calls of each kind, one after the other, on few enough answers a session to stay within one run. */
const trials = 400;
const warmUpTrials = 40;
const trialSessions = 8;
const trialBlocks = 5;
const rounds = 5;
const windowSeconds = 3;
const sessionsInParallel = 48;
/** New sessions are stored at once; their flushes end before a window. */
const settleMs = 1_500;

interface Side {
  readonly host: Host;
  readonly data: string;
  readonly http: HttpClient;
  readonly key: Uint8Array;
  readonly answer: Answering;
}

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const random = seeded(seed);
  say('starting both services, each with its servers ...');
  const off = await startSide(join(folder, 'off'), { BENCH_ENCRYPTION: 'off' });
  try {
    const on = await startSide(join(folder, 'on'), {});
    try {
      const sides = { off, on };
      say(`one at a time: ${trials} calls of each, alternating call by call, seed ${seed} ...`);
      const { latencies, sessions } = await oneAtATime(sides, random);
      say('reading histories ...');
      const sizes = await historySizes(sides.on, sessions.on);
      say(`${sessionsInParallel} sessions in parallel: ${rounds} windows of ${windowSeconds} s of each ...`);
      return outcome(latencies, await inParallel(sides, random), sizes, seed);
    } finally {
      await stopSide(on);
    }
  } finally {
    await stopSide(off);
  }
}

async function startSide(data: string, more: Readonly<Record<string, string>>): Promise<Side> {
  const host = await startHost(data, more);
  const http = new HttpClient(host.url);
  return { host, data, http, key: await developmentKey(data), answer: throughApi(http) };
}

async function stopSide({ host, http }: Side): Promise<void> {
  http.close();
  await host.stop();
}

async function opened(sides: Of<Side>, count: number): Promise<Of<Session[]>> {
  const off = await openSessions(sides.off.http, sides.off.key, count);
  const on = await openSessions(sides.on.http, sides.on.key, count);
  await sleep(settleMs);
  return { off, on };
}

async function oneAtATime(sides: Of<Side>, random: Random): Promise<{ latencies: Of<number[]>; sessions: Of<Session[]> }> {
  const sessions = await opened(sides, trialSessions);
  const latencies = await alternating(kinds, {
    sessions, warmUp: warmUpTrials, count: trials, random, call: (kind, session) => answered(sides[kind].answer, session),
  });
  return { latencies, sessions };
}

async function historySizes({ host, data }: Side, sessions: readonly Session[]): Promise<HistorySize[]> {
  const sealer = createSealer(readCodecKeys(await developmentCodecKeys(data)));
  const { client, connection } = await connectEngine({ address: host.temporalAddress, namespace: 'default', sealer });
  try {
    return await Promise.all(sessions.map((session) => historySize(client, sealer, sessionWorkflowId(tenant, session.id))));
  } finally {
    await connection.close();
  }
}

/** Answers a second, window by window; the first round only warms up. */
async function inParallel(sides: Of<Side>, random: Random): Promise<Of<number[]>> {
  const rates: Of<number[]> = { off: [], on: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const sessions = await opened(sides, sessionsInParallel);
    for (const kind of shuffled(kinds, random)) {
      const { inTime } = await closedLoop(sessions[kind], windowSeconds, (session) => answered(sides[kind].answer, session));
      if (round > 0) rates[kind].push(inTime / windowSeconds);
    }
  }
  return rates;
}

/** An answer that is refused ends the bench. */
async function answered(answer: Answering, session: Session): Promise<true> {
  await answer(session);
  return true;
}

function outcome(latencies: Of<number[]>, rates: Of<number[]>, sizes: readonly HistorySize[], seed: number): Outcome {
  const kilobytes = (bytes: readonly number[]): string => `${numberText(median(bytes) / 1_024)} KB`;
  const p50 = (kind: Kind): number => percentile(latencies[kind], 0.5);
  const offBlocks = blocks(latencies.off, trialBlocks);
  const p50ByBlock = blocks(latencies.on, trialBlocks).map((block, at) => percentile(block, 0.5) / percentile(offBlocks[at] ?? [], 0.5));
  return {
    title: 'An answer with encryption on, against the same with encryption off',
    notes: [
      'Two services (API and worker in one process each) with servers of their own, all as users have them but for the codec keys: ' +
      'payloads',
      'in Temporal and copies in PostgreSQL and Redis are sealed on one side and plain on the other. The load comes from a third process.',
      `One at a time: ${trials} calls of each, alternating call by call in random order. In parallel: ${sessionsInParallel} sessions, ` +
      `closed loop, ${rounds} windows`,
      `of ${windowSeconds} s of each, in random order; medians, ratios of throughput round by round.`,
      'Histories: as the engine counts them, and with what their payloads would have added had they not been compressed.',
    ],
    tables: [{
      head: ['encryption', 'p50', 'p99', `with ${sessionsInParallel} sessions`],
      rows: kinds.map((kind) => [
        kind, `${numberText(p50(kind))} ms`, `${numberText(percentile(latencies[kind], 0.99))} ms`, `${numberText(median(rates[kind]))}/s`,
      ]),
    }, {
      head: [`history of ${Math.round((trials + warmUpTrials) / trialSessions)} answers`, 'sealed as it is', 'compressed, then sealed'],
      rows: [['', kilobytes(sizes.map((size) => size.uncompressed)), kilobytes(sizes.map((size) => size.bytes))]],
    }],
    figures: [
      { name: 'p50, on / off', value: p50('on') / p50('off'), range: range(p50ByBlock), unit: '', goal: null },
      { name: 'added by encryption at p50', value: p50('on') - p50('off'), unit: 'ms', goal: null },
      {
        name: 'history, sealed as it is / compressed', value: median(sizes.map((size) => size.uncompressed / size.bytes)),
        range: range(sizes.map((size) => size.uncompressed / size.bytes)), unit: '', goal: null,
      },
      { name: 'answers/s, on / off', ...ratioByRound(rates.on, rates.off), unit: '', goal: null },
    ],
    details: {
      seed, trials, history_bytes: sizes, windows: rounds, window_seconds: windowSeconds, sessions_in_parallel: sessionsInParallel,
      encryption: Object.fromEntries(kinds.map((kind) => [kind, {
        p50_ms: rounded(p50(kind)), p99_ms: rounded(percentile(latencies[kind], 0.99)),
        answers_per_second: rates[kind].map((rate) => rounded(rate, 1)),
      }])),
    },
  };
}
