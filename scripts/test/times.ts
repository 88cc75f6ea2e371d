/** How long each test file took, kept from run to run in .local/test-times.json. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';

const project = join(import.meta.dirname, '..', '..');
const path = join(project, '.local', 'test-times.json');
/** So many are shown. */
const slowest = 15;

/** Seconds by path below the project, the slowest first. */
export type Times = Readonly<Record<string, number>>;

const Times = z.record(z.string(), z.number());
/** As Jest reports it: milliseconds since 1970. */
const Report = z.object({ testResults: z.array(z.object({ name: z.string(), startTime: z.number(), endTime: z.number() })) });

/** A damaged file is no file: it only tells what can be told again. */
export function readTimes(): Times {
  if (!existsSync(path)) return {};
  try {
    return Times.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

/** Times of the files that ran, by what Jest reported. */
export function timesOf(report: unknown): Times {
  const parsed = Report.safeParse(report);
  return sorted(parsed.success ? parsed.data.testResults.map(({ name, startTime, endTime }) => [relative(project, name), Math.round((endTime - startTime) / 100) / 10]) : []);
}

/** Files that did not run keep their times; those that are no more leave. */
export async function keepTimes(times: Times): Promise<void> {
  const known = Object.entries({ ...readTimes(), ...times }).filter(([file]) => existsSync(join(project, file)));
  await writeFile(path, `${JSON.stringify(sorted(known), null, 2)}\n`);
}

/** The slowest as a table, and where all are. Empty when nothing ran. */
export function told(times: Times, wallSeconds: number): string {
  const all = Object.entries(times);
  if (all.length === 0) return '';
  const sum = all.reduce((total, [, seconds]) => total + seconds, 0);
  const lines = all.slice(0, slowest).map(([file, seconds]) => `${seconds.toFixed(1).padStart(8)} s  ${file}`);
  const rest = all.length > slowest ? `, the slowest ${slowest} of ${all.length}` : '';
  return `\nSeconds per test file${rest} (all in .local/test-times.json):\n${lines.join('\n')}\n${sum.toFixed(1).padStart(8)} s  in all, side by side in ${wallSeconds.toFixed(1)} s\n\n`;
}

function sorted(times: readonly (readonly [string, number])[]): Times {
  return Object.fromEntries(times.toSorted((a, b) => b[1] - a[1]));
}
