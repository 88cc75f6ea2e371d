/** What the funnel says of its reasons: cohorts, and the recommendations of the same sessions. */
import { z } from 'zod';
import type { Narrowed } from '../analytics/drill-down.ts';
import type { Segment } from '../analytics/rows.ts';
import { analysedBy, cohortAnalysis, type AnalysedCohort } from '../analytics/why/cohort-analysis.ts';
import { count, drill_down, interval, rateOrNull } from './wire.ts';
import { recommended, type WhyInput } from './why-reports.ts';
import { RecommendationWire, recommendationWire } from './why-wire.ts';

/** More sessions are analysed by the report of recommendations alone, so that a funnel is never late for them. */
const mostSessions = 1_000_000;

export const reasonsWire = {
  cohort_analysis: z.array(z.object({
    dimension: z.enum(analysedBy), label: z.string(), sessions: count, completed: count, conversion_rate: rateOrNull, interval,
    sufficient_data: z.boolean(), drill_down: drill_down.optional(), drill_downs: z.object({ completed: drill_down }).optional(),
  })).readonly(),
  recommendations: z.array(RecommendationWire).readonly().meta({ description: 'As GET /analytics/recommendations/ answers them' }),
  recommendations_left_out: z.boolean().meta({
    description: `Of more than ${mostSessions} sessions, or of steps of one's own: ask GET /analytics/recommendations/`,
  }),
};

/** Of a funnel of one's own: what is recommended is about the stages and the questions, and no part of it. */
export const ownReasons = { cohort_analysis: [], recommendations: [], recommendations_left_out: true };

/** `total`: sessions of the funnel. */
export async function funnelReasons(input: WhyInput, total: number) {
  const { filters, now, services, links } = input;
  const leftOut = total > mostSessions;
  const [cohorts, found] = await Promise.all([
    cohortAnalysis(services.reports.clickhouse, filters, now), leftOut ? null : recommended(input),
  ]);
  return {
    cohort_analysis: cohorts.map((cohort) => {
      const narrowed = narrowing(cohort);
      if (narrowed === null) return cohort;
      return {
        ...cohort, drill_down: links.to({}, narrowed), drill_downs: { completed: links.to({ outcome: 'completed' }, narrowed) },
      };
    }),
    recommendations: found === null ? [] : found.recommendations.map((each) => recommendationWire(each, found.measured, links)),
    recommendations_left_out: leftOut,
  };
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
