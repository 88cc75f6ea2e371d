import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readLine } from '../../analytics/intake/imported-line.ts';
import { stages } from '../../domain/lifecycle.ts';
import { pastOf, type PastLine } from './history.ts';
import { seedMax } from './random.ts';

const until = Date.UTC(2026, 10, 29);
const day = 86_400_000;
const linesOf = (seed: number, days: number): PastLine[] => [...pastOf({ seed, days, until })];

test('the same past has the same lines, all of which an import takes, each once, within its days', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: seedMax }), fc.integer({ min: 1, max: 8 }), (seed, days) => {
    const lines = linesOf(seed, days);
    expect(linesOf(seed, days)).toEqual(lines);
    const read = lines.map((line) => readLine(Buffer.from(JSON.stringify(line)), 'demo', until));
    expect(read.filter((each) => 'code' in each)).toEqual([]);
    expect(new Set(lines.map(({ session_id: id, event, timestamp }) => `${id} ${event} ${timestamp}`)).size).toBe(lines.length);
    const times = lines.map(({ timestamp }) => Date.parse(timestamp));
    expect(times.filter((at) => at < until - days * day || at >= until)).toEqual([]);
  }), { numRuns: 10 });
});

test('two months have weekdays, offices\' hours, both flows and languages, every device, and people lost at each stage', () => {
  const lines = linesOf(7, 60);
  const visits = lines.filter(({ event }) => event === 'started');
  const share = (of: (line: PastLine) => boolean): number => visits.filter(of).length / visits.length;
  const weekday = ({ timestamp }: PastLine): number => new Date(timestamp).getUTCDay();
  expect(visits.length).toBeGreaterThan(1_200);
  expect(share((line) => weekday(line) === 0)).toBeLessThan(share((line) => weekday(line) === 2) / 2);
  expect(share(({ timestamp }) => new Date(timestamp).getUTCHours() < 6)).toBeLessThan(0.05);
  for (const [name, values] of Object.entries({
    flow: ['business_unit_setup', 'site_survey'], language: ['en', 'hi'], device: ['desktop', 'phone', 'tablet'], flow_version: [1, 2],
  })) {
    for (const value of values) {
      expect([name, value, share(({ properties }) => properties?.[name] === value) > 0.08]).toEqual([name, value, true]);
    }
  }
  const reached = stages.map((stage) => lines.filter(({ event }) => event === stage).length);
  for (const [at, count] of reached.slice(1).entries()) expect(count).toBeLessThan(reached[at] ?? 0);
  expect(reached.at(-1)).toBeGreaterThan(visits.length / 4);
});
