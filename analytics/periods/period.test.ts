import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPeriod } from './period.ts';
import type { Period, PeriodParameters } from './period.ts';

const now = Date.UTC(2026, 10, 25, 12, 34, 56, 789);
const hourMs = 3_600_000;

function period(parameters: PeriodParameters, at = now): Period {
  const read = readPeriod(parameters, at, 7);
  if ('problem' in read) throw new Error(read.problem.message);
  return read;
}

const iso = ({ startMs, endMs }: Period): readonly string[] => [startMs, endMs].map((ms) => new Date(ms).toISOString());
const pointerOf = (parameters: PeriodParameters): string | undefined => {
  const read = readPeriod(parameters, now, 7);
  return 'problem' in read ? read.problem.pointer : undefined;
};

describe('defaults', () => {
  test('nothing given is the last 7 days up to this millisecond, in UTC', () => {
    expect(period({})).toEqual({ startMs: now - 7 * 24 * hourMs, endMs: now, timezone: 'UTC' });
  });

  test('a start alone runs up to now, an end alone 7 days back from it', () => {
    expect(iso(period({ start_date: '2026-11-01' }))).toEqual(['2026-11-01T00:00:00.000Z', '2026-11-25T12:34:56.789Z']);
    expect(iso(period({ end_date: '2026-11-08' }))).toEqual(['2026-11-01T00:00:00.000Z', '2026-11-08T00:00:00.000Z']);
  });
});

describe('the local day', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29', '2026-03-30', '2026-03-28T23:00:00.000Z', 23],
    ['Europe/Berlin', '2026-10-25', '2026-10-26', '2026-10-24T22:00:00.000Z', 25],
    ['America/Los_Angeles', '2026-03-08', '2026-03-09', '2026-03-08T08:00:00.000Z', 23],
    ['America/Los_Angeles', '2026-11-01', '2026-11-02', '2026-11-01T07:00:00.000Z', 25],
    ['Asia/Kolkata', '2026-03-29', '2026-03-30', '2026-03-28T18:30:00.000Z', 24],
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-06', '2026-04-04T13:00:00.000Z', 24.5],
    ['Africa/Cairo', '2026-04-24', '2026-04-25', '2026-04-23T22:00:00.000Z', 23],
    ['America/Havana', '2026-11-01', '2026-11-02', '2026-11-01T04:00:00.000Z', 25],
    ['Pacific/Apia', '2011-12-29', '2011-12-31', '2011-12-29T10:00:00.000Z', 24],
  ])('in %s from %s to %s begins at its first instant and has its own length', (timezone, start, end, first, hours) => {
    const read = period({ start_date: start, end_date: end, timezone });
    expect(new Date(read.startMs).toISOString()).toBe(first);
    expect((read.endMs - read.startMs) / hourMs).toBe(hours);
  });

  test('days follow each other without gap or overlap, whatever the zone and year', () => {
    const zones = [
      'Europe/Berlin', 'America/Los_Angeles', 'Asia/Kolkata', 'Africa/Cairo', 'Australia/Lord_Howe', 'America/Havana',
    ];
    fc.assert(fc.property(fc.constantFrom(...zones), fc.integer({ min: 1, max: 47_000 }), (timezone, day) => {
      const date = (offset: number): string => new Date((day + offset) * 24 * hourMs).toISOString().slice(0, 10);
      const one = period({ start_date: date(0), end_date: date(1), timezone });
      const next = period({ start_date: date(1), end_date: date(2), timezone });
      expect(one.endMs).toBe(next.startMs);
      const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short' });
      expect(shown.format(one.startMs)).toBe(date(0));
      expect(shown.format(one.startMs - 1)).toBe(date(-1));
    }), { numRuns: 300 });
  });
});

describe('date-times', () => {
  test('with Z or an offset they are what they say, whatever the zone', () => {
    const written = { start_date: '2026-03-29T01:30:00.123Z', end_date: '2026-03-29T05:00+02:00' };
    const read = period({ ...written, timezone: 'Asia/Kolkata' });
    expect(iso(read)).toEqual(['2026-03-29T01:30:00.123Z', '2026-03-29T03:00:00.000Z']);
  });

  test('without offset they are local time', () => {
    const written = { start_date: '2026-07-01T10:00:00', end_date: '2026-07-01T10:00:00.001' };
    const read = period({ ...written, timezone: 'Europe/Berlin' });
    expect(iso(read)).toEqual(['2026-07-01T08:00:00.000Z', '2026-07-01T08:00:00.001Z']);
  });

  test('a local time that clocks skip is as much later, one they show twice is the first', () => {
    const spring = period({ start_date: '2026-03-29T02:30', end_date: '2026-03-29T04:00', timezone: 'Europe/Berlin' });
    expect(iso(spring)).toEqual(['2026-03-29T01:30:00.000Z', '2026-03-29T02:00:00.000Z']);
    const autumn = period({ start_date: '2026-10-25T02:30', end_date: '2026-10-25T04:00', timezone: 'Europe/Berlin' });
    expect(iso(autumn)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T03:00:00.000Z']);
  });
});

describe('what is no period', () => {
  test.each([
    [{ start_date: '2026-11-02', end_date: '2026-11-02' }, '/start_date'],
    [{ start_date: '2026-11-03', end_date: '2026-11-02' }, '/start_date'],
    [{ start_date: '2027-01-01' }, '/start_date'],
    [{ start_date: '2000-01-01' }, '/start_date'],
    [{ start_date: '2025-01-01', end_date: '2026-02-06' }, '/start_date'],
    [{ start_date: '1969-12-31', end_date: '1970-01-02' }, '/start_date'],
    [{ start_date: '1970-01-01', end_date: '1970-01-02', timezone: 'Asia/Kolkata' }, '/start_date'],
    [{ end_date: '1970-01-02' }, '/start_date'],
    [{ end_date: '2100-01-01' }, '/end_date'],
    [{ start_date: '2026-02-30', end_date: '2026-03-02' }, '/start_date'],
    [{ start_date: '0099-01-01' }, '/start_date'],
    [{ end_date: '2026-11-01T24:00' }, '/end_date'],
    [{ end_date: '2026-11-01T10' }, '/end_date'],
    [{ end_date: '2026-11-01T10:00:00+99:00' }, '/end_date'],
    [{ end_date: '01.11.2026' }, '/end_date'],
    [{ end_date: '1764000000000' }, '/end_date'],
    [{ end_date: '' }, '/end_date'],
    [{ end_date: "2026-11-01'; DROP TABLE sessions; --" }, '/end_date'],
    [{ timezone: 'Mars/Base' }, '/timezone'],
    [{ timezone: '+02:00' }, '/timezone'],
    [{ timezone: '' }, '/timezone'],
    [{ timezone: "UTC' SETTINGS x" }, '/timezone'],
    [{ timezone: `A${'a'.repeat(100_000)}` }, '/timezone'],
  ])('%j is refused and points to the parameter', (parameters, pointer) => {
    expect(pointerOf(parameters)).toBe(pointer);
  });

  test('400 local days are a period though clocks changed in between; a millisecond more is none', () => {
    const days = { start_date: '2025-10-01', end_date: '2026-11-05', timezone: 'Europe/Berlin' };
    expect((period(days).endMs - period(days).startMs) / hourMs).toBe(400 * 24 + 1);
    expect(pointerOf({ ...days, end_date: '2026-11-05T00:00:00.001' })).toBe('/start_date');
  });
});

describe('the name of the zone', () => {
  test.each([
    ['europe/berlin', 'Europe/Berlin'], ['utc', 'UTC'], ['Etc/UTC', 'UTC'], ['Asia/Kolkata', 'Asia/Kolkata'],
    ['asia/kolkata', 'Asia/Calcutta'], ['Asia/Calcutta', 'Asia/Calcutta'], ['US/Pacific', 'US/Pacific'],
  ])('%s is known as %s, which ClickHouse knows too', (given, name) => {
    expect(period({ timezone: given }).timezone).toBe(name);
  });
});
