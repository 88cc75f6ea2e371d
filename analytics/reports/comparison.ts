/**
 * Two periods, compared at equal maturity (followed.ts). Changes go from the earlier period to the later one.
 */
import { stages } from '../../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { minutes, rate } from './funnel.ts';
import { followUpOf, followed, type Followed, type FollowedSessions } from './followed.ts';
import { benjaminiHochberg, smallestDetectableRise, wilson, type Arm, type Interval } from '../statistics/proportions.ts';
import { isSignificant, leastPerArm, significantBelow, testArms, verdicts, type Tested } from '../statistics/two-arms.ts';

export const timedVerdicts = [...verdicts, 'too_early'] as const;
export type TimedVerdict = (typeof timedVerdicts)[number];

export const trends = ['improving', 'stable', 'declining', 'insufficient_data'] as const;
export type Trend = (typeof trends)[number];

/**
 * A trend is named when chance alone would name it, in that direction, once in a thousand looks. A verdict is about one look, at 95 %;
 * reports that end now are looked at again and again, and at 95 % one look in twenty would find a change where there is none.
 */
export const trendBelow = 0.002;

export const trendOf = ({ p, difference }: { readonly p: number; readonly difference: number }): Trend =>
  p >= trendBelow || difference === 0 ? 'stable' : difference > 0 ? 'improving' : 'declining';

/** `percent` of the earlier value; null where that is 0 or one of the two is not known. */
export interface Change { readonly absolute: number | null; readonly percent: number | null }

export function change(before: number | null, after: number | null): Change {
  if (before === null || after === null) return { absolute: null, percent: null };
  return { absolute: after - before, percent: before === 0 ? null : ((after - before) / before) * 100 };
}

/** One side. Rates 0..1; null: of nobody. Completed = within the follow-up of the own start. */
export interface Side {
  readonly total_sessions: number;
  readonly days: number;
  readonly sessions_per_day: number | null;
  /** Old enough to be compared. */
  readonly followed_sessions: number;
  readonly excluded_young: number;
  readonly completed_sessions: number;
  readonly conversion_rate: number | null;
  readonly interval: Interval;
  readonly median_completion_time_minutes: number | null;
}

export interface StageSide { readonly count: number; readonly conversion_rate: number | null }

/** Conversion from the stage before, within the follow-up; of the first stage from the followed sessions, which is all of them. */
export interface StageComparison {
  /** Of a stage, or of a step of a funnel of one's own. */
  readonly name: string;
  readonly earlier: StageSide;
  readonly later: StageSide;
  readonly change: Change;
  readonly interval: Interval;
  readonly p_value: number;
  /** For as many stages as are compared (Benjamini and Hochberg). */
  readonly p_adjusted: number;
  readonly significant: boolean;
}

export interface Significance {
  readonly p_value: number;
  readonly test: Tested['test'];
  readonly is_significant: boolean;
  readonly confidence_level: number;
  /** Of the change of the conversion rate, in points 0..1. */
  readonly interval: Interval;
  /** The least rise over the earlier rate that these numbers show 8 times of 10; null: none. */
  readonly minimum_detectable_effect: number | null;
  readonly verdict: TimedVerdict;
}

export interface PeriodsCompared {
  readonly earlier: Side;
  readonly later: Side;
  readonly changes: Readonly<Record<'total_sessions' | 'sessions_per_day' | 'conversion_rate' | 'completion_time', Change>>;
  readonly follow_up_seconds: number;
  /** On both sides. */
  readonly excluded_young: number;
  readonly statistical_significance: Significance;
  readonly stage_comparisons: readonly StageComparison[];
  readonly trend: Trend;
}

export interface Span {
  readonly sessions: FollowedSessions;
  /** Up to now, where it is not over yet. */
  readonly days: number;
}

/** `names`: of the steps of the sessions, which both have alike. */
export async function comparePeriods(
  db: ClickHouse, earlier: Span, later: Span, now: number, options: QueryOptions = {}, names: readonly string[] = stages,
): Promise<PeriodsCompared> {
  const followUpMs = await followUpOf(db, [earlier.sessions, later.sessions], options);
  const [before, after] = await Promise.all(
    [earlier, later].map(({ sessions }) => followed(db, sessions, { followUpMs, now }, options)),
  );
  if (before === undefined || after === undefined) throw new Error('Two questions have two answers');
  return compared({ followed: before, days: earlier.days }, { followed: after, days: later.days }, followUpMs, names);
}

interface Counted { readonly followed: Followed; readonly days: number }

export function compared(
  before: Counted, after: Counted, followUpMs: number, names: readonly string[] = stages,
): PeriodsCompared {
  const [earlier, later] = [sideOf(before), sideOf(after)];
  const significance = significanceOf(earlier, later);
  const { verdict, tested } = significance;
  const settled = verdict !== 'too_few' && verdict !== 'too_early' && tested.difference !== null;
  return {
    earlier, later,
    changes: {
      total_sessions: change(earlier.total_sessions, later.total_sessions),
      sessions_per_day: change(earlier.sessions_per_day, later.sessions_per_day),
      conversion_rate: change(earlier.conversion_rate, later.conversion_rate),
      completion_time: change(earlier.median_completion_time_minutes, later.median_completion_time_minutes),
    },
    follow_up_seconds: followUpMs / 1_000,
    excluded_young: earlier.excluded_young + later.excluded_young,
    statistical_significance: significance.wire,
    stage_comparisons: stageComparisons(names, before.followed, after.followed),
    trend: settled ? trendOf({ p: tested.p, difference: tested.difference ?? 0 }) : 'insufficient_data',
  };
}

function sideOf({ followed: { total, followed: old, reached, median_ms }, days }: Counted): Side {
  const completed = reached.at(-1) ?? 0;
  return {
    total_sessions: total, days, sessions_per_day: days === 0 ? null : total / days,
    followed_sessions: old, excluded_young: total - old, completed_sessions: completed,
    conversion_rate: rate(completed, old), interval: wilson(completed, old),
    median_completion_time_minutes: minutes(median_ms),
  };
}

const armOf = (side: Side): Arm => ({ successes: side.completed_sessions, n: side.followed_sessions });

function significanceOf(
  earlier: Side, later: Side,
): { readonly wire: Significance; readonly tested: Tested; readonly verdict: TimedVerdict } {
  const tested = testArms(armOf(later), armOf(earlier));
  const verdict = verdictOf(earlier, later, tested);
  const before = earlier.conversion_rate;
  const [n, m] = [earlier.followed_sessions, later.followed_sessions];
  return {
    tested, verdict,
    wire: {
      p_value: tested.p, test: tested.test, is_significant: verdict === 'better' || verdict === 'worse',
      confidence_level: 1 - significantBelow, interval: tested.interval, verdict,
      minimum_detectable_effect: before === null ? null : smallestDetectableRise(before, n, m),
    },
  };
}

/** Few sessions stay few however long one waits; young ones do not stay young. */
function verdictOf(earlier: Side, later: Side, tested: Tested): TimedVerdict {
  if (Math.min(earlier.total_sessions, later.total_sessions) < leastPerArm) return 'too_few';
  if (later.excluded_young * 2 > later.total_sessions) return 'too_early';
  if (Math.min(earlier.followed_sessions, later.followed_sessions) < leastPerArm) return 'too_few';
  if (!isSignificant(tested)) return 'no_clear_difference';
  return (tested.difference ?? 0) > 0 ? 'better' : 'worse';
}

function stageComparisons(names: readonly string[], before: Followed, after: Followed): readonly StageComparison[] {
  const armAt = ({ reached, followed: old }: Followed, index: number): Arm =>
    ({ successes: reached[index] ?? 0, n: reached[index - 1] ?? old });
  const found = names.map((name, index) => {
    const [earlier, later] = [armAt(before, index), armAt(after, index)];
    return { name, earlier, later, tested: testArms(later, earlier) };
  });
  // Everybody starts: that is no comparison, and must not make the others dearer.
  const adjusted = [1, ...benjaminiHochberg(found.slice(1).map(({ tested }) => tested.p))];
  return found.map(({ name, earlier, later, tested }, index) => {
    const p_adjusted = adjusted[index] ?? 1;
    return {
      name, earlier: stageSide(earlier), later: stageSide(later),
      change: change(rate(earlier.successes, earlier.n), rate(later.successes, later.n)),
      interval: tested.interval, p_value: tested.p, p_adjusted,
      significant: Math.min(earlier.n, later.n) >= leastPerArm && p_adjusted < significantBelow && isSignificant(tested),
    };
  });
}

const stageSide = ({ successes, n }: Arm): StageSide => ({ count: successes, conversion_rate: rate(successes, n) });
