/** What a funnel says beside its counts: when sessions complete, and how it was in an earlier period. */
import { z } from 'zod';
import { timedVerdicts, type PeriodsCompared } from '../analytics/reports/comparison.ts';
import { daysIn, earlierPeriods, periodBefore, type Period } from '../analytics/periods/period.ts';
import { followedLinks, followUpWire, stagesWire, StageComparisonWire, type FollowedSelection } from './compared-periods.ts';
import { iso } from './presentation.ts';
import { PeriodWire } from './report-route.ts';
import { count, minutes, rateOrNull } from './wire.ts';

export const compareQuery = {
  compare: z.enum([...earlierPeriods, 'none']).default('none').meta({ description: 'The period before, or the same dates a year before' }),
};

export const ComparisonWire = z.object({
  period: PeriodWire, stages: z.array(StageComparisonWire).readonly(), ...followUpWire, verdict: z.enum(timedVerdicts),
}).nullable().meta({ description: 'period1 is the earlier one, and no step is optional; null when none is asked for' });

export const completionWire = {
  completion_by: z.array(z.object({ minutes: z.number().int(), share: rateOrNull })).readonly()
    .meta({ description: 'Share of sessions completed by then; null: none has been seen for so long' }),
  median_minutes: minutes.meta({ description: 'By when half of all sessions have completed; null: not yet' }),
  median_interval_minutes: z.array(minutes).length(2).readonly(), censored: count.meta({ description: 'Sessions still open' }),
};

export interface ComparedFunnel {
  readonly period: Period;
  /** Epoch ms. */
  readonly now: number;
  /** Of the earlier period with that of the funnel, each with its days on the clock. */
  readonly compare: (earlier: ComparedSpan, later: ComparedSpan) => Promise<PeriodsCompared>;
  /** The list of a period. */
  readonly list: (period: Period) => (selection: FollowedSelection) => string;
}

export interface ComparedSpan extends Pick<Period, 'startMs' | 'endMs'> { readonly days: number }

export async function comparisonAnswer(
  { period, now, compare, list }: ComparedFunnel, asked: z.output<typeof compareQuery.compare>,
): Promise<z.input<typeof ComparisonWire>> {
  if (asked === 'none') return null;
  const before = periodBefore(period, asked);
  const spanOf = ({ startMs, endMs, timezone }: Period): ComparedSpan =>
    ({ startMs, endMs, days: daysIn({ startMs, endMs, timezone }) });
  const { stage_comparisons: stages, follow_up_seconds, excluded_young, statistical_significance: { verdict } } =
    await compare(spanOf(before), spanOf(period));
  const follow = { followUpMs: follow_up_seconds * 1_000, now };
  return {
    period: { start: iso(before.startMs), end: iso(before.endMs), timezone: before.timezone },
    stages: stagesWire(stages, true, followedLinks(list(before), follow), followedLinks(list(period), follow)),
    follow_up_seconds, excluded_young, verdict,
  };
}
