/** The sessions of a funnel of one's own, each with how far it came: as SQL, from which a report counts and a list lists. */
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { stages } from '../../domain/lifecycle.ts';
import type { FollowedSessions } from '../reports/followed.ts';
import { leftCondition, sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { sum } from '../statistics/proportions.ts';
import type { StepSet } from './attempt.ts';
import type { Outcome } from './outcome.ts';
import { nothing, partsOf, usual, type FoundHistory, type HistoryBounds, type OwnFunnel, type Part } from './parts.ts';
import { columns } from './sources.ts';

export { TooManyHistories, type HistoryBounds, type OwnFunnel } from './parts.ts';

/**
 * Columns of a SELECT: those of a session, `is_left`, `history_ms`, `opens`, `level`, `optional`, and of required steps `at_1`, `at_2` …
 * and `first_1`, `first_2` … (as in outcome.ts).
 */
export type Cohort = Statement;

/** Sessions that came equally far. */
export interface Counted {
  readonly level: number;
  readonly optional: StepSet;
  readonly is_left: boolean;
  readonly sessions: number;
}

export interface OwnCohort extends Cohort {
  /** Those whose histories said all. */
  readonly counted: readonly Counted[];
  /** Counts the others as `Asked`: `sessions` of them were there. null: none was. */
  readonly rest: { readonly statement: Statement; readonly sessions: number } | null;
  /** Counts all of them in one pass. */
  readonly all: Statement;
  /** Counts sessions whose history came after the histories were worked out: they are not in the cohort. */
  readonly unseen: Statement;
}

/** `asked`: also those whose first attempt lies outside of the period. */
interface Asked extends Counted { readonly asked: number }

/** How many of the cohort came how far. Where sessions have gone over to the others meanwhile, and would count twice, all are asked. */
export async function countsOf(db: ClickHouse, { counted, rest, all }: OwnCohort, options: QueryOptions = {}): Promise<readonly Counted[]> {
  if (rest === null) return counted;
  const others = await db.query<Asked>(rest.statement, options);
  return sum(others, ({ asked }) => asked) === rest.sessions ? [...counted, ...others] : db.query<Counted>(all, options);
}

/** Throws TooManyHistories. */
export async function cohortOf(
  db: ClickHouse, funnel: OwnFunnel, options: QueryOptions = {}, bounds: HistoryBounds = usual,
): Promise<OwnCohort> {
  return together(funnel, await partsOf(db, funnel, options, bounds));
}

/** Whose sessions are those of all parts, each of which is in one of them. */
function together({ definition }: OwnFunnel, parts: readonly Part[]): OwnCohort {
  const required = definition.steps.filter(({ optional }) => !optional).length;
  const all = parts.map((part, index) => rowsOf(part, required, `part_${index}`));
  const params: Cohort['params'] = Object.assign({}, ...all.map((part) => part.params)) as Cohort['params'];
  const sql = all.map((part) => part.sql).join('\nUNION ALL\n');
  const rest = parts.map((part, index) => {
    const sessions = sum(part.histories, ({ outcome, sessions: every, whole }) =>
      (outcome.opens === 0 ? 0 : part.isCut ? every : every - whole));
    return { sessions, sql: rowsOf(uncounted(part), required, `part_${index}`, 'opens > 0').sql };
  }).filter(({ sessions }) => sessions > 0);
  const counting = (from: string, columns: string): Statement => ({
    sql: `SELECT level, optional, toBool(is_left) AS is_left, ${columns} FROM (${from}) GROUP BY level, optional, is_left`, params,
  });
  return {
    sql, params, all: counting(sql, 'count() AS sessions'),
    counted: parts.filter(({ isCut }) => !isCut).flatMap(({ histories }) => histories.flatMap(countedOf)),
    rest: rest.length === 0 ? null : {
      sessions: sum(rest, (each) => each.sessions),
      statement: counting(rest.map((each) => each.sql).join('\nUNION ALL\n'), `countIf(${inPeriod}) AS sessions, count() AS asked`),
    },
    unseen: {
      sql: `SELECT sum(sessions) AS sessions FROM (${parts.map(({ source }, index) => `SELECT count() AS sessions FROM (${source.sql})
        WHERE history NOT IN {part_${index}_seen:Array(String)}`).join('\nUNION ALL\n')})`,
      params: {
        ...params,
        ...Object.fromEntries(parts.map(({ histories }, index) => [`part_${index}_seen`, histories.map(({ history }) => history)])),
      },
    },
  };
}

/** Those of which not all lies in the period. They are at its two ends: what lies between is not read. */
function uncounted(part: Part): Part {
  const { source, isCut, histories } = part;
  if (isCut) return part;
  const from = Math.min(...histories.flatMap(({ cut_from_ms: ms }) => (ms > 0 ? [ms] : [])));
  const later = Number.isFinite(from) ? ` OR started_at >= fromUnixTimestamp64Milli(${from})` : '';
  const sql = `SELECT * FROM (${source.sql}) WHERE NOT is_whole AND (started_at < fromUnixTimestamp64Milli({start_ms:Int64})${later})`;
  return { ...part, source: { ...source, sql } };
}

function countedOf({ outcome: { opens, level, optional }, whole, whole_left: left }: FoundHistory): readonly Counted[] {
  if (opens === 0) return [];
  return [{ level, optional, is_left: true, sessions: left }, { level, optional, is_left: false, sessions: whole - left }];
}

/** Sessions go on while they are counted: so often it is counted anew when one has come to a history that was not there before. */
const triesMax = 4;

/** What `work` finds in the cohorts of the funnels, as the sessions are when it ends. Throws TooManyHistories. */
export async function inCohorts<T, Funnels extends readonly OwnFunnel[]>(
  db: ClickHouse, funnels: Funnels, work: (...cohorts: { readonly [Index in keyof Funnels]: OwnCohort }) => Promise<T>,
  options: QueryOptions = {}, bounds: HistoryBounds = usual,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const cohorts = await Promise.all(funnels.map((funnel) => cohortOf(db, funnel, options, bounds)));
    const found = await work(...cohorts as { [Index in keyof Funnels]: OwnCohort });
    if (tries === triesMax || !(await Promise.all(cohorts.map((cohort) => hasUnseen(db, cohort, options)))).includes(true)) return found;
  }
}

/** Whether sessions have changed since so that their histories are new. */
async function hasUnseen(db: ClickHouse, { unseen }: OwnCohort, options: QueryOptions = {}): Promise<boolean> {
  const [{ sessions } = { sessions: 0 }] = await db.query<{ sessions: number }>(unseen, options);
  return sessions > 0;
}

const inPeriod = '(history_ms[opens] >= {start_ms:Int64} AND history_ms[opens] < {end_ms:Int64})';

/** A history is looked up once; by its number everything that is known of it. Number 1 is of all others: nothing opens there. */
function rowsOf({ source, histories, isCut }: Part, required: number, prefix: string, condition = `opens > 0 AND ${inPeriod}`): Cohort {
  const opening = histories.filter(({ outcome }) => outcome.opens > 0);
  // an array without elements has no type that transform takes
  const all = opening.length === 0 ? [{ history: '', outcome: nothing }] : opening;
  const values: Record<string, (outcome: Outcome) => number> = {
    opens: ({ opens }) => opens, furthest: ({ level }) => level, optional: ({ optional }) => optional,
  };
  const steps = Array.from({ length: required }, (_, index) => index + 1);
  for (const step of steps) {
    values[`at_${step}`] = ({ at }) => at[step - 1] ?? 0;
    values[`first_${step}`] = ({ first }) => first[step - 1] ?? 0;
  }
  const looked = Object.keys(values).map((name) => `arrayElement({${prefix}_${name}:Array(UInt32)}, known) AS ${name}`);
  const within = steps.map((step) => `(furthest >= ${step} AND history_ms[at_${step}] - history_ms[opens] <= {window_ms:UInt64})`);
  return {
    sql: `SELECT ${columns.join(', ')}, is_left, history_ms, ${looked.join(', ')},
      ${isCut ? `toUInt32(${within.join(' + ')})` : 'furthest'} AS level
      FROM (
        SELECT ${columns.join(', ')}, is_left, is_whole, history_ms,
          transform(history, {${prefix}_histories:Array(String)}, {${prefix}_numbers:Array(UInt32)}, toUInt32(1)) AS known
        FROM (${source.sql})
      )
      WHERE ${condition}`,
    params: {
      ...source.params, [`${prefix}_histories`]: all.map(({ history }) => history), [`${prefix}_numbers`]: all.map((_, index) => index + 2),
      ...Object.fromEntries(Object.entries(values).map(([name, value]) =>
        [`${prefix}_${name}`, [0, ...all.map(({ outcome }) => value(outcome))]])),
    },
  };
}

/** `required`: steps of the funnel. They start with their first attempt. */
export function cohortSessions({ sql, params }: Cohort, required: number): FollowedSessions {
  const steps = Array.from({ length: required }, (_, index) => (
    { made: `level >= ${index + 1}`, ms: `toUInt64(history_ms[first_${index + 1}] - history_ms[opens])` }
  ));
  return { sql, params, steps, isOld: 'toInt64(history_ms[opens]) <= {followed_until_ms:Int64}' };
}

/** The stage funnel's, in the same form: a row says when each stage was reached. */
export function stageCohort(filters: SessionFilters, now: number): Cohort {
  const { from, params } = sessionsIn(filters, now);
  const started = 'toUInt64(toUnixTimestamp64Milli(started_at))';
  const times = stages.map((stage) => (stage === 'started' ? started : `${started} + ${stage}_ms`));
  const places = stages.map((_, index) => `${index + 1} AS at_${index + 1}, ${index + 1} AS first_${index + 1}`);
  return {
    sql: `SELECT ${columns.join(', ')}, ${leftCondition} AS is_left, 1 AS opens, stage AS level, 0 AS optional,
      [${times.join(', ')}] AS history_ms, ${places.join(', ')} FROM ${from}`,
    params,
  };
}
