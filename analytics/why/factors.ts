/**
 * What goes with finishing: for each thing that a session can have, how many finish with it and how many without.
 *
 * A thing is compared among the sessions that could have had it: an answer among those that answered its question, a
 * question put again or refused among those that were shown it, a parked task among those that got past the last
 * question. Else whoever stays longer would meet more of everything, and everything would go with finishing.
 */
import { oddsRatio, type Arm, type Interval } from '../statistics/proportions.ts';
import type { FactorKind, FactorName } from '../why-selection.ts';
import { testedTogether, type TestedPair } from './tested.ts';

/** Sessions with and without it; successes are those that finished. */
export interface FactorCounts extends FactorName {
  readonly with: Arm;
  readonly without: Arm;
}

export interface Factor extends FactorCounts, TestedPair {
  /** Odds of finishing with it, by those without; 0.5 is added to each of the four counts when one is 0. */
  readonly odds_ratio: number;
  /** 95 %, of the odds ratio. */
  readonly odds_interval: Interval;
}

/** All that were tested, the least likely to be chance first. */
export function factorsOf(counted: readonly FactorCounts[]): readonly Factor[] {
  const tested = testedTogether(counted.map((counts) => ({ ...counts, one: counts.with, other: counts.without })));
  const factors = tested.map(({ one, other, ...counts }): Factor => {
    const { oddsRatio: odds_ratio, interval } = oddsRatio(
      one.successes, one.n - one.successes, other.successes, other.n - other.successes,
    );
    return { ...counts, odds_ratio, odds_interval: interval };
  });
  return factors.toSorted(byEvidence);
}

/**
 * One value of a thing against all that have another. `all`: those that have any, where one session may have several values; else the
 * sum. Where two values leave nothing but each other, the one that comes last in the alphabet stands for both, so that no test counts
 * twice.
 */
export function againstOthers(
  kind: FactorKind, question_id: string | null, values: ReadonlyMap<string, Arm>, all: Arm = sumOf(values.values()),
): readonly FactorCounts[] {
  const arms = [...values].toSorted(([a], [b]) => order(a, b));
  const mirrored = arms.length === 2 && sumOf(values.values()).n === all.n;
  return (mirrored ? arms.slice(1) : arms).map(([value, { n, successes }]) => (
    { kind, question_id, value, with: { n, successes }, without: less(all, { n, successes }) }
  ));
}

export function less(all: Arm, part: Arm): Arm {
  return { n: all.n - part.n, successes: all.successes - part.successes };
}

function sumOf(arms: Iterable<Arm>): Arm {
  return [...arms].reduce<Arm>((sum, arm) => ({ n: sum.n + arm.n, successes: sum.successes + arm.successes }), { n: 0, successes: 0 });
}

function byEvidence(a: Factor, b: Factor): number {
  return a.p_adjusted - b.p_adjusted || a.p_value - b.p_value || order(nameOf(a), nameOf(b));
}

function nameOf({ kind, question_id, value }: FactorName): string {
  return [kind, question_id ?? '', value ?? ''].join('\n');
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
