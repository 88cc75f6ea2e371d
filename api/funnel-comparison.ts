/** What the stage funnel says beside its counts: when sessions complete, and how it was in an earlier period. */
import { z } from 'zod';
import { comparePeriods, timedVerdicts } from '../analytics/comparison.ts';
import type { DrillDown } from '../analytics/drill-down.ts';
import { daysIn, earlierPeriods, periodBefore, type Period } from '../analytics/period.ts';
import type { SessionFilters } from '../analytics/sessions-in.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import { followedLinks, followUpWire, stageWire, StageComparisonWire } from './compared-periods.ts';
import { iso } from './presentation.ts';
import { PeriodWire } from './report-route.ts';
import { count, minutes, rateOrNull } from './wire.ts';

export const compareQuery = {
  compare: z.enum([...earlierPeriods, 'none']).default('none').meta({ description: 'The period before, or the same dates a year before' }),
};

export const ComparisonWire = z.object({
  period: PeriodWire, stages: z.array(StageComparisonWire).readonly(), ...followUpWire, verdict: z.enum(timedVerdicts),
}).nullable().meta({ description: 'Of the stage funnel, period1 the earlier one; null when none is asked for or steps are' });

export const completionWire = {
  completion_by: z.array(z.object({ minutes: z.number().int(), share: rateOrNull })).readonly()
    .meta({ description: 'Share of sessions completed by then; null: none has been seen for so long' }),
  median_minutes: minutes.meta({ description: 'By when half of all sessions have completed; null: not yet' }),
  median_interval_minutes: z.array(minutes).length(2).readonly(), censored: count.meta({ description: 'Sessions still open' }),
};

export interface FunnelAsked {
  readonly clickhouse: ClickHouse;
  readonly filters: SessionFilters;
  readonly period: Period;
  readonly now: number;
  readonly links: DrillDown;
}

export async function comparisonAnswer(
  { clickhouse, filters, period, now, links }: FunnelAsked, compare: z.output<typeof compareQuery.compare>,
): Promise<z.input<typeof ComparisonWire>> {
  if (compare === 'none') return null;
  const before = periodBefore(period, compare);
  const earlier = { filters: { ...filters, startMs: before.startMs, endMs: before.endMs }, days: daysIn(before) };
  const report = await comparePeriods(clickhouse, earlier, { filters, days: daysIn(period) }, now);
  const follow = { followUpMs: report.follow_up_seconds * 1_000, now };
  const [first, second] = [followedLinks(links, before, follow), followedLinks(links, period, follow)];
  return {
    period: { start: iso(before.startMs), end: iso(before.endMs), timezone: before.timezone },
    stages: report.stage_comparisons.map((stage) => stageWire(stage, true, first, second)),
    follow_up_seconds: report.follow_up_seconds, excluded_young: report.excluded_young,
    verdict: report.statistical_significance.verdict,
  };
}
