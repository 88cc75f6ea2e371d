/** Statistics with check values from the literature; each function names its source. */

/** 0.975 quantile of the standard normal distribution: two-sided 95 %. */
export const z95 = 1.959963984540054;

export type Interval = readonly [lower: number, upper: number];

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
