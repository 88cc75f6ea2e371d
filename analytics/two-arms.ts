/** Two independent proportions: their difference with its interval, and whether that says anything. */
import { wilson, type Arm, type Interval } from './statistics.ts';

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
