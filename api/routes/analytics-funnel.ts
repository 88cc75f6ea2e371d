import { z } from 'zod';
import { comparePeriods } from '../../analytics/reports/comparison.ts';
import { completionTimes } from '../../analytics/reports/completion.ts';
import { stageSessions } from '../../analytics/reports/followed.ts';
import { funnel } from '../../analytics/reports/funnel.ts';
import type { Breakdown } from '../../analytics/own-funnel/breakdown.ts';
import { stageCohort } from '../../analytics/own-funnel/cohort.ts';
import { compareFunnel } from '../../analytics/own-funnel/comparison.ts';
import type { FunnelDefinition } from '../../analytics/own-funnel/definition.ts';
import { ownFunnel, partsIn, timeToConvert } from '../../analytics/own-funnel/report.ts';
import { stages } from '../../domain/lifecycle.ts';
import { funnelReasons, ownReasons, type OwnReasonsInput } from '../funnel-reasons.ts';
import { funnelWire, linked, linking } from '../funnel-answer.ts';
import { stageLists } from '../compared-periods.ts';
import { compareQuery, comparisonAnswer, type ComparedSpan } from '../funnel-comparison.ts';
import {
  breakdownOf, breakdownQuery, countable, definitionInQuery, definitionJson, definitionOf, definitionParameters, FunnelBody, funnelQuery,
  ownFunnelOf,
} from '../own-funnels.ts';
import {
  answered, flowVersion, FreshnessWire, howAnswered, periodParameters, PeriodWire, reportAnswers, reportRoute, sessionFilters, type Checked,
  type ReportInput,
} from '../report-route.ts';
import { route } from '../route.ts';
import { clientId } from '../wire.ts';

const problems = ['invalid_steps', 'invalid_window', 'too_many_histories'] as const;
const asked = { ...compareQuery, ...breakdownQuery };
type Asked = z.output<z.ZodObject<typeof asked>>;
/** With what a body says: a part of what the answer is kept under. */
const defined = { ...asked, definition: z.unknown() };

const FunnelAnswer = z.object({ period: PeriodWire, freshness: FreshnessWire, ...funnelWire }).meta({ id: 'FunnelAnswer' });

export const analyticsRoutes = [
  reportRoute('/analytics/funnel', {
    id: 'Funnel', summary: 'How many sessions reach each stage, or each step of a funnel of one\'s own, and where they are lost',
    query: { ...funnelQuery, ...asked }, answer: funnelWire, table: 'stages', problems,
    check: async (given) => {
      definitionInQuery(given.query);
      await checkBreakdown(given);
    },
    compute: (input) => funnelAnswer(input, definitionInQuery(input.query)),
  }),
  route.post('/analytics/funnel', {
    summary: 'A funnel of one\'s own with what a query cannot say: properties of events, optional steps', access: ['analyst'],
      limits: ['api'],
    query: z.strictObject({ ...clientId, ...howAnswered }),
    body: z.strictObject({ ...FunnelBody, ...periodParameters, ...sessionFilters, ...asked, flow_version: flowVersion.optional() })
      .meta({ id: 'FunnelRequest' }),
    example: { steps: [{ event: 'started' }, { event: 'question_answered', question_id: 'expected_users' }, { event: 'completed' }] },
    answers: { 200: FunnelAnswer },
    ...reportAnswers, problems: ['invalid_period', 'unknown_flow', 'unknown_filter_value', ...problems],
    handler: async ({ query, body, call, services }) => {
      const { steps, order, window_seconds, consider, with: having, without, ...filters } = body;
      const definition = definitionOf({ steps, order, window_seconds, consider, with: having, without });
      return answered<typeof defined, typeof funnelWire, z.input<typeof FunnelAnswer>>(
        { table: 'stages', check: checkBreakdown, compute: (input) => funnelAnswer(input, definition) },
        {
          name: 'POST /analytics/funnel', path: '/analytics/funnel', call, services,
          query: { ...query, ...filters, definition: definitionJson(definition) },
        },
      );
    },
  }),
];

async function checkBreakdown({ query, filters, services }: Checked<Asked>): Promise<void> {
  await breakdownOf(services, filters, query.breakdown);
}

/** `definition` null: of the stages. */
async function funnelAnswer(
  input: ReportInput<Asked>, definition: FunnelDefinition | null,
): Promise<z.input<z.ZodObject<typeof funnelWire>>> {
  const { filters, query, services, links } = input;
  const breakdown = await breakdownOf(services, filters, query.breakdown);
  return {
    ...await (definition === null ? stageAnswer(input, breakdown) : ownAnswer(input, definition, breakdown)
      .then((report) => linked(report, linking(links, definition, breakdown)))),
  };
}

async function stageAnswer(input: ReportInput<Asked>, breakdown: Breakdown | null) {
  const { filters, period, query, services, now, links } = input;
  const { clickhouse } = services.reports;
  const cohort = stageCohort(filters, now);
  const stagesOf = ({ days, ...span }: ComparedSpan) => ({ sessions: stageSessions({ ...filters, ...span }, now), days });
  const [report, completion, comparison, convert, parts] = await Promise.all([
    funnel(clickhouse, filters, now), completionTimes(clickhouse, filters, now),
    comparisonAnswer({
      period, now, list: ({ startMs, endMs }) => stageLists(links, { startMs, endMs }),
      compare: (earlier, later) => comparePeriods(clickhouse, stagesOf(earlier), stagesOf(later), now),
    }, query.compare),
    timeToConvert(clickhouse, cohort, stages.length),
    breakdown === null ? {} : partsIn(clickhouse, cohort, { names: stages, flow: filters.flow, breakdown })
      .then((all) => ({ breakdown: all })),
  ]);
  return {
    ...linked({ ...report, ...parts }, linking(links, null, breakdown)), ...completion, comparison, time_to_convert: convert,
    ...await funnelReasons(input, report.total_sessions),
  };
}

async function ownAnswer(input: ReportInput<Asked>, definition: FunnelDefinition, breakdown: Breakdown | null) {
  const { filters, period, query, services, now, links } = input;
  const { clickhouse } = services.reports;
  const own = await ownFunnelOf(services, filters, now, definition);
  const spanOf = ({ days, ...span }: ComparedSpan) => ({ filters: { ...filters, ...span }, days });
  const required = definition.steps.flatMap(({ optional }, place) => (optional ? [] : [place + 1]));
  const list: OwnReasonsInput['list'] = ({ step, ...selection }, narrowed) => links.toOwn({
    ...definitionParameters(definition), ...selection, level: step === undefined ? undefined : required[step],
  }, narrowed);
  return countable((async () => {
    const [report, comparison] = await Promise.all([
      ownFunnel(clickhouse, own, breakdown),
      comparisonAnswer({
        period, now, compare: (earlier, later) => compareFunnel(clickhouse, own, spanOf(earlier), spanOf(later)),
        list: ({ startMs, endMs }) => (selection) => list(selection, { startMs, endMs }),
      }, query.compare),
    ]);
    return { ...report, comparison, ...await ownReasons({ clickhouse, funnel: own, period, list }, report) };
  })());
}
