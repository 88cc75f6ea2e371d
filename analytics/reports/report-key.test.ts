import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPeriod, type PeriodParameters } from '../periods/period.ts';
import { keyedPeriod, reportKey } from './report-key.ts';

const now = Date.UTC(2026, 10, 29, 12, 0, 0, 500);

function keyOf(given: PeriodParameters, parameters: Readonly<Record<string, unknown>> = {}, at = now,
  report = 'GET /analytics/funnel'): string {
  const period = readPeriod(given, at);
  if ('problem' in period) throw new Error(period.problem.message);
  return reportKey({ report, period: keyedPeriod(given, period, 7), parameters });
}

const sorted = (object: object): string => JSON.stringify(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));

describe('Caching behavior', () => {
  test('The last seven days are one key for all who ask within minutes of each other', () => {
    expect(keyOf({}, {}, now + 100_000)).toBe(keyOf({}));
    expect(keyOf({ start_date: '2026-11-22T12:00:00.500Z', end_date: '2026-11-29T12:00:00.500Z' })).not.toBe(keyOf({}));
  });

  test('A time is itself however it is written, and one that ends a millisecond later is another', () => {
    const end = '2026-11-20T00:00:00Z';
    expect(keyOf({ end_date: '2026-11-20', timezone: 'UTC' })).toBe(keyOf({ end_date: end }));
    expect(keyOf({ end_date: '2026-11-20T01:00:00+01:00' })).toBe(keyOf({ end_date: end }));
    expect(keyOf({ end_date: '2026-11-20T00:00:00.001Z' })).not.toBe(keyOf({ end_date: end }));
    expect(keyOf({ end_date: end, timezone: 'europe/berlin' })).toBe(keyOf({ end_date: end, timezone: 'Europe/Berlin' }));
    expect(keyOf({ end_date: end, timezone: 'Europe/Berlin' })).not.toBe(keyOf({ end_date: end }));
  });

  test('The order of parameters and absent ones make no difference; any value, and the report, does', () => {
    fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), fc.string(), fc.jsonValue(),
      (parameters, name, value) => {
      const shuffled = Object.fromEntries(Object.entries(parameters).reverse());
      expect(keyOf({}, { absent: undefined, ...shuffled })).toBe(keyOf({}, parameters));
      const changed = { ...parameters, [name]: value };
      const isSame = sorted(changed) === sorted(parameters);
      expect(keyOf({}, changed) === keyOf({}, parameters)).toBe(isSame);
    }));
    expect(keyOf({}, {}, now, 'GET /analytics/comparison')).not.toBe(keyOf({}));
    expect(keyOf({}, { steps: ['a', 'b'] })).not.toBe(keyOf({}, { steps: ['b', 'a'] }));
  });
});
