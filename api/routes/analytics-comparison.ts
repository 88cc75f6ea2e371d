import { z } from 'zod';
import { comparePeriods, timedVerdicts, trends } from '../../analytics/reports/comparison.ts';
import { stageSessions } from '../../analytics/reports/followed.ts';
import { daysIn, periodBefore, type Period } from '../../analytics/periods/period.ts';
import {
  changeWire, differenceInterval, followedLinks, followUpWire, sideWire, SideWire, stageLists, stagesWire, StageComparisonWire,
} from '../compared-periods.ts';
import { iso } from '../presentation.ts';
import { PeriodWire, periodOf, reportRoute } from '../report-route.ts';
import { rate, rateOrNull } from '../wire.ts';

const bound = z.string().max(40).optional();

export const comparisonRoutes = [
  reportRoute('/analytics/comparison', {
    id: 'PeriodComparison', summary: 'Two periods at equal maturity: what changed, and whether it says anything',
    query: { period1_start: bound, period1_end: bound, period2_start: bound, period2_end: bound },
    answer: {
      period: PeriodWire, period1: SideWire, period2: SideWire,
      changes: z.object({
        total_sessions: changeWire, sessions_per_day: changeWire, conversion_rate: changeWire, completion_time: changeWire,
      }),
      ...followUpWire,
      statistical_significance: z.object({
        p_value: rate, test: z.enum(['z', 'fisher']), is_significant: z.boolean(), confidence_level: rate, interval: differenceInterval,
        minimum_detectable_effect: rateOrNull, verdict: z.enum(timedVerdicts),
      }),
      stage_comparisons: z.array(StageComparisonWire).readonly(), trend: z.enum(trends),
    },
    table: 'stage_comparisons',
    check: ({ query, services }) => {
      periodsOf(query, services.now());
      return Promise.resolve();
    },
    compute: async ({ filters, query, now, services, links }) => {
      const [one, two] = periodsOf(query, now);
      const [earlier, later] = one.startMs <= two.startMs ? [one, two] : [two, one];
      const spanOf = (period: Period) => ({
        sessions: stageSessions({ ...filters, startMs: period.startMs, endMs: period.endMs }, now),
        days: daysIn({ ...period, endMs: Math.max(period.startMs, Math.min(period.endMs, now)) }),
      });
      const { earlier: before, later: after, stage_comparisons: compared, ...report } =
        await comparePeriods(services.reports.clickhouse, spanOf(earlier), spanOf(later), now);
      const sides = earlier === one ? [before, after] as const : [after, before] as const;
      const follow = { followUpMs: report.follow_up_seconds * 1_000, now };
      const linked = (period: Period) => followedLinks(stageLists(links, period), follow);
      return {
        ...report, period: { start: iso(two.startMs), end: iso(two.endMs), timezone: two.timezone },
        period1: sideWire(sides[0], one, linked(one)), period2: sideWire(sides[1], two, linked(two)),
        stage_comparisons: stagesWire(compared, earlier === one, linked(one), linked(two)),
      };
    },
  }),
];

type PeriodsAsked = Readonly<Record<
  'period1_start' | 'period1_end' | 'period2_start' | 'period2_end' | 'start_date' | 'end_date' | 'timezone', string | undefined
>>;

/** The second: what is asked, else the common period, else the last 7 days. The first: what is asked, else as long and directly before. */
function periodsOf(query: Partial<PeriodsAsked>, now: number): readonly [Period, Period] {
  const { timezone, period1_start: start1, period1_end: end1, period2_start: start2, period2_end: end2 } = query;
  const two = periodOf({ start_date: start2 ?? query.start_date, end_date: end2 ?? query.end_date, timezone }, now, 7, {
    start_date: start2 === undefined ? 'start_date' : 'period2_start', end_date: end2 === undefined ? 'end_date' : 'period2_end',
  });
  if (start1 === undefined && end1 === undefined) return [periodBefore(two, 'previous'), two];
  const one = periodOf({ start_date: start1, end_date: end1, timezone }, two.startMs, Math.max(1, Math.round(daysIn(two))), {
    start_date: 'period1_start', end_date: 'period1_end',
  });
  return [one, two];
}
