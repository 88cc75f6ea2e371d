/** The answer of a funnel, of the stages and of one's own alike, with the path to the list behind each figure. */
import { z } from 'zod';
import type { DrillDown } from '../analytics/reports/drill-down.ts';
import type { FunnelReport } from '../analytics/reports/funnel.ts';
import type { Breakdown } from '../analytics/own-funnel/breakdown.ts';
import type { FunnelDefinition } from '../analytics/own-funnel/definition.ts';
import type { Part } from '../analytics/own-funnel/report.ts';
import { stages } from '../domain/lifecycle.ts';
import { completionWire, ComparisonWire } from './funnel-comparison.ts';
import { reasonsWire } from './funnel-reasons.ts';
import { breakdownText, definitionParameters } from './own-funnels.ts';
import { count, drill_down, interval, minutes, rateOrNull } from './wire.ts';

const name = z.string().meta({ description: 'A stage, or a step of a funnel of one\'s own' });

export const funnelWire = {
  total_sessions: count, completed_sessions: count, abandoned_sessions: count, open_sessions: count,
  overall_conversion_rate: rateOrNull, overall_conversion_interval: interval, avg_completion_time_minutes: minutes,
  median_completion_time_minutes: minutes, drill_down,
  drill_downs: z.object({ completed_sessions: drill_down, abandoned_sessions: drill_down, open_sessions: drill_down }),
  stages: z.array(z.object({
    name, description: z.string(), count, conversion_rate: rateOrNull, conversion_from_start: rateOrNull, drop_off_rate: rateOrNull,
    dropped: count, still_open: count, confidence_interval: interval, avg_time_to_next_minutes: minutes,
    median_time_to_next_minutes: minutes, p90_time_to_next_minutes: minutes,
    optional: z.boolean().optional().meta({ description: 'Of a funnel of one\'s own: the others count as if it were not there' }),
    drill_down, drill_downs: z.object({ dropped: drill_down, still_open: drill_down }),
  })).readonly(),
  top_drop_off_points: z.array(z.object({
    from_stage: name, to_stage: name, drop_off_count: count, drop_off_rate: z.number(),
    impact_severity: z.enum(['critical', 'high', 'medium', 'low']), drill_down,
  })).readonly(),
  time_to_convert: z.object({
    edges_seconds: z.array(z.number().int()).readonly(),
    counts: z.array(count).readonly().meta({ description: 'Below the first edge, from each edge to below the next, from the last on' }),
    p25: z.number().nullable(), median: z.number().nullable(), p90: z.number().nullable(),
  }).meta({ id: 'TimeToConvert', description: 'From the first to the last step, of those who made all; p25, median and p90 in seconds' }),
  breakdown: z.array(z.object({
    label: z.string(), is_other: z.boolean(), sessions: count, drill_down,
    stages: z.array(z.object({
      name, count, dropped: count, still_open: count, conversion_rate: rateOrNull, conversion_from_start: rateOrNull, drill_down,
      drill_downs: z.object({ dropped: drill_down, still_open: drill_down }),
    })).readonly(),
  })).readonly().optional().meta({ description: 'The ten largest parts, and what is in none of them as `other`; they sum to the total' }),
  ...completionWire, comparison: ComparisonWire, ...reasonsWire,
};

interface Figures extends FunnelReport {
  readonly stages: readonly (FunnelReport['stages'][number] & { readonly optional?: boolean })[];
  readonly breakdown?: readonly Part[];
}

type Outcome = 'completed' | 'dropped' | 'still_open';
interface Linking {
  /** `level`: a place among the stages, from 1; null: all. */
  readonly to: (level: number | null, outcome?: Outcome, part?: Part) => string;
}

/** `definition` null: of the stage funnel. */
export function linking(links: DrillDown, definition: FunnelDefinition | null, breakdown: Breakdown | null): Linking {
  return {
    to: (level, outcome, part) => {
      if (definition === null && part === undefined) return links.to({ ...(level === null ? {} : { stage: stages[level - 1] }), outcome });
      const cell = part === undefined || breakdown === null ? {}
        : { breakdown: breakdownText(breakdown), ...(part.is_other ? { other: 'true' } : { cell: part.label }) };
      return links.toOwn({ ...(definition === null ? {} : definitionParameters(definition)), ...cell, level: level ?? undefined, outcome });
    },
  };
}

/** `report` with its links. */
export function linked<Report extends Figures>(report: Report, { to }: Linking) {
  const required = report.stages.flatMap(({ optional }, index) => (optional === true ? [] : [index + 1]));
  // of steps that are named alike the one that lost so many
  const placeOf = ({ from_stage: from, drop_off_count: lost }: FunnelReport['top_drop_off_points'][number]): number =>
    report.stages.findIndex(({ name: each, dropped }) => each === from && dropped === lost) + 1;
  return {
    ...report,
    drill_down: to(null),
    drill_downs: {
      completed_sessions: to(null, 'completed'), abandoned_sessions: to(null, 'dropped'), open_sessions: to(null, 'still_open'),
    },
    stages: report.stages.map((stage, index) => ({
      ...stage, drill_down: to(index + 1), drill_downs: { dropped: to(index + 1, 'dropped'), still_open: to(index + 1, 'still_open') },
    })),
    top_drop_off_points: report.top_drop_off_points.map((point) => ({ ...point, drill_down: to(placeOf(point), 'dropped') })),
    ...(report.breakdown === undefined ? {} : { breakdown: report.breakdown.map((part) => ({
      ...part, drill_down: to(null, undefined, part),
      stages: part.stages.map((stage, index) => {
        const level = required[index] ?? index + 1;
        return {
          ...stage, drill_down: to(level, undefined, part),
          drill_downs: { dropped: to(level, 'dropped', part), still_open: to(level, 'still_open', part) },
        };
      }),
    })) }),
  };
}
