import { z } from 'zod';
import { comparePeriods, timedVerdicts, trends, type Side, type StageComparison } from '../../analytics/comparison.ts';
import type { DrillDown } from '../../analytics/drill-down.ts';
import { followedUntil, type FollowUp } from '../../analytics/followed.ts';
import { daysIn, periodBefore, type Period } from '../../analytics/period.ts';
import type { Selection } from '../../analytics/sessions-in.ts';
import { stages, type StageName } from '../../domain/lifecycle.ts';
import { iso } from '../presentation.ts';
import { PeriodWire, periodOf, reportRoute } from '../report-route.ts';
import { count, interval, minutes, rate, rateOrNull, time } from '../wire.ts';

const drill_down = z.string();
/** Of a difference of rates. */
export const differenceInterval = z.array(z.number().min(-1).max(1)).length(2).readonly();

const change = z.object({
  absolute: z.number().nullable(), percent: z.number().nullable().meta({ description: 'Of the earlier value; null where that is 0' }),
});

const SideWire = z.object({
  start: time, end: time, days: z.number(), total_sessions: count, sessions_per_day: z.number().nullable(),
  followed_sessions: count.meta({ description: 'At least as old as the follow-up' }), excluded_young: count,
  completed_sessions: count.meta({ description: 'Of the followed ones, within the follow-up of their own start' }),
  conversion_rate: rateOrNull, interval, median_completion_time_minutes: minutes, drill_down,
  drill_downs: z.object({ followed_sessions: drill_down, excluded_young: drill_down, completed_sessions: drill_down }),
}).meta({ id: 'ComparedPeriod' });

const stageSide = z.object({ count, conversion_rate: rateOrNull, drill_down });

export const StageComparisonWire = z.object({
  name: z.enum(stages), period1: stageSide, period2: stageSide, change, interval: differenceInterval, p_value: rate, p_adjusted: rate,
  significant: z.boolean(),
}).meta({ id: 'StageComparison' });

export const followUpWire = {
  follow_up_seconds: z.number().int().meta({ description: 'How long each session had, on both sides' }), excluded_young: count,
};

const bound = z.string().max(40).optional();

export const comparisonRoutes = [
  reportRoute('/analytics/comparison', {
    id: 'PeriodComparison', summary: 'Two periods at equal maturity: what changed, and whether it says anything',
    query: { period1_start: bound, period1_end: bound, period2_start: bound, period2_end: bound },
    answer: {
      period: PeriodWire, period1: SideWire, period2: SideWire,
      changes: z.object({ total_sessions: change, sessions_per_day: change, conversion_rate: change, completion_time: change }),
      ...followUpWire,
      statistical_significance: z.object({
        p_value: rate, test: z.enum(['z', 'fisher']), is_significant: z.boolean(), confidence_level: rate, interval: differenceInterval,
        minimum_detectable_effect: rateOrNull, verdict: z.enum(timedVerdicts),
      }),
      stage_comparisons: z.array(StageComparisonWire).readonly(), trend: z.enum(trends),
    },
    compute: async ({ filters, query, now, services, links }) => {
      const [one, two] = periodsOf(query, now);
      const [earlier, later] = one.startMs <= two.startMs ? [one, two] : [two, one];
      const spanOf = (period: Period) => ({
        filters: { ...filters, startMs: period.startMs, endMs: period.endMs },
        days: daysIn({ ...period, endMs: Math.max(period.startMs, Math.min(period.endMs, now)) }),
      });
      const { earlier: before, later: after, stage_comparisons: compared, ...report } =
        await comparePeriods(services.reports.clickhouse, spanOf(earlier), spanOf(later), now);
      const sides = earlier === one ? [before, after] as const : [after, before] as const;
      const follow = { followUpMs: report.follow_up_seconds * 1_000, now };
      const linked = (period: Period) => followedLinks(links, period, follow);
      return {
        ...report, period: { start: iso(two.startMs), end: iso(two.endMs), timezone: two.timezone },
        period1: sideWire(sides[0], one, linked(one)), period2: sideWire(sides[1], two, linked(two)),
        stage_comparisons: compared.map((stage) => stageWire(stage, earlier === one, linked(one), linked(two))),
      };
    },
  }),
];

type PeriodsAsked = Readonly<Record<
  'period1_start' | 'period1_end' | 'period2_start' | 'period2_end' | 'start_date' | 'end_date' | 'timezone', string | undefined
>>;

/** The second: what is asked, else the common period, else the last 7 days. The first: what is asked, else as long and directly before. */
function periodsOf(query: Partial<PeriodsAsked>, now: number): readonly [Period, Period] {
  const { timezone } = query;
  const two = periodOf(
    { start_date: query.period2_start ?? query.start_date, end_date: query.period2_end ?? query.end_date, timezone }, now, 7,
    query.period2_start === undefined && query.period2_end === undefined ? undefined : { start_date: 'period2_start', end_date: 'period2_end' },
  );
  const before = periodBefore(two, 'previous');
  if (query.period1_start === undefined && query.period1_end === undefined) return [before, two];
  const one = periodOf(
    { start_date: query.period1_start, end_date: query.period1_end, timezone }, two.startMs, Math.max(1, Math.round(daysIn(two))),
    { start_date: 'period1_start', end_date: 'period1_end' },
  );
  return [one, two];
}

/** Lists of the sessions of a period that are old enough, and of those that are not. */
export interface FollowedLinks {
  readonly all: string;
  readonly young: string;
  readonly followed: string;
  /** Of the followed ones, those that reached the stage within the follow-up. */
  reached(stage: StageName): string;
}

export function followedLinks(links: DrillDown, { startMs, endMs }: Pick<Period, 'startMs' | 'endMs'>, follow: FollowUp): FollowedLinks {
  // The last that is old enough counts; a bound does not.
  const until = followedUntil(follow) + 1;
  const to = (selection: Selection): string => links.to(selection, { startMs, endMs });
  return {
    all: to({}), young: to({ started_from_ms: until }), followed: to({ started_before_ms: until }),
    reached: (stage) => to({ stage, within_seconds: follow.followUpMs / 1_000, started_before_ms: until }),
  };
}

function sideWire(side: Side, period: Period, links: FollowedLinks): z.input<typeof SideWire> {
  return {
    start: iso(period.startMs), end: iso(period.endMs), ...side, drill_down: links.all,
    drill_downs: { followed_sessions: links.followed, excluded_young: links.young, completed_sessions: links.reached('completed') },
  };
}

/** `earlierIsFirst`: whether what is called 1 is the earlier one. */
export function stageWire(
  { earlier, later, ...stage }: StageComparison, earlierIsFirst: boolean, first: FollowedLinks, second: FollowedLinks,
): z.input<typeof StageComparisonWire> {
  const [one, two] = earlierIsFirst ? [earlier, later] : [later, earlier];
  return {
    ...stage, period1: { ...one, drill_down: first.reached(stage.name) }, period2: { ...two, drill_down: second.reached(stage.name) },
  };
}
