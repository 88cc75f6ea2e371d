/**
 * What stands behind factors and recommendations: sessions of the period and of the one before, as they stood a fixed time after their
 * own start (followed.ts), so that a young one is not taken for a bad one.
 */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { followedParams, followedUntil, followUpOf, stageSessions, type FollowedSessions } from '../reports/followed.ts';
import { periodBefore, type Period } from '../periods/period.ts';
import { stageNumbers, type Segment } from '../rows.ts';
import { leftCondition, sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { sum, type Arm } from '../statistics/proportions.ts';
import type { QuestionCell, StageCell } from './comparables.ts';
import { againstOthers, less, type FactorCounts } from './factors.ts';
import { eventsOf, gotPastQuestions } from '../why-selection.ts';

export interface Measured {
  readonly followUpSeconds: number;
  /** Sessions of the period that are old enough. */
  readonly sessions: number;
  readonly excludedYoung: number;
  /** The filters that select just those; `previous`: of the period before. */
  readonly followed: SessionFilters;
  readonly previous: SessionFilters;
  readonly stageCells: readonly StageCell[];
  readonly questionCells: readonly QuestionCell[];
  readonly factors: readonly FactorCounts[];
}

/** `period` is that of the filters. */
export async function measure(
  db: ClickHouse, filters: SessionFilters, period: Period, now: number, options: QueryOptions = {},
): Promise<Measured> {
  const before = periodBefore(period, 'previous');
  const whole = { ...filters, startMs: Math.max(0, before.startMs), endMs: Math.max(0, before.endMs) };
  const followUpMs = await followUpOf(db, [stageSessions(whole, now), stageSessions(filters, now)], options);
  const until = followedUntil({ followUpMs, now }) + 1;
  const [previous, followed] = [cutAt(whole, until), cutAt(filters, until)];
  const ask: Asked = { db, now, withinMs: followUpMs, options };
  const [all, current, earlier, questions, answers, refusals, errors] = await Promise.all([
    sessionsOf(ask, filters), stepCells(ask, stageSessions(followed, now), 'this'),
    stepCells(ask, stageSessions(previous, now), 'previous'), questionNumbers(ask, followed),
    answerFactors(ask, followed), refusalArms(ask, followed), errorFactors(ask, followed),
  ]);
  const sessions = sum(current, (cell) => cell.sessions);
  return {
    followUpSeconds: followUpMs / 1_000, sessions, excludedYoung: all - sessions, followed, previous, stageCells: [...current, ...earlier],
    questionCells: questions,
    factors: [...dimensionFactors(current), ...answers, ...questionFactors(questions, refusals), ...errors],
  };
}

function cutAt(filters: SessionFilters, untilMs: number): SessionFilters {
  return { ...filters, endMs: Math.max(filters.startMs, Math.min(filters.endMs, untilMs)) };
}

interface Asked { readonly db: ClickHouse; readonly now: number; readonly withinMs: number; readonly options: QueryOptions }

async function sessionsOf({ db, now, options }: Asked, filters: SessionFilters): Promise<number> {
  const { from, params } = sessionsIn(filters, now);
  const [row] = await db.query<{ readonly sessions: number }>({ sql: `SELECT count() AS sessions FROM ${from}`, params }, options);
  return row?.sessions ?? 0;
}

const done = `(stage >= ${stageNumbers.completed} AND completed_ms <= {within_ms:UInt64})`;

interface SegmentCell extends StageCell { readonly segment: Segment }

/** How far each had come by then. A step is never made before the one before it. */
async function stepCells(
  { db, now, withinMs, options }: Asked, { sql, params, isOld, steps }: FollowedSessions, period: StageCell['period'],
): Promise<readonly SegmentCell[]> {
  const made = steps.slice(1).map((step) => ` + (${step.made} AND ${step.ms} <= {follow_up_ms:UInt64})`).join('');
  const rows = await db.query<Omit<SegmentCell, 'period'>>({
    sql: `SELECT flow, flow_version, language, device, segment, reached AS stage, count() AS sessions
      FROM (SELECT flow, flow_version, language, device, segment, 1${made} AS reached FROM (${sql}) WHERE ${isOld})
      GROUP BY flow, flow_version, language, device, segment, reached`,
    params: { ...params, ...followedParams({ followUpMs: withinMs, now }) },
  }, options);
  return rows.map((row) => ({ ...row, period }));
}

export interface StepsMeasured {
  readonly followUpSeconds: number;
  readonly cells: readonly StageCell[];
}

/** The steps alone, of any sessions that are followed. */
export async function measureSteps(
  db: ClickHouse, earlier: FollowedSessions, later: FollowedSessions, now: number, options: QueryOptions = {},
): Promise<StepsMeasured> {
  const followUpMs = await followUpOf(db, [earlier, later], options);
  const ask: Asked = { db, now, withinMs: followUpMs, options };
  const cells = await Promise.all([stepCells(ask, later, 'this'), stepCells(ask, earlier, 'previous')]);
  return { followUpSeconds: followUpMs / 1_000, cells: cells.flat() };
}

/** Sessions that were shown a question; `successes` of those that finished. */
interface QuestionRow extends QuestionCell {
  readonly finished: number;
  readonly repeated: number;
  readonly repeated_finished: number;
}

function questionNumbers(ask: Asked, filters: SessionFilters): Promise<readonly QuestionRow[]> {
  return select<QuestionRow>(ask, filters, (from) => `
    SELECT question AS question_id, flow, flow_version, language, device, count() AS sessions, countIf(left_at = question) AS dropped,
      countIf(done) AS finished, countIf(again > 0) AS repeated, countIf(again > 0 AND done) AS repeated_finished
    FROM (
      SELECT flow, flow_version, language, device, questions, question_repeats, ${done} AS done,
        if(stage < ${stageNumbers.completed} AND ${leftCondition}, last_question, '') AS left_at
      FROM ${from}
    ) ARRAY JOIN questions AS question, question_repeats AS again
    GROUP BY question, flow, flow_version, language, device`);
}

/** Of several choices each one is a value: with it are those that chose it, whatever else they chose. */
async function answerFactors(ask: Asked, filters: SessionFilters): Promise<readonly FactorCounts[]> {
  const rows = await select<{ question_id: string; value: string } & Arm>(ask, filters, (from) => `
    SELECT question AS question_id, value, count() AS n, countIf(done) AS successes
    FROM (
      SELECT question, done, arrayConcat([''], splitByChar('+', answer)) AS chosen
      FROM (SELECT closed_answers, ${done} AS done FROM ${from})
      ARRAY JOIN mapKeys(closed_answers) AS question, mapValues(closed_answers) AS answer
    ) ARRAY JOIN chosen AS value
    GROUP BY question, value`);
  const questions = Map.groupBy(rows, ({ question_id: question }) => question);
  return [...questions].flatMap(([question, values]) => {
    // '' stands for all that answered
    const all = values.find(({ value }) => value === '') ?? none;
    return againstOthers('answer', question, new Map(values.filter(({ value }) => value !== '').map((arm) => [arm.value, arm])), all);
  });
}

/** Of sessions that were shown a question, those of which an answer to it was refused. */
function refusalArms(ask: Asked, filters: SessionFilters): Promise<readonly ({ readonly question_id: string } & Arm)[]> {
  return select(ask, filters, (from) => `
    SELECT question AS question_id, uniqExact(session_id) AS n, uniqExactIf(session_id, done) AS successes
    FROM (SELECT session_id, questions, ${done} AS done FROM ${from}) AS shown
    INNER JOIN (${eventsOf(['answer_refused'], 'DISTINCT session_id AS session_id, question_id AS question')}) AS refused USING (session_id)
    WHERE has(questions, question)
    GROUP BY question`);
}

async function errorFactors(ask: Asked, filters: SessionFilters): Promise<readonly FactorCounts[]> {
  const rows = await select<{ met: 0 | 1 } & Arm>(ask, filters, (from) => `
    SELECT session_id IN (${eventsOf(['task_parked'], 'session_id')}) AS met, count() AS n, countIf(done) AS successes
    FROM (SELECT session_id, ${done} AS done FROM ${from} AND ${gotPastQuestions})
    GROUP BY met`);
  const [without, with_] = [0, 1].map((met) => arm(rows.find((row) => row.met === met)));
  if (with_ === undefined || without === undefined || with_.n === 0) return [];
  return [{ kind: 'error', question_id: null, value: null, with: with_, without }];
}

function dimensionFactors(cells: readonly SegmentCell[]): readonly FactorCounts[] {
  return ([['device', 'device'], ['language', 'language'], ['user_segment', 'segment']] as const).flatMap(([kind, column]) => {
    const values = new Map([...Map.groupBy(cells, (cell) => cell[column])].flatMap(([value, some]) => (value === '' ? [] : [[value, {
      n: sum(some, ({ sessions }) => sessions),
      successes: sum(some.filter(({ stage }) => stage >= stageNumbers.completed), ({ sessions }) => sessions),
    }] as const])));
    return againstOthers(kind, null, values);
  });
}

function questionFactors(
  rows: readonly QuestionRow[], refusals: readonly ({ readonly question_id: string } & Arm)[],
): readonly FactorCounts[] {
  const refused = new Map(refusals.map((row) => [row.question_id, row]));
  return [...Map.groupBy(rows, ({ question_id: question }) => question)].flatMap(([question_id, some]) => {
    const all = { n: sum(some, ({ sessions }) => sessions), successes: sum(some, ({ finished }) => finished) };
    const repeated = { n: sum(some, (row) => row.repeated), successes: sum(some, (row) => row.repeated_finished) };
    return ([['repeat', repeated], ['refusal', arm(refused.get(question_id))]] as const).flatMap(([kind, with_]) => (
      with_.n === 0 ? [] : [{ kind, question_id, value: null, with: with_, without: less(all, with_) } satisfies FactorCounts]
    ));
  });
}

async function select<Row>({ db, now, withinMs, options }: Asked, filters: SessionFilters, sql: (from: string) => string): Promise<Row[]> {
  const { from, params } = sessionsIn(filters, now);
  return db.query<Row>({ sql: sql(from), params: { ...params, within_ms: withinMs } }, options);
}

const none: Arm = { n: 0, successes: 0 };

function arm(row: Arm | undefined): Arm {
  return row === undefined ? none : { n: row.n, successes: row.successes };
}
