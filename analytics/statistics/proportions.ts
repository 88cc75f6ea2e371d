/**
 * Statistics of counts, with check values from the literature (test/corpus/statistics-vectors.json); each function names its source.
 * Two arms and their difference are in two-arms.ts, times in survival.ts.
 */
import { normalCdf, twoSidedP } from './normal.ts';

/** 0.975 quantile of the standard normal distribution: two-sided 95 %. */
export const z95 = 1.959963984540054;

export type Interval = readonly [lower: number, upper: number];

/** Of `n`, how many did. */
export interface Arm { readonly successes: number; readonly n: number }

/**
 * 95 % Wilson score interval of a proportion, within 0..1 (Newcombe, Statistics in Medicine 17:857, method 3).
 * It stays sensible at 0 and n successes, where the usual p ± z·se has no width.
 * n = 0 answers [0, 1]: nothing was seen, so nothing is excluded, and JSON never holds NaN.
 */
export function wilson(successes: number, n: number): Interval {
  if (!Number.isFinite(n) || !(successes >= 0 && successes <= n)) {
    throw new RangeError(`wilson: ${successes} of ${n} is not a proportion`);
  }
  if (n === 0) return [0, 1];
  const p = successes / n;
  const square = z95 * z95;
  const spread = z95 * Math.sqrt((p * (1 - p)) / n + square / (4 * n * n));
  const centre = p + square / (2 * n);
  const scale = 1 + square / n;
  // At 0 and n successes the bound is exact; floating point would leave 1e-17 of it.
  const lower = successes === 0 ? 0 : (centre - spread) / scale;
  const upper = successes === n ? 1 : (centre + spread) / scale;
  return [lower, upper];
}

export interface ZTest { readonly z: number; readonly p: number }

/** Two proportions with pooled variance, two-sided. No variance at all (nobody or everybody on both sides): z 0, p 1. */
export function pooledZ(one: Arm, other: Arm): ZTest {
  if (one.n === 0 || other.n === 0) return { z: 0, p: 1 };
  const pooled = (one.successes + other.successes) / (one.n + other.n);
  const variance = pooled * (1 - pooled) * (1 / one.n + 1 / other.n);
  if (variance === 0) return { z: 0, p: 1 };
  const z = (one.successes / one.n - other.successes / other.n) / Math.sqrt(variance);
  return { z, p: twoSidedP(z) };
}

/** The smallest of the four numbers expected if both sides were alike. Below 5 the normal approximation is no good. */
export function smallestExpected(one: Arm, other: Arm): number {
  const total = one.n + other.n;
  if (total === 0) return 0;
  const successes = one.successes + other.successes;
  return (Math.min(one.n, other.n) * Math.min(successes, total - successes)) / total;
}

/** Fisher's exact test, two-sided: the tables with the same margins that are no likelier than the one seen. p in 0..1. */
export function fisherExact(a: number, b: number, c: number, d: number): number {
  const [row, column, total] = [a + b, a + c, a + b + c + d];
  const low = Math.max(0, row + column - total);
  const high = Math.min(row, column);
  // Relative to the table seen: neighbours differ by a ratio, so no factorial is needed and nothing overflows.
  const up = (x: number): number => ((row - x) * (column - x)) / ((x + 1) * (total - row - column + x + 1));
  let seen = 1;
  let all = 1;
  const add = (weight: number): void => {
    all += weight;
    // As likely as the one seen but for rounding; 1e-7 as in R.
    if (weight <= 1 + 1e-7) seen += weight;
  };
  for (let x = a, weight = 1; x < high; x += 1) add(weight *= up(x));
  for (let x = a, weight = 1; x > low; x -= 1) add(weight /= up(x - 1));
  return Math.min(1, seen / all);
}

/** False discovery rate by Benjamini and Hochberg (JRSS B 57:289): adjusted p values, in the order given. */
export function benjaminiHochberg(pValues: readonly number[]): readonly number[] {
  const order = pValues.map((p, index) => ({ p, index })).toSorted((a, b) => b.p - a.p);
  const adjusted = new Array<number>(pValues.length);
  let smallest = 1;
  order.forEach(({ p, index }, place) => {
    smallest = Math.min(smallest, (p * pValues.length) / (pValues.length - place));
    adjusted[index] = smallest;
  });
  return adjusted;
}

export interface OddsRatio { readonly oddsRatio: number; readonly interval: Interval }

/**
 * ad / bc with its 95 % interval (Woolf). Where one of the four is 0, a half is added to all four (Haldane, Anscombe).
 * a, b: with it, converted and not; c, d: without it, converted and not.
 */
export function oddsRatio(a: number, b: number, c: number, d: number): OddsRatio {
  const half = [a, b, c, d].includes(0) ? 0.5 : 0;
  const [p, q, r, s] = [a + half, b + half, c + half, d + half];
  const ratio = (p * s) / (q * r);
  const spread = z95 * Math.sqrt(1 / p + 1 / q + 1 / r + 1 / s);
  return { oddsRatio: ratio, interval: [ratio * Math.exp(-spread), ratio * Math.exp(spread)] };
}

/** Chance that `n1` and `n2` sessions show the difference of p1 and p2 at 5 %, two-sided; as R's power.prop.test for equal arms. */
export function power(n1: number, n2: number, p1: number, p2: number): number {
  const pooled = (n1 * p1 + n2 * p2) / (n1 + n2);
  const alike = Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
  const apart = Math.sqrt((p1 * (1 - p1)) / n1 + (p2 * (1 - p2)) / n2);
  const reach = Math.abs(p1 - p2) - z95 * alike;
  if (apart === 0) return reach > 0 ? 1 : 0;
  return normalCdf(reach / apart);
}

/**
 * The least rise above `rate` that such numbers show with the given chance. null: not even a rise to 1 would be shown.
 * Points, 0..1.
 */
export function smallestDetectableRise(rate: number, n1: number, n2: number, wanted = 0.8): number | null {
  if (n1 <= 0 || n2 <= 0 || power(n1, n2, rate, 1) < wanted || rate >= 1) return null;
  let [low, high] = [rate, 1];
  // Halving 1 60 times is below what a double resolves.
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (power(n1, n2, rate, middle) < wanted) low = middle;
    else high = middle;
  }
  return high - rate;
}

/**
 * Cochran and Armitage's test for a trend of proportions over ordered groups, two-sided (Agresti, Categorical Data Analysis 3.2).
 * `scores` default to 0, 1, 2, ... A positive z rises. No variance: z 0, p 1.
 */
export function cochranArmitage(groups: readonly Arm[], scores: readonly number[] = groups.map((_, index) => index)): ZTest {
  const total = sum(groups, ({ n }) => n);
  const successes = sum(groups, (group) => group.successes);
  if (total === 0) return { z: 0, p: 1 };
  const share = successes / total;
  const score = (index: number): number => scores[index] ?? 0;
  const mean = sum(groups, ({ n }, index) => n * score(index)) / total;
  const spread = sum(groups, ({ n }, index) => n * (score(index) - mean) ** 2);
  const variance = share * (1 - share) * spread;
  if (variance <= 0) return { z: 0, p: 1 };
  const z = sum(groups, (group, index) => group.successes * (score(index) - mean)) / Math.sqrt(variance);
  return { z, p: twoSidedP(z) };
}

/**
 * Whether counts of equally long spans rise or fall along a line (Cox and Lewis, The Statistical Analysis of Series of Events, 3.3), with
 * the spread about the line in place of Poisson's where it is larger: people do not come independently. Fewer than 3: p 1.
 */
export function countTrend(counts: readonly number[]): ZTest {
  const n = counts.length;
  const total = sum(counts, (count) => count);
  if (n < 3 || total === 0) return { z: 0, p: 1 };
  const place = (index: number): number => index - (n - 1) / 2;
  const spread = sum(counts, (_, index) => place(index) ** 2);
  const rise = sum(counts, (count, index) => place(index) * count);
  const expected = (index: number): number => Math.max(1, total / n + (place(index) * rise) / spread);
  const dispersion = sum(counts, (count, index) => (count - expected(index)) ** 2 / expected(index)) / (n - 2);
  const z = rise / Math.sqrt((total / n) * spread * Math.max(1, dispersion));
  return { z, p: twoSidedP(z) };
}

/** Of what `value` says of each. */
export function sum<T>(items: readonly T[], value: (item: T, index: number) => number): number {
  return items.reduce((total, item, index) => total + value(item, index), 0);
}
