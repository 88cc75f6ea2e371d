/**
 * Idle memory by process, of a Gangway started as users start it: the first start, which builds the workflow bundle
 * inside the process and keeps what that took, and a later one, which finds it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyProject } from './copy.ts';
import type { Context, Figure, Outcome } from './part.ts';
import { descendants, processes, shared } from './process-memory.ts';
import { median, range, rounded } from './statistics.ts';
import { numberText } from './table.ts';
import { up, type Up } from './up.ts';

const settleSeconds = 20;
const samples = 5;
const betweenMs = 1_000;
const bytesPerMb = 1_000_000;
const goals = { ours: { atMost: 450 }, all: { atMost: 750 } };

/** MB by process. */
type Sample = Readonly<Record<'ours' | 'temporal' | 'redis' | 'postgres' | 'guards', number>>;

const titles: Readonly<Record<keyof Sample, string>> = {
  ours: 'Gangway (API, worker, ClickHouse inside)', temporal: 'Temporal', redis: 'Valkey or Redis',
  postgres: 'PostgreSQL, all its processes', guards: 'npm and the shells that watch over the servers',
};
const names = Object.keys(titles) as (keyof Sample)[];

export async function run({ folder, say }: Context): Promise<Outcome> {
  const copy = join(folder, 'copy');
  await copyProject(copy);
  say(`first start, idle for ${settleSeconds} s ...`);
  const first = await idle(copy);
  say(`second start, idle for ${settleSeconds} s ...`);
  const second = await idle(copy);
  return outcome(first, second);
}

async function idle(copy: string): Promise<Sample[]> {
  const gangway = await up(copy, join(copy, '.local', 'data'));
  try {
    await sleep(settleSeconds * 1_000);
    const taken: Sample[] = [];
    for (let count = 0; count < samples; count += 1) {
      taken.push(await sample(gangway));
      await sleep(betweenMs);
    }
    return taken;
  } finally {
    await gangway.stop();
  }
}

async function sample({ pid, pids }: Up): Promise<Sample> {
  const all = await processes();
  const rss = (of: number | undefined): number => (all.find((row) => row.pid === of)?.rss ?? 0) / bytesPerMb;
  const postgres = all.filter((row) => row.pid === pids['postgres'])
    .flatMap((row) => [row, ...descendants(all, row.pid)]);
  const counted = new Set([pid, pids['temporal'], pids['redis'], ...postgres.map((row) => row.pid)]);
  const others = descendants(all, process.pid).filter((row) => !counted.has(row.pid));
  return {
    ours: rss(pid), temporal: rss(pids['temporal']), redis: rss(pids['redis']),
    postgres: await shared(postgres) / bytesPerMb, guards: await shared(others) / bytesPerMb,
  };
}

const sum = (each: Sample): number => names.reduce((total, name) => total + each[name], 0);
const medianOf = (taken: readonly Sample[], name: keyof Sample): number => median(taken.map((item) => item[name]));

function outcome(first: readonly Sample[], second: readonly Sample[]): Outcome {
  const byProcess = (taken: readonly Sample[]) =>
    Object.fromEntries(names.map((name) => [name, rounded(medianOf(taken, name), 1)]));
  return {
    title: 'Idle memory after npm run up',
    notes: [
      `No session; medians of ${samples} samples after ${settleSeconds} idle seconds. MB = 1,000,000 bytes.`,
      'First: empty data folder and no workflow bundle, which is then built inside the process. Later: the same data again.',
      'RSS of each process; PostgreSQL and the shells by PSS (RSS where there is none), since they share their pages.',
    ],
    tables: [{
      head: ['MB', 'first start', 'later start'],
      rows: names.map((name) => [titles[name], numberText(medianOf(first, name)), numberText(medianOf(second, name))]),
    }],
    figures: [...figures('first start', first), ...figures('later start', second)],
    details: { mb_by_process: { first_start: byProcess(first), later_start: byProcess(second) } },
  };
}

function figures(start: string, taken: readonly Sample[]): Figure[] {
  const figure = (name: string, values: readonly number[], goal: Figure['goal']): Figure =>
    ({ name: `${start}, ${name}`, value: median(values), unit: 'MB', goal, range: range(values) });
  return [
    figure('Gangway itself', taken.map((item) => item.ours), goals.ours),
    figure('all together', taken.map(sum), goals.all),
  ];
}
