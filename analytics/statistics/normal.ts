/**
 * The standard normal distribution, to some 13 digits, in the tails as well: a p value is taken from the lower tail, since 1 less a
 * number close to 1 has no digits left.
 */

const density = (x: number): number => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);

/** From here on the series would cancel; the continued fraction converges fast. */
const tailFrom = 3;
/** Enough for every x from `tailFrom` on: at 3 it needs 60. */
const fractionTerms = 120;

/** P(Z <= x). */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x <= -tailFrom) return upperTail(-x);
  if (x >= tailFrom) return 1 - upperTail(x);
  // Marsaglia, Journal of Statistical Software 11(4): 1/2 + density * (x + x^3/3 + x^5/(3*5) + ...)
  let term = x;
  let total = x;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(total); k += 2) {
    term *= (x * x) / k;
    total += term;
  }
  return 0.5 + total * density(x);
}

/** P(Z > x) for x >= 3: density over 1/(x + 1/(x + 2/(x + 3/(x + ...)))), Abramowitz and Stegun 26.2.14, from its end. */
function upperTail(x: number): number {
  if (x === Infinity) return 0;
  let fraction = x;
  for (let k = fractionTerms; k >= 1; k -= 1) fraction = x + k / fraction;
  return density(x) / fraction;
}

/** P(|Z| >= |z|). */
export const twoSidedP = (z: number): number => 2 * normalCdf(-Math.abs(z));

/** The x with P(Z <= x) = p. Throws RangeError outside 0..1. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`normalQuantile: ${p} is no probability`);
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity;
  if (p === 0.5) return 0;
  if (p > 0.5) return -lowerQuantile(1 - p);
  return lowerQuantile(p);
}

/** For p below 1/2. A guess good to 4.5e-4 (Abramowitz and Stegun 26.2.23), then Halley's steps, which triple the digits. */
function lowerQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(p));
  let x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (let step = 0; step < 3; step += 1) {
    const error = (normalCdf(x) - p) / density(x);
    x -= error / (1 + (x * error) / 2);
  }
  return x;
}
