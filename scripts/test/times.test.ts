/** The time of each test file, as a person finds it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keepTimes, readTimes, tableOf, timesOf } from './times.ts';

const project = join(import.meta.dirname, '..', '..');
const own = 'scripts/test/times.test.ts';
let folder = '';
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'gangway-times-')); });
afterEach(() => rm(folder, { recursive: true }));

test('what Jest reports is told in seconds, the slowest first', () => {
  const result = (name: string, ms: number) => ({ name: join(project, name), startTime: 1_000, endTime: 1_000 + ms, status: 'passed' });
  const times = timesOf({ numPassedTests: 3, testResults: [result('a.test.ts', 120), result(own, 65_432), result('b.test.ts', 3_000)] });
  expect(Object.entries(times)).toEqual([[own, 65.4], ['b.test.ts', 3], ['a.test.ts', 0.1]]);
  expect([timesOf(undefined), timesOf({ testResults: 'none' })]).toEqual([{}, {}]);
});

test('a run of some files leaves the times of the others, and forgets files that are no more', async () => {
  const file = join(folder, 'times.json');
  await writeFile(file, JSON.stringify({ 'domain/session.test.ts': 4, [own]: 9, 'domain/never-there.test.ts': 7 }));
  await keepTimes({ [own]: 2 }, file);
  expect(Object.entries(readTimes(file))).toEqual([['domain/session.test.ts', 4], [own, 2]]);
  await writeFile(file, '{');
  expect([readTimes(file), readTimes(join(folder, 'none.json'))]).toEqual([{}, {}]);
});

test('the table has the slowest, their sum and how long it took for who waited', () => {
  const table = tableOf(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${at}.test.ts`, 40 - at])), 123.4);
  expect(table).toContain('the slowest 15 of 20');
  expect(table).toContain('    40.0 s  0.test.ts\n');
  expect(table).not.toContain(' 15.test.ts');
  expect(table).toContain('   610.0 s  in all, side by side in 123.4 s\n');
  expect(tableOf({}, 1)).toBe('');
});
