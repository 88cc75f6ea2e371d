/** How long each test file took, kept from run to run in .local/test-times.json. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';

const project = join(import.meta.dirname, '..', '..');
const timesFile = join(project, '.local', 'test-times.json');
/** So many are shown. */
const shown = 15;

/** Seconds by path below the project, the slowest first. */
export type Times = Readonly<Record<string, number>>;

const Times = z.record(z.string(), z.number());
/** As Jest reports it: milliseconds since 1970. */
const Report = z.object({ testResults: z.array(z.object({ name: z.string(), startTime: z.number(), endTime: z.number() })) });

/** A damaged file is no file: it only tells what can be told again. */
export function readTimes(file = timesFile): Times {
  if (!existsSync(file)) return {};
  try {
    return Times.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}

/** Of the files that ran, by what Jest reported. */
export function timesOf(report: unknown): Times {
  const parsed = Report.safeParse(report);
  return slowestFirst(
    parsed.success ? parsed.data.testResults.map(({ name, startTime, endTime }) => [
      relative(project, name), Math.round((endTime - startTime) / 100) / 10,
    ]) : [],
  );
}

/** Files that did not run keep their times; those that are no more leave. */
export async function keepTimes(times: Times, file = timesFile): Promise<void> {
  const known = Object.entries({ ...readTimes(file), ...times }).filter(([path]) => existsSync(join(project, path)));
  await writeFile(file, `${JSON.stringify(slowestFirst(known), null, 2)}\n`);
}

/** The slowest as a table, and where all of them are. Empty when nothing ran. */
export function tableOf(times: Times, wallSeconds: number): string {
  const all = Object.entries(times);
  if (all.length === 0) return '';
  const sum = all.reduce((total, [, seconds]) => total + seconds, 0);
  const line = (seconds: number, what: string): string => `${seconds.toFixed(1).padStart(8)} s  ${what}`;
  const rows = [
    ...all.slice(0, shown).map(([path, seconds]) => line(seconds, path)), line(sum, `in all, side by side in ${wallSeconds.toFixed(1)} s`),
  ];
  const title = all.length > shown ? `Seconds per test file, the slowest ${shown} of ${all.length}` : 'Seconds per test file';
  return `\n${title} (.local/test-times.json has all):\n${rows.join('\n')}\n\n`;
}

function slowestFirst(times: readonly (readonly [string, number])[]): Times {
  return Object.fromEntries(times.toSorted((a, b) => b[1] - a[1]));
}
