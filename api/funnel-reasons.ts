/** What the funnel says of its reasons: cohorts, and the recommendations of the same sessions. */
import { z } from 'zod';
import type { Narrowed } from '../analytics/reports/drill-down.ts';
import { cohortSessions, inCohorts, TooManyHistories, type OwnFunnel } from '../analytics/own-funnel/cohort.ts';
import { requiredSteps, type OwnFunnelReport } from '../analytics/own-funnel/report.ts';
import { periodBefore, type Period } from '../analytics/periods/period.ts';
import type { Segment } from '../analytics/rows.ts';
import { analysedBy, analysedStages, cohortAnalysis, type AnalysedCohort } from '../analytics/why/cohort-analysis.ts';
import { ownComparables } from '../analytics/why/comparables.ts';
import { measureSteps } from '../analytics/why/measured.ts';
import { recommend } from '../analytics/why/recommendations.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { FollowedSelection } from './compared-periods.ts';
import { count, drill_down, interval, rateOrNull } from './wire.ts';
import { recommended, type WhyInput } from './why-reports.ts';
import { ownRecommendationWire, RecommendationWire, recommendationWire } from './why-wire.ts';

/** More sessions are analysed by the report of recommendations alone, so that a funnel is never late for them. */
const mostSessions = 1_000_000;

export const reasonsWire = {
  cohort_analysis: z.array(z.object({
    dimension: z.enum(analysedBy), label: z.string(), sessions: count, completed: count, conversion_rate: rateOrNull, interval,
    sufficient_data: z.boolean(), drill_down: drill_down.optional(), drill_downs: z.object({ completed: drill_down }).optional(),
  })).readonly(),
  recommendations: z.array(RecommendationWire).readonly().meta({ description: 'As GET /analytics/recommendations/ answers them' }),
  recommendations_left_out: z.boolean().meta({
    description: `Of more than ${mostSessions} sessions: ask GET /analytics/recommendations/. Of steps of one's own also where the `
      + 'period before has too many different histories',
  }),
};

/** `total`: sessions of the funnel. */
export async function funnelReasons(input: WhyInput, total: number) {
  const { filters, now, services, links } = input;
  const leftOut = total > mostSessions;
  const [cohorts, found] = await Promise.all([
    cohortAnalysis(services.reports.clickhouse, analysedStages(filters, now)), leftOut ? null : recommended(input),
  ]);
  return {
    cohort_analysis: cohortsWire(cohorts, (outcome, narrowed) => links.to({ outcome }, narrowed)),
    recommendations: found === null ? [] : found.recommendations.map((each) => recommendationWire(each, found.measured, links)),
    recommendations_left_out: leftOut,
  };
}

export interface OwnReasonsInput {
  readonly clickhouse: ClickHouse;
  readonly funnel: OwnFunnel;
  readonly period: Period;
  readonly list: (selection: FollowedSelection & { readonly outcome?: 'completed' | undefined }, narrowed: Narrowed) => string;
}

/** Of a funnel of one's own: by its steps. What is recommended of questions and of what goes with finishing is about the stages. */
export async function ownReasons(
  { clickhouse, funnel, period, list }: OwnReasonsInput, { total_sessions: total, cohort_analysis: cohorts }: OwnFunnelReport,
) {
  const names = requiredSteps(funnel.definition).map(({ name }) => name);
  const { startMs, endMs } = periodBefore(period, 'previous');
  const previous = { startMs: Math.max(0, startMs), endMs: Math.max(0, endMs) };
  const before = { ...funnel, filters: { ...funnel.filters, ...previous } };
  const measured = total > mostSessions ? null : await inCohorts(clickhouse, [before, funnel] as const, (earlier, later) => measureSteps(
    clickhouse, cohortSessions(earlier, names.length), cohortSessions(later, names.length), funnel.now,
  )).catch(leftOutWhenTooMany);
  return {
    cohort_analysis: cohortsWire(cohorts, (outcome, narrowed) => list({ outcome }, narrowed)),
    recommendations: measured === null ? [] : recommend(ownComparables(measured.cells, names), []).map((each) => ownRecommendationWire(
      each, { followUpSeconds: measured.followUpSeconds, now: funnel.now, period: {}, previous, list },
    )),
    recommendations_left_out: measured === null,
  };
}

/** The funnel's own period can be counted: its answer does not fail for the one before. */
function leftOutWhenTooMany(error: unknown): null {
  if (error instanceof TooManyHistories) return null;
  throw error;
}

function cohortsWire(
  cohorts: readonly AnalysedCohort[], list: (outcome: 'completed' | undefined, narrowed: Narrowed) => string,
): z.input<typeof reasonsWire.cohort_analysis> {
  return cohorts.map((cohort) => {
    const narrowed = narrowing(cohort);
    if (narrowed === null) return cohort;
    return { ...cohort, drill_down: list(undefined, narrowed), drill_downs: { completed: list('completed', narrowed) } };
  });
}

/** null: what an import did not say cannot be asked for. */
function narrowing({ dimension, label }: AnalysedCohort): Narrowed | null {
  switch (dimension) {
    case 'flow': return label === '' ? null : { flow: label };
    case 'flow_version': return label === '0' ? null : { flow_version: Number(label) };
    case 'language': return label === '' ? null : { language: label };
    case 'user_segment': return { segment: label as Segment };
    case 'device': return { device: label as NonNullable<Narrowed['device']> };
  }
}
