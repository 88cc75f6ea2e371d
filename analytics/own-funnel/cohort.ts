/** The sessions of a funnel of one's own, each with how far it came: as SQL, from which a report counts and a list lists. */
import type { ClickHouse, Parameter, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { stages } from '../../domain/lifecycle.ts';
import type { FollowedSessions } from '../followed.ts';
import { foreign, later } from '../history.ts';
import { leftCondition, sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { hasWhere, type FunnelDefinition } from './definition.ts';
import { bitOf, has, stepsOf, type Mark } from './marks.ts';
import { outcomeOf, type MarkedHistory, type Outcome } from './outcome.ts';
import { columns, eventHistories, otherBefore, reachAfter, reducedTrails, trails, union, withoutTrail, withReach,
  type Source } from './sources.ts';
import { Alphabet, type NamedSymbols } from './symbols.ts';

/** Different histories of one funnel at most. Each is worked out once; a tenant has some thousand. */
export const historiesMax = 50_000;
/** `trails`: of whole trails; where there are more, only what the funnel names is compared. */
export interface HistoryBounds { readonly trails: number; readonly histories: number }
const usual: HistoryBounds = { trails: 20_000, histories: historiesMax };

/** There are too many different histories to work out: a shorter period or fewer steps have less. */
export class TooManyHistories extends Error {
  override readonly name = 'TooManyHistories';
}

export interface OwnFunnel {
  readonly definition: FunnelDefinition;
  readonly filters: SessionFilters;
  /** Epoch ms: decides what of imported sessions was left. */
  readonly now: number;
  readonly symbols: NamedSymbols;
}

/**
 * Columns of a SELECT: those of a session, `is_left`, `history_ms`, `opens`, `level`, `optional`, and of required steps `at_1`, `at_2` …
 * and `first_1`, `first_2` … (as in outcome.ts).
 */
export interface Cohort {
  readonly sql: string;
  readonly params: Readonly<Record<string, Parameter>>;
  /** Counts sessions whose history came after the histories were worked out: they are not in the cohort. */
  readonly unseen?: Statement;
}

/** Throws TooManyHistories. */
export async function cohortOf(
  db: ClickHouse, funnel: OwnFunnel, options: QueryOptions = {}, bounds: HistoryBounds = usual,
): Promise<Cohort> {
  const alphabet = new Alphabet(funnel.symbols, funnel.definition);
  for (const { source, max } of await sourcesOf(db, funnel, alphabet, options, bounds)) {
    const { sql, params } = source;
    const rows = await db.query<{ history: string }>({ sql: `SELECT DISTINCT history FROM (${sql}) LIMIT ${max + 1}`, params }, options);
    if (rows.length > max) continue;
    const outcomes = rows.flatMap(({ history }): [string, Outcome][] => {
      const outcome = outcomeOf(read(history, alphabet), funnel.definition);
      return outcome.opens === 0 ? [] : [[history, outcome]];
    });
    const seen = rows.map(({ history }) => history);
    return { ...withOutcomes(source, funnel, outcomes), unseen: unseenIn(source, seen) };
  }
  throw new TooManyHistories(`More than ${bounds.histories} different histories`);
}

function unseenIn({ sql, params }: Source, seen: readonly string[]): Statement {
  return { sql: `SELECT count() AS sessions FROM (${sql}) WHERE NOT has({seen:Array(String)}, history)`, params: { ...params, seen } };
}

/** Sessions go on while they are counted: so often it is counted anew when one has come to a history that was not there before. */
const triesMax = 4;

/** What `work` finds in the cohorts of the funnels, as the sessions are when it ends. Throws TooManyHistories. */
export async function inCohorts<T, Funnels extends readonly OwnFunnel[]>(
  db: ClickHouse, funnels: Funnels, work: (...cohorts: { readonly [Index in keyof Funnels]: Cohort }) => Promise<T>,
  options: QueryOptions = {}, bounds: HistoryBounds = usual,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const cohorts = await Promise.all(funnels.map((funnel) => cohortOf(db, funnel, options, bounds)));
    const found = await work(...cohorts as { [Index in keyof Funnels]: Cohort });
    if (tries === triesMax || !(await Promise.all(cohorts.map((cohort) => hasUnseen(db, cohort, options)))).includes(true)) return found;
  }
}

/** Whether sessions have changed since so that their histories are new. */
async function hasUnseen(db: ClickHouse, { unseen }: Cohort, options: QueryOptions = {}): Promise<boolean> {
  if (unseen === undefined) return false;
  const [{ sessions } = { sessions: 0 }] = await db.query<{ sessions: number }>(unseen, options);
  return sessions > 0;
}

interface Way { readonly source: Source; readonly max: number }

/** The ways to the same answer, the quick one first. */
async function sourcesOf(
  db: ClickHouse, funnel: OwnFunnel, alphabet: Alphabet, options: QueryOptions, bounds: HistoryBounds,
): Promise<readonly Way[]> {
  const { definition, filters, now, symbols } = funnel;
  const windowMs = definition.window_seconds === null ? null : definition.window_seconds * 1_000;
  const windowed = (source: Source): Source => (windowMs === null ? source : withReach(source, windowMs));
  if (hasWhere(definition) || symbols.full) {
    return [{ source: windowed(eventHistories(filters, now, definition, 'all')), max: bounds.histories }];
  }
  const opening = alphabet.symbolsWith((mark) => (definition.order === 'unordered' ? stepsOf(mark) !== 0 : has(mark, bitOf.step(0))));
  const others = alphabet.markOf(foreign) !== 0;
  const kept = { opening, symbols: alphabet.symbolsWith((mark) => !others || mark !== bitOf.other), others };
  const [{ sessions } = { sessions: 0 }] = await db.query<{ sessions: number }>(withoutTrail(filters, now), options);
  const untold = sessions === 0 ? [] : [windowed(eventHistories(filters, now, definition, 'without a trail'))];
  // a class of no characters is none; no row has an empty history that opens anything
  const told = (source: () => Source): readonly Source[] => (opening === '' ? [] : [source()]);
  const reduced = { source: union([...told(() => windowed(reducedTrails(filters, now, kept))), ...untold], filters, now),
    max: bounds.histories };
  if (windowMs !== null) return [reduced];
  return [{ source: union([...told(() => trails(filters, now, opening)), ...untold], filters, now), max: bounds.trails }, reduced];
}

/** Characters of a row's history, or marks of events: no character is a digit. */
function read(history: string, alphabet: Alphabet): MarkedHistory {
  const [text = '', reach] = history.split(reachAfter);
  const groups: { place: number; marks: readonly Mark[] }[] = [];
  text.split(later).forEach((group, index) => {
    if (group.startsWith(otherBefore)) groups.push({ place: index, marks: [bitOf.other] });
    groups.push({ place: index + 1, marks: marksOf(group.replace(otherBefore, ''), alphabet) });
  });
  return { groups, reach: reach === undefined ? null : reach.split(',').map(Number) };
}

function marksOf(group: string, alphabet: Alphabet): readonly Mark[] {
  if (/^[\d,]+$/.test(group)) return group.split(',').map(Number);
  return Array.from(group, (symbol) => alphabet.markOf(symbol)).filter((mark) => mark !== 0);
}

function withOutcomes(source: Source, { definition }: OwnFunnel, outcomes: readonly (readonly [string, Outcome])[]): Cohort {
  // an array without elements has no type that transform takes
  const all = outcomes.length === 0 ? [['', { opens: 0, level: 0, at: [], first: [], optional: 0 }] as const] : outcomes;
  const values: Record<string, (outcome: Outcome) => number> = {
    opens: ({ opens: place }) => place, level: ({ level }) => level, optional: ({ optional }) => optional,
  };
  const required = definition.steps.filter(({ optional }) => !optional);
  required.forEach((_, index) => {
    values[`at_${index + 1}`] = ({ at }) => at[index] ?? 0;
    values[`first_${index + 1}`] = ({ first }) => first[index] ?? 0;
  });
  const looked = Object.keys(values).map((name) =>
    `transform(history, {histories:Array(String)}, {${name}:Array(UInt32)}, toUInt32(0)) AS ${name}`);
  return {
    sql: `SELECT *, ${looked.join(',\n')}\nFROM (${source.sql})\nWHERE opens > 0
      AND history_ms[opens] >= {start_ms:Int64} AND history_ms[opens] < {end_ms:Int64}`,
    params: {
      ...source.params, histories: all.map(([history]) => history),
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, all.map(([, outcome]) => value(outcome))])),
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
    sql: `SELECT ${columns.join(', ')}, ${leftCondition} AS is_left, 1 AS opens, stage AS level, 0 AS optional, [${times.join(', ')}] AS history_ms,
      ${places.join(', ')} FROM ${from}`,
    params,
  };
}
