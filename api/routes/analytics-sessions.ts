/** What stands behind a number of a report: its sessions, by the same rules that counted them. */
import { z } from 'zod';
import { inCohorts, stageCohort, type Cohort } from '../../analytics/own-funnel/cohort.ts';
import { ownSessions, type OwnSelection } from '../../analytics/own-funnel/sessions.ts';
import { sessionOrigins, stageNumbers } from '../../analytics/rows.ts';
import { sessionPage, type ListedSession } from '../../analytics/reports/session-list.ts';
import { outcomes, questionOutcomes, sessionsIn, type Selection, type SessionFilters } from '../../analytics/sessions-in.ts';
import { factorSides, readFactor } from '../../analytics/why-selection.ts';
import { devices } from '../../domain/device.ts';
import { sessionStates, stages } from '../../domain/lifecycle.ts';
import type { Statement } from '../../stores/clickhouse/client.ts';
import { listTotalMax } from '../../stores/postgres/keyset-page.ts';
import { listed, readCursorAs } from '../cursor.ts';
import { checkQuestion, knownFilters } from '../known-filters.ts';
import { breakdownOf, countable, definitionInLink, listedFunnelQuery, ownFunnelOf } from '../own-funnels.ts';
import { iso } from '../presentation.ts';
import { Problem } from '../problem.ts';
import { howAnswered, periodOf, periodParameters, sessionFilters } from '../report-route.ts';
import { sessionFile } from '../session-file.ts';
import { brokenOff, formatParameter, tableTypes } from '../table-download.ts';
import { ok, route, type Download } from '../route.ts';
import type { Services } from '../services.ts';
import { rule } from '../validation.ts';
import { clientId, listOf, paging, time, uuid } from '../wire.ts';

const SessionWire = z.object({
  session_id: uuid, started_at: time, flow: z.object({ id: z.string(), version: z.number().int() }), language: z.string(),
  device: z.enum(devices), state: z.enum(sessionStates),
  stage: z.enum(stages).nullable().meta({ description: 'null: an imported session without a start' }),
}).meta({ id: 'CountedSession' });

const minutes = z.coerce.number().min(0).max(1_000_000_000);
const epochMs = z.coerce.number().int().min(0).max(Date.UTC(2100, 0, 1));
const pair = z.string().max(400);

const ListQuery = z.strictObject({
  ...clientId, ...periodParameters, ...sessionFilters, ...paging, ...listedFunnelQuery,
  stage: z.enum(stages).optional(), outcome: z.enum([...outcomes, ...questionOutcomes]).optional(),
  question_id: z.string().max(200).optional(), state: z.enum(sessionStates).optional(),
  within_seconds: z.coerce.number().int().min(0).max(1_000_000_000).optional(), started_from_ms: epochMs.optional(),
  started_before_ms: epochMs.optional(), ended_from_ms: epochMs.optional(), origin: z.enum(sessionOrigins).optional(),
  any_stage: z.literal('true').optional(), is_open: z.literal('true').optional(),
  factor: z.string().max(500).refine((text) => readFactor(text) !== null,
    rule('unknown_factor', 'is no factor', 'Use the drill_down of a report.'))
    .optional(),
  factor_side: z.enum(factorSides).optional(), refused: pair.optional(), parked: pair.optional(), minutes_from: minutes.optional(),
  minutes_to: minutes.optional(),
  format: formatParameter.meta({ description: 'csv, parquet: all of them in a file, whatever limit and cursor say' }),
  fresh: howAnswered.fresh.meta({ description: 'As reports take it; a list is read anew at each request' }),
});
type ListQuery = z.output<typeof ListQuery>;

const place = z.strictObject({ list: z.literal('counted'), started_ms: z.number().int(), session_id: uuid });

export const countedSessionRoutes = [
  route.get('/analytics/sessions', {
    summary: 'The sessions behind a number: where a report says drill_down, this is what it leads to. No owners, no answers',
    access: ['analyst'], limits: ['api'], query: ListQuery, answers: { 200: listOf(SessionWire) }, sends: tableTypes,
    problems: ['invalid_period', 'unknown_flow', 'unknown_filter_value', 'invalid_steps', 'invalid_window', 'too_many_histories'],
    handler: async ({ query, call, services }) => {
      const now = services.now();
      const { tenant } = call.actor;
      refuseIdle(query);
      const { startMs, endMs } = periodOf(query, now);
      const filters: SessionFilters = { tenant, startMs, endMs, ...await knownFilters(services, tenant, query) };
      if (query.question_id !== undefined) await checkQuestion(services, tenant, query.question_id);
      const after = readCursorAs(place, query.cursor);
      const { format } = query;
      if (format === 'csv' || format === 'parquet') {
        let begun: Download | null = null;
        return withSelected(services, filters, query, now, async (selection) => {
          // of a list that was no longer true
          await brokenOff(begun);
          begun = await sessionFile(services.reports.clickhouse, { tenant, selection }, format, call.method);
          return begun;
        });
      }
      return withSelected(services, filters, query, now, async (selection) => {
        const page = await sessionPage(services.reports.clickhouse, selection, { limit: query.limit, after, totalMax: listTotalMax });
        const next = page.next === null ? null : { list: 'counted', ...page.next };
        return ok(listed({ ...page, next }, page.rows.map(present)));
      });
    },
  }),
];

/** What would narrow nothing by itself: whoever sends it means something else than all sessions. */
function refuseIdle(query: ListQuery): void {
  const ofQuestion = questionOutcomes.some((each) => each === query.outcome);
  if (ofQuestion && query.question_id === undefined) {
    throw misfit('/outcome', `${query.outcome} is said of a question.`, 'Add question_id.');
  }
  if (query.factor_side !== undefined && query.factor === undefined) {
    throw misfit('/factor_side', 'It is a side of a factor.', 'Add factor.');
  }
  for (const name of ['cell', 'other'] as const) {
    if (query[name] === undefined || query.breakdown !== undefined) continue;
    throw misfit(`/${name}`, `${name} names a part of a breakdown.`, 'Add breakdown.');
  }
}

/** What `work` makes of the list; of a funnel of one's own anew when sessions have changed so that they are not in it. */
async function withSelected<T>(
  services: Services, filters: SessionFilters, query: ListQuery, now: number, work: (sessions: Statement) => Promise<T>,
): Promise<T> {
  const definition = definitionInLink(query);
  const breakdown = await breakdownOf(services, filters, query.breakdown);
  if (definition === null && breakdown === null) {
    const { from, params } = sessionsIn(filters, now, selectionIn(query));
    return work({ sql: `SELECT * FROM ${from}`, params });
  }
  const db = services.reports.clickhouse;
  const steps = definition === null ? stages.map(() => ({ optional: false })) : definition.steps;
  if (query.level !== undefined && query.level > steps.length) {
    throw misfit('/level', `This funnel has ${steps.length} steps.`, 'Name one of them by its number.');
  }
  const outcome = outcomes.find((each) => each === query.outcome) ?? null;
  if (query.outcome !== undefined && outcome === null) throw misfit('/outcome', 'A funnel has no such outcome.',
    `Use one of: ${outcomes.join(', ')}.`);
  const cell: OwnSelection['cell'] = breakdown === null || (query.cell === undefined && query.other === undefined) ? null
    : { breakdown, part: query.other === undefined ? { label: query.cell ?? '' } : 'other' };
  const selection = { ...selectionIn(query), level: query.level ?? null, outcome, cell };
  const listedOf = async (cohort: Cohort): Promise<T> => work(await ownSessions(db, { cohort, steps, flow: filters.flow }, selection));
  if (definition === null) return listedOf(stageCohort(filters, now));
  return countable(ownFunnelOf(services, filters, now, definition).then((own) => inCohorts(db, [own] as const, listedOf)));
}

function selectionIn(query: ListQuery): Selection {
  const {
    stage, outcome, question_id, state, within_seconds, started_from_ms, started_before_ms, ended_from_ms, origin, any_stage: anyStage,
    is_open: isOpen, factor, factor_side, refused, parked, minutes_from, minutes_to,
  } = query;
  return {
    stage, outcome, question_id, state, within_seconds, started_from_ms, started_before_ms, ended_from_ms, origin, factor, factor_side,
    refused, parked, minutes_from, minutes_to, ...(anyStage === undefined ? {} : { any_stage: true }),
    ...(isOpen === undefined ? {} : { is_open: true }),
  };
}

function misfit(pointer: string, message: string, fix: string): Problem {
  return new Problem('invalid_request', message, { errors: [{ pointer, code: 'invalid_value', message, fix }] });
}

function present(row: ListedSession): z.input<typeof SessionWire> {
  return {
    session_id: row.session_id, started_at: iso(row.started_ms), flow: { id: row.flow, version: row.flow_version }, language: row.language,
    device: row.device, state: row.state, stage: stages.find((stage) => stageNumbers[stage] === row.stage) ?? null,
  };
}
