/** Idle memory by process, of a Gangway started as users start it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Figure, Outcome } from './part.ts';
import { descendants, processes, shared } from './process-memory.ts';
import { median, range, rounded } from './statistics.ts';
import { numberText } from './table.ts';
import { up, type Up } from './up.ts';

const settleSeconds = 20;
const samples = 5;
const betweenMs = 1_000;
const bytesPerMb = 1_000_000;

interface Sample { readonly ours: number; readonly temporal: number; readonly redis: number; readonly postgres: number; readonly guards: number }

const titles: Readonly<Record<keyof Sample, string>> = {
  ours: 'Gangway (API, worker, ClickHouse inside)', temporal: 'Temporal', redis: 'Valkey or Redis',
  postgres: 'PostgreSQL, all its processes', guards: 'npm and the shells that watch over the servers',
};

export async function run({ folder, say }: Context): Promise<Outcome> {
  const gangway = await up(join(import.meta.dirname, '..'), join(folder, 'data'));
  try {
    say(`idle for ${settleSeconds} s ...`);
    await sleep(settleSeconds * 1_000);
    const taken: Sample[] = [];
    for (let count = 0; count < samples; count += 1) {
      taken.push(await sample(gangway));
      await sleep(betweenMs);
    }
    return outcome(taken);
  } finally {
    await gangway.stop();
  }
}

async function sample({ pid, pids }: Up): Promise<Sample> {
  const all = await processes();
  const rss = (of: number | undefined): number => (all.find((row) => row.pid === of)?.rss ?? 0) / bytesPerMb;
  const postgres = all.filter((row) => row.pid === pids['postgres']).flatMap((row) => [row, ...descendants(all, row.pid)]);
  const counted = new Set([pid, pids['temporal'], pids['redis'], ...postgres.map((row) => row.pid)]);
  const started = descendants(all, process.pid).filter((row) => !counted.has(row.pid));
  return {
    ours: rss(pid), temporal: rss(pids['temporal']), redis: rss(pids['redis']),
    postgres: await shared(postgres) / bytesPerMb, guards: await shared(started) / bytesPerMb,
  };
}

function outcome(taken: readonly Sample[]): Outcome {
  const names = Object.keys(titles) as (keyof Sample)[];
  const of = (name: keyof Sample): number => median(taken.map((each) => each[name]));
  const sums = taken.map((each) => names.reduce((sum, name) => sum + each[name], 0));
  const figure = (name: string, values: readonly number[], atMost: number): Figure =>
    ({ name, value: median(values), unit: 'MB', goal: { atMost }, range: range(values) });
  return {
    title: 'Idle memory after npm run up',
    notes: [
      `Empty data folder, no session; medians of ${samples} samples after ${settleSeconds} idle seconds. MB = 1,000,000 bytes.`,
      'RSS of each process; PostgreSQL by PSS (RSS where there is none), since its processes share their pages.',
    ],
    tables: [{ head: ['', 'MB'], rows: names.map((name) => [titles[name], numberText(of(name))]) }],
    figures: [figure('Gangway itself', taken.map((each) => each.ours), 450), figure('all together', sums, 750)],
    details: { mb_by_process: Object.fromEntries(names.map((name) => [name, rounded(of(name), 1)])) },
  };
}
