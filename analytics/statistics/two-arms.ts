/** Two independent proportions: their difference with its interval, and whether that says anything. */
import { fisherExact, pooledZ, smallestExpected, wilson, type Arm, type Interval } from './proportions.ts';

export const verdicts = ['better', 'worse', 'no_clear_difference', 'too_few'] as const;

export interface Comparison {
  /** One less the other; null: one of them is empty. */
  readonly difference: number | null;
  /** 95 %. */
  readonly interval: Interval | null;
  readonly verdict: (typeof verdicts)[number];
}

/** Fewer in an arm say nothing. */
export const leastPerArm = 30;

/** Newcombe's hybrid score interval of a difference (Statistics in Medicine 17:873, method 10). */
export function difference(one: Arm, other: Arm): { readonly difference: number; readonly interval: Interval } {
  const [p, q] = [one.successes / one.n, other.successes / other.n];
  const [[low, high], [otherLow, otherHigh]] = [wilson(one.successes, one.n), wilson(other.successes, other.n)];
  return {
    difference: p - q, interval: [p - q - Math.hypot(p - low, otherHigh - q), p - q + Math.hypot(high - p, q - otherLow)],
  };
}

export function compareArms(one: Arm, other: Arm): Comparison {
  if (one.n === 0 || other.n === 0) return { difference: null, interval: null, verdict: 'too_few' };
  const found = difference(one, other);
  const [low, high] = found.interval;
  const verdict = Math.min(one.n, other.n) < leastPerArm ? 'too_few' : low > 0 ? 'better' : high < 0 ? 'worse' : 'no_clear_difference';
  return { ...found, verdict };
}

/** Below this p value a difference is called significant. */
export const significantBelow = 0.05;
/** Numbers expected in a cell below which the normal approximation is no good. */
const leastExpected = 5;

export interface Tested {
  /** One less the other; null: one of them is empty. */
  readonly difference: number | null;
  /** 95 %, Newcombe; [-1, 1] when one of them is empty: nothing is excluded. */
  readonly interval: Interval;
  /** Two-sided; 1 when there is nothing to tell them apart by. */
  readonly p: number;
  /** Pooled z, or Fisher's exact test where less than 5 are expected in a cell. */
  readonly test: 'z' | 'fisher';
}

export function testArms(one: Arm, other: Arm): Tested {
  if (one.n === 0 || other.n === 0) return { difference: null, interval: [-1, 1], p: 1, test: 'z' };
  const exact = smallestExpected(one, other) < leastExpected;
  const p = exact
    ? fisherExact(one.successes, one.n - one.successes, other.successes, other.n - other.successes)
    : pooledZ(one, other).p;
  return { ...difference(one, other), p, test: exact ? 'fisher' : 'z' };
}

/** The p value and the interval both say so; near the edge one of them alone may. */
export function isSignificant({ p, interval: [low, high] }: Tested): boolean {
  return p < significantBelow && (low > 0 || high < 0);
}
