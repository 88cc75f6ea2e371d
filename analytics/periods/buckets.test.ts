import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  bucketsIn, edgesOf, granularities, weekStarts, type Bucket, type BucketsAsked, type Granularity, type WeekStart,
} from './buckets.ts';
import { readPeriod, type Period } from './period.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const zones = [
  'UTC', 'Europe/Berlin', 'Africa/Cairo', 'Australia/Lord_Howe', 'America/Havana', 'Pacific/Apia', 'Asia/Kolkata', 'America/Los_Angeles',
  'America/St_Johns',
];

function period(start_date: string, end_date: string, timezone: string): Period {
  const read = readPeriod({ start_date, end_date, timezone }, 0);
  if ('problem' in read) throw new Error(read.problem.message);
  return read;
}

const later = Date.UTC(2100, 0, 1);
const asked = (granularity: Granularity, more: Partial<BucketsAsked> = {}): BucketsAsked => ({ granularity, now: later, ...more });
const hours = ({ startMs, endMs }: Bucket): number => (endMs - startMs) / hourMs;

describe('the change of the clock', () => {
  test.each([
    ['Europe/Berlin', '2026-03-28', '2026-03-31', [24, 23, 24]], ['Europe/Berlin', '2026-10-24', '2026-10-27', [24, 25, 24]],
    ['Africa/Cairo', '2026-04-23', '2026-04-26', [24, 23, 24]], ['Africa/Cairo', '2026-10-29', '2026-10-31', [25, 24]],
    ['Australia/Lord_Howe', '2026-04-04', '2026-04-07', [24, 24.5, 24]],
    ['Australia/Lord_Howe', '2026-10-03', '2026-10-06', [24, 23.5, 24]],
    ['America/Havana', '2026-10-31', '2026-11-03', [24, 25, 24]],
  ])('gives the days of %s from %s to %s their own lengths', (timezone, start, end, lengths) => {
    expect(bucketsIn(period(start, end, timezone), asked('daily')).map(hours)).toEqual(lengths);
  });

  test('a date that a zone left out has no bucket', () => {
    const labels = bucketsIn(period('2011-12-29', '2012-01-01', 'Pacific/Apia'), asked('daily')).map(({ label }) => label);
    expect(labels).toEqual(['2011-12-29', '2011-12-31']);
  });

  test('the hour that comes twice is two, each with its offset; the one that is left out is none', () => {
    const labels = (start: string, end: string, timezone: string): readonly string[] =>
      bucketsIn(period(start, end, timezone), asked('hourly')).map(({ label }) => label);
    expect(labels('2026-10-25T01:00', '2026-10-25T04:00', 'Europe/Berlin')).toEqual([
      '2026-10-25T01:00+02:00', '2026-10-25T02:00+02:00', '2026-10-25T02:00+01:00', '2026-10-25T03:00+01:00',
    ]);
    expect(labels('2026-03-29T01:00', '2026-03-29T04:00', 'Europe/Berlin')).toEqual(['2026-03-29T01:00+01:00', '2026-03-29T03:00+02:00']);
  });

  test('on Lord Howe one hour lasts an hour and a half in autumn, and one half an hour in spring', () => {
    const zone = 'Australia/Lord_Howe';
    expect(bucketsIn(period('2026-04-05T01:00', '2026-04-05T03:00', zone), asked('hourly')).map(hours)).toEqual([1.5, 1]);
    const spring = bucketsIn(period('2026-10-04T01:00', '2026-10-04T04:00', zone), asked('hourly'));
    expect(spring.map((bucket) => [bucket.label, hours(bucket)])).toEqual([
      ['2026-10-04T01:00+10:30', 1], ['2026-10-04T02:30+11:00', 0.5], ['2026-10-04T03:00+11:00', 1],
    ]);
  });
});

describe('weeks and months', () => {
  test.each([
    ['monday', '2026-11-16', '2026-W47'], ['monday', '2027-01-01', '2026-W53'], ['monday', '2024-12-30', '2025-W01'],
    ['monday', '2021-01-03', '2020-W53'], ['sunday', '2026-01-04', '2026-W01'], ['sunday', '2025-12-31', '2025-W53'],
    ['saturday', '2026-01-03', '2026-W01'],
  ] as const)('a week from %s: %s is in %s', (weekStart, date, label) => {
    const next = new Date(Date.parse(date) + 24 * hourMs).toISOString().slice(0, 10);
    expect(bucketsIn(period(date, next, 'Europe/Berlin'), asked('weekly', { weekStart })).map((bucket) => bucket.label)).toEqual([label]);
  });

  test('both edges are marked partial where the period cuts them, and the counted part is given', () => {
    const buckets = bucketsIn(period('2026-11-11', '2026-11-25', 'UTC'), asked('weekly'));
    expect(buckets.map(({ label, startMs, partial }) => [label, new Date(startMs).toISOString().slice(0, 10), partial])).toEqual([
      ['2026-W46', '2026-11-11', true], ['2026-W47', '2026-11-16', false], ['2026-W48', '2026-11-23', true],
    ]);
    expect(bucketsIn(period('2026-11-16', '2026-11-23', 'UTC'), asked('weekly')).map(({ partial }) => partial)).toEqual([false]);
  });

  test('a whole bucket that is not over yet is partial', () => {
    const now = Date.parse('2026-11-17T12:00:00Z');
    const buckets = bucketsIn(period('2026-11-16', '2026-11-18', 'UTC'), asked('daily', { now }));
    expect(buckets.map(({ partial }) => partial)).toEqual([false, true]);
  });

  test('400 days have 9,600 hours, or one more or less', () => {
    const all = bucketsIn(period('2025-10-01', '2026-11-05', 'Europe/Berlin'), asked('hourly'));
    expect(Math.abs(all.length - 9_600)).toBeLessThanOrEqual(1);
    expect(new Set(edgesOf(all)).size).toBe(all.length);
  });
});

/** What a bucket is, told minute by minute by the clock on the wall. */
function walked({ startMs, endMs, timezone }: Period, granularity: Granularity, weekStart: WeekStart): readonly number[] {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'short' });
  const weekday = new Intl.DateTimeFormat('en-US', { timeZone: timezone, weekday: 'long' });
  const starts = [startMs];
  let newest = '';
  let before = clock.format(startMs - minuteMs);
  for (let at = startMs; at < endMs; at += minuteMs) {
    const shown = clock.format(at);
    if (newest === '') newest = [before, shown].toSorted().at(-1) ?? '';
    const newHour = shown.slice(0, 13) !== before.slice(0, 13) || shown.endsWith(':00');
    const newDay = shown.slice(0, 10) > newest.slice(0, 10);
    const begins = {
      hourly: newHour, daily: newDay, weekly: newDay && weekday.format(at).toLowerCase() === weekStart,
      monthly: newDay && shown.slice(0, 7) !== newest.slice(0, 7),
    }[granularity];
    if (begins && at > startMs) starts.push(at);
    newest = [newest, shown].toSorted().at(-1) ?? '';
    before = shown;
  }
  return starts;
}

test('buckets are what somebody would say who watches the clock of the zone minute by minute', () => {
  // Around changes of the clock, which random days would seldom meet: St. John's put them back a minute after midnight.
  const changes = [
    '2026-03-29', '2026-10-25', '2026-04-24', '2026-10-30', '2026-04-05', '2026-10-04', '2026-11-01', '2011-12-30', '2010-11-07',
    '2026-01-01',
  ];
  const minute = fc.integer({ min: -3 * 1_440, max: 3 * 1_440 });
  fc.assert(fc.property(
    fc.constantFrom(...zones), fc.constantFrom(...changes), minute, fc.integer({ min: 1, max: 9 * 1_440 }),
    fc.constantFrom(...granularities), fc.constantFrom(...weekStarts),
    (timezone, date, from, length, granularity, weekStart) => {
      const startMs = Date.parse(date) + from * minuteMs;
      const chosen = { startMs, endMs: startMs + length * minuteMs, timezone };
      const buckets = bucketsIn(chosen, asked(granularity, { weekStart }));
      expect(edgesOf(buckets)).toEqual(walked(chosen, granularity, weekStart));
      expect(buckets.at(-1)?.endMs).toBe(chosen.endMs);
      buckets.slice(1).forEach((bucket, index) => { expect(bucket.startMs).toBe(buckets[index]?.endMs); });
      expect(buckets.slice(1, -1).some(({ partial }) => partial)).toBe(false);
    },
  ), { numRuns: 150 });
});
