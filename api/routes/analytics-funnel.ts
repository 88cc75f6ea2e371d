import { z } from 'zod';
import { funnel } from '../../analytics/funnel.ts';
import { stages } from '../../domain/lifecycle.ts';
import { funnelReasons, reasonsWire } from '../funnel-reasons.ts';
import { compareQuery, comparisonAnswer, ComparisonWire, completionAnswer, completionWire } from '../funnel-comparison.ts';
import { reportRoute } from '../report-route.ts';
import { count, interval, minutes, rateOrNull } from '../wire.ts';

const drill_down = z.string();

export const analyticsRoutes = [
  reportRoute('/analytics/funnel', {
    id: 'Funnel', summary: 'How many sessions reach each stage, and where they are lost',
    query: compareQuery,
    answer: {
      total_sessions: count, completed_sessions: count, abandoned_sessions: count, open_sessions: count,
      overall_conversion_rate: rateOrNull, overall_conversion_interval: interval, avg_completion_time_minutes: minutes,
      median_completion_time_minutes: minutes, drill_down,
      drill_downs: z.object({ completed_sessions: drill_down, abandoned_sessions: drill_down, open_sessions: drill_down }),
      stages: z.array(z.object({
        name: z.enum(stages), description: z.string(), count, conversion_rate: rateOrNull, conversion_from_start: rateOrNull,
        drop_off_rate: rateOrNull, dropped: count, still_open: count, confidence_interval: interval, avg_time_to_next_minutes: minutes,
        median_time_to_next_minutes: minutes, p90_time_to_next_minutes: minutes, drill_down,
        drill_downs: z.object({ dropped: drill_down, still_open: drill_down }),
      })).readonly(),
      top_drop_off_points: z.array(z.object({
        from_stage: z.enum(stages), to_stage: z.enum(stages), drop_off_count: count, drop_off_rate: z.number(),
        impact_severity: z.enum(['critical', 'high', 'medium', 'low']), drill_down,
      })).readonly(),
      ...completionWire, comparison: ComparisonWire, ...reasonsWire,
    },
    table: 'stages',
    compute: async (input) => {
      const { filters, period, query, services, now, links } = input;
      const { clickhouse } = services.reports;
      const asked = { clickhouse, filters, period, now, links };
      const [report, completion, comparison] = await Promise.all([
        funnel(clickhouse, filters, now), completionAnswer(asked), comparisonAnswer(asked, query.compare),
      ]);
      return {
        ...report, ...completion, comparison, ...await funnelReasons(input, report.total_sessions),
        drill_down: links.to(),
        drill_downs: {
          completed_sessions: links.to({ outcome: 'completed' }), abandoned_sessions: links.to({ outcome: 'dropped' }),
          open_sessions: links.to({ outcome: 'still_open' }),
        },
        stages: report.stages.map((stage) => ({
          ...stage, drill_down: links.to({ stage: stage.name }),
          drill_downs: {
            dropped: links.to({ stage: stage.name, outcome: 'dropped' }),
            still_open: links.to({ stage: stage.name, outcome: 'still_open' }),
          },
        })),
        top_drop_off_points: report.top_drop_off_points.map((point) => ({
          ...point, drill_down: links.to({ stage: point.from_stage, outcome: 'dropped' }),
        })),
      };
    },
  }),
];
