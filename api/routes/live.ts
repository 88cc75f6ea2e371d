/** What happens now: realtime, once or as a stream, and the overview of a dashboard. */
import { z } from 'zod';
import { funnel } from '../../analytics/reports/funnel.ts';
import { lastHours, statesOf } from '../../analytics/reports/realtime.ts';
import { recovery } from '../../analytics/reports/recovery.ts';
import { longestPeriodMs } from '../../analytics/periods/period.ts';
import { keyedPeriod, reportKey } from '../../analytics/reports/report-key.ts';
import { isNarrowed } from '../../analytics/sessions-in.ts';
import { leastScore } from '../../domain/abandonment-risk.ts';
import { errorCategories, errorSeverities } from '../../domain/error-category.ts';
import { isEnded, sessionStates, stages } from '../../domain/lifecycle.ts';
import { listErrorPatterns, type ErrorPattern } from '../../stores/postgres/error-patterns.ts';
import { sessionsAtRisk } from '../../stores/postgres/sessions-at-risk.ts';
import { sessionStatesNow, type StateCounts } from '../../stores/postgres/session-states.ts';
import { openTasksOf } from '../../stores/postgres/task-reports.ts';
import { annotationsOf, annotationsWire } from '../annotations.ts';
import {
  answered, bodyOf, FreshnessWire, howAnswered, periodOf, PeriodWire, reportAnswers, servedRun, sessionFilters, type Answering,
  type ReportInput,
} from '../report-route.ts';
import { iso } from '../presentation.ts';
import { route, type Answer } from '../route.ts';
import type { Services } from '../services.ts';
import { recommended } from '../why-reports.ts';
import { RecommendationWire, recommendationWire } from '../why-wire.ts';
import { clientId, count, drill_down, minutes, rateOrNull, time } from '../wire.ts';

const hours = { time_range_hours: z.coerce.number().int().min(1).max(720).default(24).meta({ description: 'Back from now' }) };
type Hours = typeof hours;
const query = z.strictObject({ ...clientId, ...hours, ...sessionFilters, ...howAnswered });
const stage = z.enum(stages);

const ErrorsWire = z.array(z.object({
  fingerprint: z.string(), task_name: z.string(), category: z.enum(errorCategories), severity: z.enum(errorSeverities), count,
  affected_sessions: count, last_seen: time,
})).readonly();
const DropOffWire = z.object({
  from_stage: stage, to_stage: stage, drop_off_count: count, drop_off_rate: z.number(), drill_down,
});

/** Of figures about who works on it. */
const ofAll = 'Of the whole tenant, whatever the filters are';

const realtimeAnswer = {
  total_sessions: count.meta({ description: 'Started in the time range; so are those of stage_breakdown and completion_rate' }), drill_down,
  active_sessions: count.meta({ description: 'Open at this moment, whenever they began' }), active_drill_down: drill_down,
  states: z.partialRecord(z.enum(sessionStates), count).meta({
    description: 'Open sessions whenever they began, ended ones that ended in the time range. At this moment; with a filter as of '
      + 'freshness.data_through',
  }),
  state_drill_downs: z.partialRecord(z.enum(sessionStates), drill_down).meta({ description: 'Of each state in `states`, its sessions' }),
  stage_breakdown: z.record(stage, count).meta({ description: 'Sessions that reached the stage' }),
  drill_downs: z.record(stage, drill_down),
  completion_rate: rateOrNull,
  avg_session_duration_minutes: minutes.meta({ description: 'Of those that have ended' }),
  recent_errors: ErrorsWire.meta({ description: ofAll }),
  at_risk_count: count.meta({ description: `Open sessions of level high or critical. ${ofAll}` }),
  dlq_size: count.meta({ description: `Tasks that are parked or being retried. ${ofAll}` }),
  weekly_summary: z.object({
    total_sessions: count, completion_rate: rateOrNull, avg_completion_time_minutes: minutes, top_drop_off: DropOffWire.nullable(),
    drill_down,
  }).meta({ description: 'The last seven days, at most five minutes old' }),
  cache_ttl_seconds: z.number().meta({ description: 'For so long the same answer is given' }), ...annotationsWire,
};

/** With the pause between two runs (service.ts) and the flush of a change, a second, no change of stage is seen later than after 5 s. */
const keep = { freshMs: 1_500, staleMs: 0 };
const shownErrors = 10;
const shownRecommendations = 3;

const realtime: Answering<Hours, typeof realtimeAnswer> = {
  keep,
  compute: async (input) => {
    const { filters, period, tenant, now, services, links, query: { time_range_hours: range } } = input;
    const { clickhouse } = services.reports;
    const [last, states, errors, risky, tasks, weekly_summary, happened] = await Promise.all([
      lastHours(clickhouse, filters, now), statesNow(input), errorsOf(services, tenant, range, now),
      atRisk(services, tenant, now), openTasksOf(services.stores.db, tenant), weekOf(input), annotationsOf(services, tenant, period),
    ]);
    return {
      ...last, drill_down: links.to(), drill_downs: linksOfStages(input), states,
      state_drill_downs: linksOfStates(input, states), recent_errors: errors.rows, at_risk_count: risky,
      active_sessions: openIn(states), active_drill_down: linkOfOpen(input),
      dlq_size: tasks.open, weekly_summary, cache_ttl_seconds: Math.ceil(keep.freshMs / 1_000), annotations: happened,
    };
  },
};

const overviewAnswer = {
  overview: z.object({
    total_sessions: count, active_sessions: count, completed_sessions: count, conversion_rate: rateOrNull,
    avg_completion_time_minutes: minutes, median_completion_time_minutes: minutes, drill_down,
    drill_downs: z.object({ active_sessions: drill_down, completed_sessions: drill_down }),
  }),
  funnel: z.object({
    stages: z.array(z.object({ name: stage, count, conversion_rate: rateOrNull, drop_off_rate: rateOrNull, drill_down })),
    top_drop_offs: z.array(DropOffWire),
  }),
  recovery: z.object({
    checkpoints_created: count, sessions_resumed: count, resume_success_rate: rateOrNull.meta({
      description: 'Of the resumed sessions, those in which an answer was accepted or a stage reached afterwards',
    }),
    at_risk_count: count.meta({ description: ofAll }),
  }),
  errors: z.object({ total: count, patterns: ErrorsWire }).meta({ description: ofAll }),
  dlq: z.object({ open: count, parked: count, retrying: count, oldest_task_age_seconds: z.number().nullable(), capacity: count })
    .meta({ description: ofAll }),
  recommendations: z.array(RecommendationWire).readonly().meta({ description: 'The three gravest' }),
  time_range: z.object({ start: time, end: time, hours: z.number() }),
};

const overview: Answering<Hours, typeof overviewAnswer> = {
  compute: async (input) => {
    const { filters, tenant, now, services, links, query: { time_range_hours: range } } = input;
    const { clickhouse } = services.reports;
    const { startMs, endMs } = filters;
    const [report, states, recovered, errors, risky, tasks, { measured, recommendations }] = await Promise.all([
      funnel(clickhouse, filters, now), statesNow(input), recovery(clickhouse, filters, now), errorsOf(services, tenant, range, now),
      atRisk(services, tenant, now), openTasksOf(services.stores.db, tenant), recommended(input),
    ]);
    return {
      overview: {
        total_sessions: report.total_sessions, active_sessions: openIn(states), completed_sessions: report.completed_sessions,
        conversion_rate: report.overall_conversion_rate, avg_completion_time_minutes: report.avg_completion_time_minutes,
        median_completion_time_minutes: report.median_completion_time_minutes, drill_down: links.to(),
        drill_downs: { active_sessions: linkOfOpen(input), completed_sessions: links.to({ outcome: 'completed' }) },
      },
      funnel: {
        stages: report.stages.map(({ name, count: reached, conversion_rate, drop_off_rate }) => ({
          name, count: reached, conversion_rate, drop_off_rate, drill_down: links.to({ stage: name }),
        })),
        top_drop_offs: report.top_drop_off_points.slice(0, 3).map((point) => ({
          from_stage: point.from_stage, to_stage: point.to_stage, drop_off_count: point.drop_off_count, drop_off_rate: point.drop_off_rate,
          drill_down: links.to({ stage: point.from_stage, outcome: 'dropped' }),
        })),
      },
      recovery: { ...recovered, at_risk_count: risky },
      errors: { total: errors.total, patterns: errors.rows },
      dlq: {
        open: tasks.open, parked: tasks.parked, retrying: tasks.retrying, capacity: services.deadLetters.capacity,
        oldest_task_age_seconds: tasks.oldestSeconds,
      },
      recommendations: recommendations.slice(0, shownRecommendations).map((each) => recommendationWire(each, measured, links)),
      time_range: { start: iso(startMs), end: iso(endMs), hours: range },
    };
  },
};

const problems = ['unknown_flow', 'unknown_filter_value'] as const;

export const liveRoutes = [
  route.get('/analytics/realtime', {
    summary: 'The last hours; with Accept: text/event-stream as events, each the whole and at most 5 s old', access: ['analyst'],
    limits: ['api'], query, problems: [...problems, 'too_many_streams'],
    answers: { 200: z.object({ period: PeriodWire, freshness: FreshnessWire, ...realtimeAnswer }).meta({ id: 'Realtime' }) },
    headers: reportAnswers.headers, sends: [...reportAnswers.sends, 'text/event-stream'],
    handler: async ({ query: asked, call, services }) => {
      const report = { ...realtime, days: asked.time_range_hours / 24 };
      const name = 'GET /analytics/realtime';
      const path = '/analytics/realtime';
      if (!/\btext\/event-stream\b/i.test(call.header('accept'))) {
        return answered<Hours, typeof realtimeAnswer, Answer<never>['body']>(report, { name, path, query: asked, call, services });
      }
      const produce = async () => {
        const served = await servedRun<Hours, typeof realtimeAnswer>(report, {
          name, path, query: { ...asked, fresh: 'false' }, services,
          call: { actor: call.actor, method: 'GET', receivedAt: services.now() },
        });
        return { id: iso(served.startedAt), data: bodyOf(served, asked.client_id) };
      };
      // how it is answered makes no other stream
      const followed = JSON.stringify([name, call.actor.tenant, { ...asked, fresh: undefined, format: undefined }]);
      return { stream: await services.reports.live.follow(call, followed, 'realtime', produce) };
    },
  }),
  route.get('/dashboard/overview', {
    summary: 'The last hours at a glance: sessions, funnel, recovery, errors, parked tasks', access: ['analyst'], limits: ['api'], query,
    problems, answers: { 200: z.object({ period: PeriodWire, freshness: FreshnessWire, ...overviewAnswer }).meta({ id: 'Overview' }) },
    ...reportAnswers,
    handler: ({ query: asked, call, services }) => (
      answered<Hours, typeof overviewAnswer, Answer<never>['body']>(
        { ...overview, days: asked.time_range_hours / 24 },
        { name: 'GET /dashboard/overview', path: '/dashboard/overview', query: asked, call, services },
      )
    ),
  }),
];

/** No session is open for longer than the longest period. */
function statesNow({ filters, tenant, now, services }: ReportInput<unknown>): Promise<StateCounts> {
  return isNarrowed(filters)
    ? statesOf(services.reports.clickhouse, filters, { openForMs: longestPeriodMs, now })
    : sessionStatesNow(services.stores.db, tenant, new Date(filters.startMs));
}

async function atRisk(services: Services, tenant: string, now: number): Promise<number> {
  return (await sessionsAtRisk(services.stores.db, { tenant, least: leastScore.high, limit: 1, now })).total;
}

async function errorsOf(
  { stores: { db } }: Services, tenant: string, range: number, now: number,
): Promise<{ readonly total: number; readonly rows: z.input<typeof ErrorsWire> }> {
  const page = await listErrorPatterns(
    db, { tenant, hours: range, now, category: null, task_name: null }, { limit: shownErrors, after: null },
  );
  return { total: page.total, rows: page.rows.map(presentError) };
}

/** Without the message, which is for who operates the service. */
function presentError({ fingerprint, task_name, category, severity, count: times, affected_sessions, last_seen }: ErrorPattern) {
  return { fingerprint, task_name, category, severity, count: times, affected_sessions, last_seen: last_seen.toISOString() };
}

function linksOfStages({ links }: Pick<ReportInput<unknown>, 'links'>): Record<(typeof stages)[number], string> {
  return Object.fromEntries(stages.map((name) => [name, links.to({ stage: name })])) as Record<(typeof stages)[number], string>;
}

const openIn = (states: StateCounts): number => (
  sessionStates.filter((state) => !isEnded(state)).reduce((sum, state) => sum + (states[state] ?? 0), 0)
);

type Linked = Pick<ReportInput<unknown>, 'links' | 'filters'>;

/** Where sessions are that are open now. */
const whole = ({ filters: { endMs } }: Linked) => ({ startMs: Math.max(0, endMs - longestPeriodMs), endMs });

function linkOfOpen(input: Linked): string {
  return input.links.to({ is_open: true, origin: 'workflow' }, whole(input));
}

/** As `statesNow` counts them. */
function linksOfStates(input: Linked, states: StateCounts): z.input<typeof realtimeAnswer.state_drill_downs> {
  const { links, filters: { startMs } } = input;
  return Object.fromEntries(sessionStates.filter((state) => state in states).map((state) => [
    state, links.to({ state, origin: 'workflow', ...(isEnded(state) ? { ended_from_ms: startMs } : {}) }, whole(input)),
  ]));
}

/** Kept by itself: it changes little, and whoever follows the last hours asks again and again. */
async function weekOf(
  { filters: asked, tenant, services, now, links }: ReportInput<unknown>,
): Promise<z.input<typeof realtimeAnswer.weekly_summary>> {
  const period = periodOf({}, now);
  const { tenant: _tenant, startMs: _start, endMs: _end, ...narrowed } = asked;
  const key = reportKey({ report: 'weekly summary', period: keyedPeriod({}, period, 7), parameters: narrowed });
  const { value: { report, startMs, endMs } } = await services.reports.cache.get(
    { name: { tenant, key }, report: 'weekly summary', receivedAt: now, fresh: false },
    async () => {
      const at = periodOf({}, services.now());
      const within = { startMs: at.startMs, endMs: at.endMs };
      return { ...within, report: await funnel(services.reports.clickhouse, { ...asked, ...within }, services.now()) };
    },
  );
  const [worst] = report.top_drop_off_points;
  const within = { startMs, endMs };
  return {
    total_sessions: report.total_sessions, completion_rate: report.overall_conversion_rate,
    avg_completion_time_minutes: report.avg_completion_time_minutes, drill_down: links.to({}, within),
    top_drop_off: worst === undefined ? null : {
      from_stage: worst.from_stage, to_stage: worst.to_stage, drop_off_count: worst.drop_off_count, drop_off_rate: worst.drop_off_rate,
      drill_down: links.to({ stage: worst.from_stage, outcome: 'dropped' }, within),
    },
  };
}
