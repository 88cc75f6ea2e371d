/**
 * What a task costs: to write, against the same three written on the Temporal SDK alone (bench/tasks/bare, tested to do the
 * same); and to run, against an activity with nothing around it and against BullMQ, alternated in one run on one machine.
 */
import { join } from 'node:path';
import type { NativeConnection } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { lockFolder } from '../scripts/embedded/lock.ts';
import { startServers } from '../scripts/embedded/servers.ts';
import { readConfiguration } from '../service/environment.ts';
import { connectEngine } from '../engine/connection.ts';
import type { Context, Figure, Outcome, Table } from './part.ts';
import { blocks, median, percentile, range, rounded, seeded, shuffled, type Random } from './statistics.ts';
import { ratioByRound } from './alternating.ts';
import { bundled } from './tasks/bundle.ts';
import {
  bullContender, concurrency, names, onTemporal, temporalContender, type Contender, type Name, type OnTemporal,
} from './tasks/contenders.ts';
import { killRedis, killTemporal, type Kept } from './tasks/kills.ts';
import { countLines, linesFigures, linesTable, type Lines } from './tasks/lines.ts';
import { connectWorkers } from './tasks/workers.ts';

const [warmUp, trials, trialBlocks] = [50, 1_000, 10];
const [rounds, windowMs] = [7, 4_000];

type Contenders = Readonly<Record<Name | OnTemporal, Contender>>;
type Times = Readonly<Record<OnTemporal, readonly number[]>>;
interface Overhead { readonly wholeMs: Times; readonly inWorkerMs: Times; readonly events: readonly [ours: number, bare: number] }
type Rates = Readonly<Record<Name, number[]>>;
interface Measured { readonly overhead: Overhead; readonly rates: Rates; readonly kept: { readonly temporal: Kept; readonly redis: Kept } }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const lines = await countLines();
  const data = join(folder, 'data');
  const codePath = await bundled('measured', folder);
  say('starting Temporal and Redis ...');
  const lock = lockFolder(data);
  // no task here has anything to do in PostgreSQL
  const configuration = readConfiguration({ GANGWAY_DATA: data, DATABASE_URL: 'postgres://127.0.0.1:9/none' });
  const servers = await startServers({ configuration, folder: data, log: () => undefined, options: { temporal: { ui: false } } });
  try {
    const { client, connection } = await connectEngine({
      address: servers.urls.temporalAddress, namespace: configuration.TEMPORAL_NAMESPACE,
    });
    try {
      const measured = await measure(await connectWorkers(servers.urls.temporalAddress), {
        client, codePath, redisUrl: servers.urls.redisUrl, seed, say,
      });
      say('Temporal and Redis killed ...');
      const kept = { temporal: await killTemporal(servers, client), redis: await killRedis(servers) };
      return outcome(lines, { ...measured, kept }, seed);
    } finally {
      await connection.close();
    }
  } finally {
    await servers.stop();
    lock.release();
  }
}

interface Place {
  readonly client: Client;
  readonly codePath: string;
  readonly redisUrl: string;
  readonly seed: number;
  readonly say: Context['say'];
}

async function measure(native: NativeConnection, { client, codePath, redisUrl, seed, say }: Place): Promise<Omit<Measured, 'kept'>> {
  const random = seeded(seed);
  const place = { client, connection: native, codePath };
  const contenders: Contenders = {
    ours: await temporalContender('ours', place), bare: await temporalContender('bare', place),
    options: await temporalContender('options', place), bullmq: await bullContender(redisUrl),
  };
  try {
    say(`${trials} of each, one at a time, in random order, seed ${seed} ...`);
    const overhead = await measureOverhead(contenders, client, random);
    return { overhead, rates: await measureRates(contenders, random, say) };
  } finally {
    for (const contender of Object.values(contenders)) await contender.stop();
    await native.close();
  }
}

async function measureOverhead(contenders: Contenders, client: Client, random: Random): Promise<Overhead> {
  const whole: Record<OnTemporal, number[]> = { ours: [], bare: [], options: [] };
  const last = { ours: '', bare: '', options: '' };
  for (let trial = 0; trial < warmUp + trials; trial += 1) {
    for (const name of shuffled(onTemporal, random)) {
      const began = performance.now();
      last[name] = await contenders[name].once(trial);
      if (trial >= warmUp) whole[name].push(performance.now() - began);
    }
  }
  const inWorker = (name: OnTemporal): number[] => contenders[name].inWorker().slice(warmUp);
  const events = async (workflowId: string): Promise<number> => (await client.workflow.getHandle(workflowId).fetchHistory()).events?.length
    ?? 0;
  return {
    wholeMs: whole, inWorkerMs: { ours: inWorker('ours'), bare: inWorker('bare'), options: inWorker('options') },
    events: [await events(last.ours), await events(last.bare)],
  };
}

async function measureRates(contenders: Contenders, random: Random, say: Context['say']): Promise<Rates> {
  const rates: Rates = { ours: [], bare: [], bullmq: [] };
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? `${concurrency} at once, warming up` : `round ${round} of ${rounds}`);
    for (const name of shuffled(names, random)) {
      const rate = await window(contenders[name]);
      if (round > 0) rates[name].push(rate);
    }
  }
  return rates;
}

/** Tasks a second whose result was there within the window; each lane begins its next when it has the result of its last. */
async function window({ once, inWorker }: Contender): Promise<number> {
  const deadline = performance.now() + windowMs;
  let done = 0;
  await Promise.all(Array.from({ length: concurrency }, async (_, lane) => {
    while (performance.now() < deadline) {
      await once(lane);
      if (performance.now() <= deadline) done += 1;
    }
  }));
  inWorker();
  return done / (windowMs / 1_000);
}

function outcome(lines: Lines, measured: Measured, seed: number): Outcome {
  const { overhead, rates, kept } = measured;
  return {
    title: 'Tasks',
    notes: [
      'Lines: neither blank nor only a comment. Branches: if, ?:, case, catch, &&, ||, ??, loops. The same counter for both sides, whose ' +
      'behaviour test/bench-tasks.test.ts compares.',
      'SDK alone: without the scrubbing, the fingerprints, the list in PostgreSQL, redrive and most of the classifier that ours has. ' +
      'Set-up of workers and the connection to PostgreSQL are counted on neither side.',
      'The product below ours is written once; on the other side its part is the shared files. Whoever has those already saves nothing ' +
      'with a further task: see the task files alone.',
      `Added: from start to result of a workflow with one activity that does nothing, ${trials} of each in random order; ` +
        `ranges over ${trialBlocks} blocks. The options are those of workflows/tasks.ts, set on a bare activity. ` +
        'In the worker: from the beginning of the activity to its end, all of defineTask and the interceptor and nothing of the server. ' +
        'Neither has encryption.',
      `Rates: closed loop, ${concurrency} at once, ${rounds} windows of ${windowMs / 1_000} s of each, alternated; client, workers and ` +
      `BullMQ in one process, their servers on the same machine. The embedded Temporal writes one thing after the other into its SQLite, ` +
      `synced: that is the limit of both its rates, one at a time is hardly slower. The ratios have no goal: the three promise different ` +
      `things, see the last table.`,
    ],
    tables: [linesTable(lines), ratesTable(rates), promises(kept)],
    figures: [...linesFigures(lines), ...overheadFigures(overhead), ...rateFigures(rates)],
    details: {
      seed, lines, in_worker_ms: medians(overhead.inWorkerMs), whole_ms: medians(overhead.wholeMs),
      history_events: { ours: overhead.events[0], bare: overhead.events[1] }, rates, killed: kept,
    },
  };
}

function overheadFigures({ wholeMs, inWorkerMs, events }: Overhead): Figure[] {
  return [
    { name: 'added to a task, p50', ...added(wholeMs.ours, wholeMs.bare), unit: 'ms', goal: { atMost: 0.5 } },
    { name: 'of it by defineTask and the interceptor', ...added(wholeMs.ours, wholeMs.options), unit: 'ms', goal: null },
    { name: 'of it by time-outs, retries and priority', ...added(wholeMs.options, wholeMs.bare), unit: 'ms', goal: null },
    { name: 'added in the worker, p50', ...added(inWorkerMs.ours, inWorkerMs.bare), unit: 'ms', goal: { atMost: 0.5 } },
    { name: 'bare workflow and activity, p50', value: percentile(wholeMs.bare, 0.5), unit: 'ms', goal: null },
    { name: 'history events more than the bare one', value: events[0] - events[1], unit: '', goal: { atMost: 0 } },
  ];
}

function added(more: readonly number[], less: readonly number[]): { value: number; range: readonly [number, number] } {
  const others = blocks(less, trialBlocks);
  return {
    value: percentile(more, 0.5) - percentile(less, 0.5),
    range: range(blocks(more, trialBlocks).map((block, at) => percentile(block, 0.5) - percentile(others[at] ?? [], 0.5))),
  };
}

function medians(times: Times): Readonly<Record<OnTemporal, number>> {
  return { ours: rounded(median(times.ours)), bare: rounded(median(times.bare)), options: rounded(median(times.options)) };
}

function rateFigures({ ours, bare, bullmq }: Rates): Figure[] {
  return [
    { name: 'tasks/s, ours / bare workflow and activity', ...ratioByRound(ours, bare), unit: '', goal: null },
    { name: 'tasks/s, ours / BullMQ', ...ratioByRound(ours, bullmq), unit: '', goal: null },
  ];
}

const titles: Readonly<Record<Name, string>> = { ours: 'task of the product', bare: 'bare workflow and activity', bullmq: 'BullMQ' };

function ratesTable(rates: Rates): Table {
  return {
    head: ['', 'tasks/s, median', 'from - to'],
    rows: names.map((name) => [
      titles[name], median(rates[name]).toFixed(0), range(rates[name]).map((item) => item.toFixed(0)).join(' - '),
    ]),
  };
}

function promises({ temporal, redis }: Measured['kept']): Table {
  const lost = ({ acknowledged, lost: gone }: Kept): string => `${gone} of ${acknowledged}`;
  return {
    head: [
      '', 'done', 'every attempt kept', 'exhausted', 'workflow goes on after a crash', 'lost when the server is killed', 'when power fails',
    ],
    rows: [
      [
        titles.ours, 'at least once', 'yes, with delays and worker', 'parked until retried or discarded', 'yes', lost(temporal),
        'nothing (SQLite, synchronous=full)',
      ],
      [
        titles.bare, 'at least once', 'no, the last error', 'the workflow fails', 'yes', lost(temporal),
        'nothing (SQLite, synchronous=full)',
      ],
      [
        titles.bullmq, 'at least once', 'no, stack traces and a count', 'in the failed set', 'there is none', lost(redis),
        'the last second (appendfsync everysec)',
      ],
    ],
  };
}
