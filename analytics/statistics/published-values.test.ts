/** Every statistic against values that others published or computed; each entry of the file names its source. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { normalQuantile, twoSidedP } from './normal.ts';
import {
  benjaminiHochberg, cochranArmitage, fisherExact, oddsRatio, pooledZ, power, smallestDetectableRise, wilson,
} from './proportions.ts';
import { aalenJohansen, logLog, shareAt, type Ends, type Step } from './survival.ts';
import { difference } from './two-arms.ts';

const numbers = z.array(z.number());
const byTime = z.record(z.string(), z.number());
const pair = z.tuple([z.number(), z.number()]);
const arms = z.object({ x1: z.number(), n1: z.number(), x2: z.number(), n2: z.number() });
const table = z.object({ a: z.number(), b: z.number(), c: z.number(), d: z.number() });
const Vector = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('wilson_95'), input: z.object({ successes: z.number(), n: z.number() }), expected: pair }),
  z.object({
    kind: z.literal('two_proportion_z_pooled'), input: arms, expected: z.object({ z: z.number(), p_value: z.number() }),
  }),
  z.object({ kind: z.literal('newcombe_difference_95'), input: arms, expected: pair }),
  z.object({ kind: z.literal('benjamini_hochberg'), input: z.object({ p: numbers }), expected: numbers }),
  z.object({
    kind: z.literal('kaplan_meier'), input: z.object({ times: numbers, observed: numbers }),
    expected: z.object({
      median: z.number(), median_interval: pair.optional(), survival: byTime, se_greenwood: byTime.optional(),
      band_loglog_95: z.record(z.string(), pair).optional(),
    }),
  }),
  z.object({
    kind: z.literal('aalen_johansen'), input: z.object({ times: numbers, kind_0_open_1_completed_2_left: numbers }),
    expected: z.object({ completed_by: byTime, median: z.number() }),
  }),
  z.object({ kind: z.literal('odds_ratio_95'), input: table, expected: z.object({ odds_ratio: z.number(), interval: pair }) }),
  z.object({
    kind: z.literal('power_two_proportions'), input: z.object({ n_per_group: z.number(), p1: z.number(), p2: z.number() }),
    expected: z.object({ power: z.number() }),
  }),
  z.object({
    kind: z.literal('mde_two_proportions'),
    input: z.object({
      n_per_group: z.number().optional(), n1: z.number().optional(), n2: z.number().optional(), p1: z.number(), power: z.number(),
    }),
    expected: z.object({ difference: z.number().optional(), p2: z.number().optional() }),
  }),
  z.object({ kind: z.literal('normal_quantile'), input: z.object({ p: z.number() }), expected: z.number() }),
  z.object({ kind: z.literal('normal_two_sided_p'), input: z.object({ z: z.number() }), expected: z.number() }),
  z.object({ kind: z.literal('fisher_exact_two_sided'), input: table, expected: z.object({ p_value: z.number() }) }),
]);
type Vector = z.infer<typeof Vector>;

const file = z.object({ vectors: z.array(z.intersection(Vector, z.object({ source: z.string(), tolerance: z.number() }))) });
const { vectors } = file.parse(JSON.parse(readFileSync(new URL('../../test/corpus/statistics-vectors.json', import.meta.url), 'utf8')));

/** What is said is digits of the value itself: a p value of 1e-9 that is 0 is wrong. */
function near(found: number | null | undefined, wanted: number, tolerance: number): void {
  if (found === null || found === undefined) throw new Error(`nothing in place of ${wanted}`);
  const scale = Math.abs(wanted) < 1e-3 && wanted !== 0 ? Math.abs(wanted) : 1;
  expect(Math.abs(found - wanted) / scale).toBeLessThanOrEqual(tolerance);
}

function nearAll(found: readonly (number | null)[], wanted: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((value, index) => { near(found[index], value, tolerance); });
}

const armsOf = ({ x1, n1, x2, n2 }: z.infer<typeof arms>) => [{ successes: x1, n: n1 }, { successes: x2, n: n2 }] as const;

function check(vector: Vector, tolerance: number): void {
  switch (vector.kind) {
    case 'wilson_95': return nearAll(wilson(vector.input.successes, vector.input.n), vector.expected, tolerance);
    case 'two_proportion_z_pooled': {
      const found = pooledZ(...armsOf(vector.input));
      return nearAll([found.z, found.p], [vector.expected.z, vector.expected.p_value], tolerance);
    }
    case 'newcombe_difference_95': return nearAll(difference(...armsOf(vector.input)).interval, vector.expected, tolerance);
    case 'benjamini_hochberg': return nearAll(benjaminiHochberg(vector.input.p), vector.expected, tolerance);
    case 'kaplan_meier': return checkKaplanMeier(vector, tolerance);
    case 'aalen_johansen': return checkAalenJohansen(vector, tolerance);
    case 'odds_ratio_95': {
      const { a, b, c, d } = vector.input;
      const found = oddsRatio(a, b, c, d);
      return nearAll([found.oddsRatio, ...found.interval], [vector.expected.odds_ratio, ...vector.expected.interval], tolerance * 10);
    }
    case 'power_two_proportions': {
      const { n_per_group: n, p1, p2 } = vector.input;
      return near(power(n, n, p1, p2), vector.expected.power, tolerance);
    }
    case 'mde_two_proportions': {
      const { n_per_group: n, n1 = n, n2 = n, p1, power: wanted } = vector.input;
      const rise = smallestDetectableRise(p1, n1 ?? 0, n2 ?? 0, wanted);
      return near(rise, vector.expected.difference ?? (vector.expected.p2 ?? 0) - p1, tolerance);
    }
    case 'normal_quantile': return near(normalQuantile(vector.input.p), vector.expected, tolerance);
    case 'normal_two_sided_p': return near(twoSidedP(vector.input.z), vector.expected, tolerance);
    case 'fisher_exact_two_sided': {
      const { a, b, c, d } = vector.input;
      return near(fisherExact(a, b, c, d), vector.expected.p_value, tolerance);
    }
  }
}

/** Where nobody leaves, who has not completed survives: with the same error, and a band of the same making. */
function checkKaplanMeier({ input, expected }: Extract<Vector, { kind: 'kaplan_meier' }>, tolerance: number): void {
  const curve = aalenJohansen(input.times.map((time, index): Ends =>
    ({ time, completed: input.observed[index] ?? 0, left: 0, open: 1 - (input.observed[index] ?? 0) })));
  const survivors = curve.steps.map((step) => ({ ...step, share: 1 - step.share, band: logLog(1 - step.share, step.standardError) }));
  const at = (time: string): Step | undefined => survivors.find((step) => step.time === Number(time));
  expect(curve.median).toBe(expected.median);
  if (expected.median_interval !== undefined) {
    const halved = [0, 1].map((bound) => survivors.find(({ band }) => (band[bound] ?? 1) <= 0.5)?.time);
    expect(halved).toEqual(expected.median_interval);
  }
  for (const [time, share] of Object.entries(expected.survival)) near(at(time)?.share, share, tolerance);
  for (const [time, error] of Object.entries(expected.se_greenwood ?? {})) near(at(time)?.standardError, error, tolerance);
  for (const [time, band] of Object.entries(expected.band_loglog_95 ?? {})) nearAll(at(time)?.band ?? [], band, tolerance);
}

function checkAalenJohansen({ input, expected }: Extract<Vector, { kind: 'aalen_johansen' }>, tolerance: number): void {
  const kinds = input.kind_0_open_1_completed_2_left;
  const one = (index: number, kind: number): number => (kinds[index] === kind ? 1 : 0);
  const curve = aalenJohansen(input.times.map((time, index) =>
    ({ time, completed: one(index, 1), left: one(index, 2), open: one(index, 0) })));
  expect(curve.median).toBe(expected.median);
  for (const [time, share] of Object.entries(expected.completed_by)) near(shareAt(curve, Number(time), 0), share, tolerance);
}

describe('published values are met to six digits, tails to six digits of themselves', () => {
  test('and all vectors of the file are here', () => { expect(vectors).toHaveLength(27); });

  test.each(vectors.map((vector) => [`${vector.kind} ${JSON.stringify(vector.input).slice(0, 90)}`, vector] as const))(
    '%s', (_, vector) => { check(vector, vector.tolerance); },
  );

  test.each<[string, readonly number[], readonly number[], number]>([
    ['Newcombe, Statistics in Medicine 17:873, table II: 9/10 less 3/10',
      difference({ successes: 9, n: 10 }, { successes: 3, n: 10 }).interval, [0.1705, 0.8090], 4],
    ['the same, 5/56 less 0/29', difference({ successes: 5, n: 56 }, { successes: 0, n: 29 }).interval, [-0.0381, 0.1926], 4],
    ['statsmodels, tests/test_proportion.py: 73/86 against 90/93',
      [pooledZ({ successes: 73, n: 86 }, { successes: 90, n: 93 }).p], [0.00533824886503131], 12],
    ['Doll and Hill, BMJ 1950: odds of smoking', [oddsRatio(647, 622, 2, 27).oddsRatio], [14.04], 2],
    ['an empty cell, a half added to all four', [oddsRatio(12, 0, 5, 7).oddsRatio, ...oddsRatio(12, 0, 5, 7).interval],
      [34.0909, 1.6417, 707.916], 3],
  ])('%s', (_, found, wanted, digits) => {
    wanted.forEach((value, index) => { expect(found[index]).toBeCloseTo(value, digits); });
  });
});

test('6-MP of Freireich (Cox and Oakes, table 1.1), where nobody leaves: survival, its error, median 23', () => {
  const observed = [6, 6, 6, 7, 10, 13, 16, 22, 23];
  const open = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
  const curve = aalenJohansen([
    ...observed.map((time) => ({ time, completed: 1, left: 0, open: 0 })),
    ...open.map((time) => ({ time, completed: 0, left: 0, open: 1 })),
  ]);
  const found = curve.steps.map(({ time, share, standardError }) => [time, (1 - share).toFixed(4), standardError.toFixed(4)]);
  expect(found).toEqual([
    [6, '0.8571', '0.0764'], [7, '0.8067', '0.0869'], [10, '0.7529', '0.0963'], [13, '0.6902', '0.1068'], [16, '0.6275', '0.1141'],
    [22, '0.5378', '0.1282'], [23, '0.4482', '0.1346'],
  ]);
  expect(curve.median).toBe(23);
});

test('unequal arms have an effect of their own, and what no rise could show is null', () => {
  expect(smallestDetectableRise(0.42, 900, 300)).toBeCloseTo(0.0929, 4);
  expect(smallestDetectableRise(0.97, 30, 30)).toBeNull();
  expect(smallestDetectableRise(1, 500, 500)).toBeNull();
  expect(smallestDetectableRise(0.5, 0, 30)).toBeNull();
});

test('a trend of proportions is found as published (Agresti, table 3.8: malformation and drinking)', () => {
  const groups = [[48, 17114], [38, 14502], [5, 793], [1, 127], [1, 38]].map(([successes = 0, n = 0]) => ({ successes, n }));
  const { z: found, p } = cochranArmitage(groups, [0, 0.5, 1.5, 4, 7]);
  // There: X^2 = 6.570, p = 0.010
  expect(found * found).toBeCloseTo(6.57, 2);
  expect(p).toBeCloseTo(0.0104, 4);
});

