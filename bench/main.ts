/**
 * npm run bench [-- part ...]: ratios measured side by side in one run, printed beside their goals and kept in
 * bench/results. A missed goal is printed as missed; it does not fail the command, since a busy machine misses too.
 */
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lockFolder } from '../scripts/embedded/lock.ts';
import { PlainError } from '../scripts/embedded/plain-error.ts';
import type { Outcome, Part } from './part.ts';
import { rounded } from './statistics.ts';
import { textOf, verdictOf } from './table.ts';

/** In the order in which they run. Each is loaded only when it is wanted. */
const parts: Readonly<Record<string, () => Promise<Part>>> = {
  answers: () => import('./answers.ts'),
  memory: () => import('./memory.ts'),
  start: () => import('./start.ts'),
  history: () => import('./history.ts'),
  scale: () => import('./scale.ts'),
  streams: () => import('./streams.ts'),
  sessions: () => import('./sessions.ts'),
  continue: () => import('./continue.ts'),
  encryption: () => import('./encryption.ts'),
  dlq: () => import('./dlq.ts'),
  errors: () => import('./errors.ts'),
  limits: () => import('./limits.ts'),
  tasks: () => import('./tasks.ts'),
  reading: () => import('./reading.ts'),
  risk: () => import('./risk.ts'),
  lists: () => import('./lists.ts'),
  uploads: () => import('./uploads.ts'),
  photos: () => import('./photos.ts'),
  analytics: () => import('./analytics.ts'),
  web: () => import('./web.ts'),
};

const project = join(import.meta.dirname, '..');
/** Beside the default data folder, so that the disk is the one a user has. */
const workplace = join(project, '.local', 'bench');
const results = join(import.meta.dirname, 'results');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** null outside a git checkout. `-dirty`: there were changes that no commit has. */
async function commit(): Promise<string | null> {
  const git = promisify(execFile);
  try {
    return (await git('git', ['describe', '--always', '--dirty', '--abbrev=12'], { cwd: project })).stdout.trim();
  } catch {
    return null;
  }
}

/** What a part that broke off leaves, its logs above all, stays until it is run again. */
async function inFolder(folder: string, part: Part): Promise<Outcome> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const outcome = await part.run({ folder, say: (line) => { say(`  ${line}`); } });
  await rm(folder, { recursive: true, force: true });
  return outcome;
}

async function measure(name: string, part: Part): Promise<void> {
  const loadBefore = loadavg().map((load) => rounded(load, 2));
  say(`\n${name} (load average before: ${loadBefore.join(', ')})`);
  const began = performance.now();
  const outcome = await inFolder(join(workplace, name), part);
  say(`\n${textOf(outcome)}`);
  const result = {
    part: name, measured_at: new Date().toISOString(), seconds: rounded((performance.now() - began) / 1_000, 0),
    node: process.version, platform: `${process.platform}-${process.arch}`, cpus: availableParallelism(),
    load_average_before: loadBefore, commit: await commit(),
    figures: outcome.figures.map((figure) => ({
      ...figure, value: rounded(figure.value), ...(figure.range && { range: figure.range.map((end) => rounded(end)) }),
      verdict: verdictOf(figure) || null,
    })),
    notes: outcome.notes, ...outcome.details,
  };
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !(name in parts));
  if (unknown.length > 0) {
    throw new PlainError(`There is no part ${unknown.join(', ')}. There are: ${Object.keys(parts).join(', ')}.`);
  }
  const lock = lockFolder(workplace);       // two benches at once would measure each other
  try {
    for (const [name, load] of Object.entries(parts)) {
      if (names.length === 0 || names.includes(name)) await measure(name, await load());
    }
  } finally {
    lock.release();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const text = error instanceof PlainError ? error.message : (error as Error).stack ?? String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
