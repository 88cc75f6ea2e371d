/**
 * Recommendations from measured drops. Each names two groups of sessions that differ by more than chance, and what would be won
 * if the one did as well as the other. Nothing is recommended without a comparison, and nothing from under 30 sessions on a side.
 *
 * Groups are looked at as they stood a fixed time after their start, so that a young one is not taken for a bad one.
 */
import { createHash } from 'node:crypto';
import { impactSeverity, type ImpactSeverity } from '../reports/funnel.ts';
import type { Arm, Interval } from '../statistics/proportions.ts';
import type { Comparable, ComparedBy, Group, Place } from './comparable.ts';
import type { Factor, FactorCounts } from './factors.ts';
import { testedTogether, type TestedPair } from './tested.ts';
import { actionsOf, descriptionOf, titleOf } from './words.ts';

export const efforts = ['low', 'medium', 'high'] as const;
export type Effort = (typeof efforts)[number];
export const gainUnits = ['sessions_past_the_step', 'sessions_past_the_question', 'sessions_completed'] as const;
export type GainUnit = (typeof gainUnits)[number];

export interface Recommendation {
  readonly id: string;
  readonly type: ComparedBy;
  readonly priority: ImpactSeverity;
  readonly title: string;
  readonly description: string;
  readonly suggested_actions: readonly string[];
  readonly evidence: Evidence;
  readonly expected_gain: Gain;
  /** 1 less the adjusted p value. */
  readonly confidence: number;
  readonly effort: Effort;
}

export interface Evidence extends Omit<TestedPair, 'significant'> {
  readonly place: Place;
  readonly flow: string | null;
  /** That does worse. */
  readonly group: Group;
  readonly comparison: Group;
  readonly factors: readonly Factor[];
}

/** More sessions that would get past, of those that were looked at, if the group did as well as what it is compared with. */
export interface Gain {
  readonly value: number;
  /** 95 %. */
  readonly interval: Interval;
  readonly unit: GainUnit;
}

/** What it takes: other words in a flow, another flow, or something outside of flows. */
export const effortOf: Readonly<Record<ComparedBy, Effort>> = {
  language: 'low', repeat: 'low', refusal: 'low', flow: 'medium', flow_version: 'medium', previous_period: 'medium', device: 'high',
  error: 'high',
};
const unitOf: Readonly<Record<Place['at'], GainUnit>> = {
  step: 'sessions_past_the_step', own_step: 'sessions_past_the_step', question: 'sessions_past_the_question', finish: 'sessions_completed',
};
const mostRecommended = 50;

/** The gravest first, by severity and then by what would be won. `factors`: those of the same sessions, as evidence. */
export function recommend(comparables: readonly Comparable[], factors: readonly Factor[]): readonly Recommendation[] {
  const tested = testedTogether(comparables.map((each) => {
    const pair = worseFirst(each);
    return { ...pair, compared: pair, one: pair.one.arm, other: pair.other.arm };
  }));
  const best = new Map<string, Recommendation>();
  for (const { compared, one, significant, ...test } of tested) {
    if (!significant || test.difference >= 0 || !isChangeable(compared)) continue;
    const found = recommendation(compared, one, test, factors);
    const known = best.get(found.id);
    if (known === undefined || rateOf(found.evidence.comparison.arm) > rateOf(known.evidence.comparison.arm)) best.set(found.id, found);
  }
  return [...best.values()].toSorted(byPriority).slice(0, mostRecommended);
}

/**
 * Whether something can be done about it: not about a period that is over, nor a version that new sessions do not get, nor about
 * what goes with finishing.
 */
function isChangeable({ by, one, other }: Comparable): boolean {
  if (by === 'previous_period') return one.label === 'this';
  if (by === 'flow_version') return Number(one.label) > Number(other.label);
  return one.label !== 'without';
}

function recommendation(
  compared: Comparable, one: Arm, test: Omit<TestedPair, 'significant'>, factors: readonly Factor[],
): Recommendation {
  const { by, place, flow, factor } = compared;
  const { difference, interval: [low, high], p_value, p_adjusted } = test;
  const lost = one.n - one.successes;
  return {
    id: idOf(compared), type: by, priority: impactSeverity(lost / one.n, lost), title: titleOf(compared),
    description: descriptionOf(compared), suggested_actions: actionsOf(compared),
    evidence: {
      place, flow, group: compared.one, comparison: compared.other, difference, interval: [low, high], p_value, p_adjusted,
      factors: factor === null ? [] : factors.filter((each) => sameFactor(each, factor)),
    },
    expected_gain: {
      value: thousandths(-difference * one.n), interval: [thousandths(-high * one.n), thousandths(-low * one.n)], unit: unitOf[place.at],
    },
    confidence: 1 - p_adjusted, effort: effortOf[by],
  };
}

function thousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function worseFirst(compared: Comparable): Comparable {
  const { one, other } = compared;
  return rateOf(other.arm) < rateOf(one.arm) ? { ...compared, one: other, other: one } : compared;
}

/** The same for the same finding in every report, whatever the numbers are. */
function idOf({ by, place, one, flow, factor }: Comparable): string {
  const named = [by, place, flow, one.label, factor === null ? null : [factor.kind, factor.question_id, factor.value]];
  return createHash('sha256').update(JSON.stringify(named)).digest('hex').slice(0, 16);
}

function sameFactor(a: FactorCounts, b: FactorCounts): boolean {
  return a.kind === b.kind && a.question_id === b.question_id && a.value === b.value;
}

function rateOf({ n, successes }: Arm): number {
  return n === 0 ? 0 : successes / n;
}

export const priorities = ['critical', 'high', 'medium', 'low'] as const satisfies readonly ImpactSeverity[];

function byPriority(a: Recommendation, b: Recommendation): number {
  return priorities.indexOf(a.priority) - priorities.indexOf(b.priority)
    || b.expected_gain.value - a.expected_gain.value || (a.id < b.id ? -1 : 1);
}
