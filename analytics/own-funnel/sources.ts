/**
 * Sessions with their histories, as SQL: each row has `history`, by which sessions are alike for a funnel, and `history_ms`, the epoch
 * milliseconds of its places. What is not of interest to the funnel is left out, so that few histories are different:
 *
 *   trail      the characters of the session's row, as they stand
 *   reduced    of these only the ones that the funnel names; `!` before a group: strict has seen something else since the one before
 *   events     marks as numbers, from the events one by one: what no character tells
 *
 * With a window, a history that is longer than it says after `@` how far each place reaches.
 */
import type { Parameter } from '../../stores/clickhouse/client.ts';
import { later } from '../history.ts';
import { leftCondition, msAfterStart, narrowing, type SessionFilters } from '../sessions-in.ts';
import type { FunnelDefinition } from './definition.ts';
import { bitOf, type Mark } from './marks.ts';

export interface Source {
  /** A SELECT without ORDER BY: columns of `sessions`, `is_left`, `is_whole`, `history`, `history_ms`. */
  readonly sql: string;
  readonly params: Readonly<Record<string, Parameter>>;
}

export const otherBefore = '!';
export const reachAfter = '@';

/** Columns that reports and lists need of a session. */
export const columns = [
  'session_id', 'started_at', 'flow', 'flow_version', 'language', 'segment', 'device', 'closed_answers', 'state', 'stage', 'origin',
  'abandoned_ms', 'ended_ms', 'last_ms',
] as const;

const carried = `${columns.join(', ')}, is_left, is_whole`;

/**
 * Sessions that had any event in the period: a first step may come long after the start. `is_whole`: all their events lie in it, so that
 * nobody has to look when the first step was.
 */
function candidates(filters: SessionFilters, now: number, more: readonly string[]): Source {
  const { conditions, params } = narrowing(filters);
  const until = msAfterStart('last_ms');
  const all = [
    'tenant = {tenant:String}', 'started_at < fromUnixTimestamp64Milli({end_ms:Int64})',
    `${until} >= {start_ms:Int64}`, ...conditions, ...more,
  ];
  return {
    sql: `SELECT ${columns.join(', ')}, ${leftCondition} AS is_left, trail, trail_ms,
      started_at >= fromUnixTimestamp64Milli({start_ms:Int64}) AND ${until} < {end_ms:Int64} AS is_whole
      FROM sessions FINAL WHERE ${all.join(' AND ')}`,
    params: { tenant: filters.tenant, start_ms: filters.startMs, end_ms: filters.endMs, now_ms: now, ...params },
  };
}

/** What of the sessions with a history in their row is looked at. */
export interface ToldOf {
  /** Characters of which one opens an attempt; '': none does. */
  readonly opening: string;
  /** Those that are of interest. */
  readonly symbols: string;
  /** The rest is, too, as far as it is there. */
  readonly others: boolean;
  /** As long as the window at most, or longer. null: whatever they are. */
  readonly span: { readonly windowMs: number; readonly is: 'within' | 'longer' } | null;
  /** Histories that are looked at elsewhere. */
  readonly but?: readonly string[];
}

/** Those without a history in their row come along as '', by which it is seen that there are any. */
function told(filters: SessionFilters, now: number, { opening, span, but }: ToldOf): Source {
  const { sql, params } = candidates(filters, now, [
    opening === '' ? "trail = ''" : "(trail = '' OR match(trail, {opening:String}))",
    ...span === null ? [] : [`last_ms ${span.is === 'within' ? '<=' : '>'} {window_ms:UInt64}`],
    ...but === undefined ? [] : ['trail NOT IN {but:Array(String)}'],
  ]);
  return {
    sql, params: {
      ...params, opening: `[${opening}]`, ...(span === null ? {} : { window_ms: span.windowMs }), ...(but === undefined ? {} : { but }),
    },
  };
}

export function trails(filters: SessionFilters, now: number, of: ToldOf): Source {
  const { sql, params } = told(filters, now, of);
  return { sql: `SELECT ${carried}, trail AS history, trail_ms AS history_ms FROM (${sql})`, params };
}

/** Where nothing else is of interest the text is made as a whole, and which places it has only where their times are asked for. */
export function reducedTrails(filters: SessionFilters, now: number, of: ToldOf): Source {
  const { sql, params } = told(filters, now, of);
  const { symbols, others } = of;
  const text = others
    ? `arrayStringConcat(arrayMap((place, previous) -> concat(if(place > previous + 1, '${otherBefore}', ''),
        replaceRegexpAll(every[place], {dropped:String}, '?')),
        places, arrayPopBack(arrayPushFront(places, toUInt32(if(empty(places), 0, places[1] - 1))))), '${later}')`
    : `trim(BOTH '${later}' FROM replaceRegexpAll(replaceRegexpAll(trail, {dropped:String}, ''), '[${later}]+', '${later}'))`;
  return {
    sql: `SELECT ${carried},
      splitByChar('${later}', trail) AS every,
      arrayFilter((place, text) -> match(text, {kept:String}), arrayEnumerate(every), every) AS places,
      toLowCardinality(${text}) AS history,
      arrayMap(place -> trail_ms[place], places) AS history_ms
      FROM (${sql})`,
    params: { ...params, kept: `[${symbols}]`, dropped: others ? `[^${symbols}]` : `[^${symbols}${later}]+` },
  };
}

/** `only`: just those sessions whose row has no history. */
export function eventHistories(
  filters: SessionFilters, now: number, definition: FunnelDefinition, only: 'without a trail' | 'all',
): Source {
  const { sql, params } = candidates(filters, now, only === 'all' ? [] : ['trail = \'\'']);
  const marked = markExpression(definition);
  return {
    sql: `SELECT ${columns.map((name) => `session.${name} AS ${name}`).join(', ')}, session.is_left AS is_left,
      session.is_whole AS is_whole, told.history AS history, told.history_ms AS history_ms
      FROM (${sql}) AS session
      INNER JOIN (
        SELECT session_id, arraySort(groupArray((ms, text))) AS groups, arrayStringConcat(groups.2, '${later}') AS history,
          groups.1 AS history_ms
        FROM (
          SELECT session_id, ms, arrayStringConcat(arrayMap(mark -> toString(mark), arraySort(groupArray(mark))), ',') AS text
          FROM (
            SELECT session_id, toUInt64(toUnixTimestamp64Milli(ts)) AS ms,
              if(question_id = '', name, concat(name, ':', question_id)) AS key,
              groupBitOr(${marked.sql}) AS mark
            FROM events FINAL
            WHERE tenant = {tenant:String} AND session_id IN (SELECT session_id FROM (${sql}))
            GROUP BY session_id, ms, key
          )
          WHERE mark <> 0
          GROUP BY session_id, ms
        )
        GROUP BY session_id
      ) AS told ON told.session_id = session.session_id`,
    params: { ...params, ...marked.params },
  };
}

/** Longer than the window: how far each place reaches, counted in places. */
export function withReach({ sql, params }: Source, windowMs: number): Source {
  const within = 'arrayMap(from -> toString(arrayCount(ms -> ms <= from + {window_ms:UInt64}, history_ms)), history_ms)';
  const reach = `arrayStringConcat(${within}, ',')`;
  const short = 'empty(history_ms) OR history_ms[-1] - history_ms[1] <= {window_ms:UInt64}';
  return {
    sql: `SELECT ${carried}, toLowCardinality(if(${short}, plain, concat(plain, '${reachAfter}', ${reach}))) AS history, history_ms
      FROM (SELECT ${carried}, history AS plain, history_ms FROM (${sql}))`,
    params: { ...params, window_ms: windowMs },
  };
}

interface Expression { readonly sql: string; readonly params: Record<string, Parameter> }

/** As `markOf`, over events, with the properties that steps ask for. */
function markExpression({ steps, order, consider, with: having, without }: FunnelDefinition): Expression {
  const params: Record<string, Parameter> = {};
  const named = (name: string): string => {
    const parameter = `name_${Object.keys(params).length}`;
    params[parameter] = name;
    return `(key = {${parameter}:String} OR startsWith(key, concat({${parameter}:String}, ':')))`;
  };
  const property = ([key, value]: readonly [string, string]): string => {
    const [name, text] = [`key_${Object.keys(params).length}`, `value_${Object.keys(params).length}`];
    params[name] = key;
    params[text] = value;
    return `(mapContains(properties, {${name}:String}) AND properties[{${name}:String}] = {${text}:String})`;
  };
  const bit = (condition: string, mark: Mark): string => `if(${condition}, toUInt32(${mark}), 0)`;
  const bits = [
    ...steps.map(({ event, where }, index) => bit([named(event), ...Object.entries(where).map(property)].join(' AND '), bitOf.step(index))),
    ...having.map((name, index) => bit(named(name), bitOf.with(index))),
    ...without.map((name, index) => bit(named(name), bitOf.without(index))),
  ];
  if (order === 'strict') bits.push(consider === null ? String(bitOf.other) : bit(consider.map(named).join(' OR ') || '0', bitOf.other));
  return { sql: `toUInt32(${bits.join(' + ')})`, params };
}
