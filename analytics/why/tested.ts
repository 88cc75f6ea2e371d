/** Pairs of groups that are tested together: what differs by more than chance, adjusted for how many were looked at. */
import { benjaminiHochberg, type Arm, type Interval } from '../statistics/proportions.ts';
import { isSignificant, leastPerArm, significantBelow, testArms } from '../statistics/two-arms.ts';

export interface Pair {
  readonly one: Arm;
  readonly other: Arm;
}

/** What the test of a pair says. `difference` is the rate of `one` less that of `other`. */
export interface TestedPair {
  readonly difference: number;
  /** 95 %, Newcombe. Not adjusted. */
  readonly interval: Interval;
  /** Two-sided. */
  readonly p_value: number;
  /** Benjamini and Hochberg, over all that were tested beside it. */
  readonly p_adjusted: number;
  /** p_adjusted is under 0.05, and the interval leaves out 0. */
  readonly significant: boolean;
}

/** Only pairs with enough sessions on both sides are tested, and only those count in the adjustment. */
export function testedTogether<P extends Pair>(pairs: readonly P[]): readonly (P & TestedPair)[] {
  const enough = pairs.filter(({ one, other }) => Math.min(one.n, other.n) >= leastPerArm);
  const tests = enough.map(({ one, other }) => testArms(one, other));
  const adjusted = benjaminiHochberg(tests.map(({ p }) => p));
  return enough.flatMap((pair, index) => {
    const [test, p_adjusted = 1] = [tests[index], adjusted[index]];
    if (test === undefined || test.difference === null) return [];
    const { difference, interval, p: p_value } = test;
    return [{ ...pair, difference, interval, p_value, p_adjusted, significant: p_adjusted < significantBelow && isSignificant(test) }];
  });
}
