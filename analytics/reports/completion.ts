/**
 * How long sessions take to complete, with those that left as a competing end and those still open counted for as long as they were seen
 * (Aalen and Johansen, survival.ts). Leaving counts when it was counted: an abandoned session seven idle days after its last event.
 */
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { minutes } from './funnel.ts';
import { importLeftAfterMs, stageNumbers } from '../rows.ts';
import { hasEnded, leftCondition, sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { aalenJohansen, shareAt, type Ends } from '../statistics/survival.ts';

/** Fixed, so that two reports show the same times: 1, 2, 5, 10, 30 minutes, 1, 2, 6 hours, 1, 2, 7, 30 days. */
export const completionMinutes = [1, 2, 5, 10, 30, 60, 120, 360, 1_440, 2_880, 10_080, 43_200] as const;

export interface CompletionTimes {
  /** Share of all sessions that have completed by then; null: nobody has been seen for so long. */
  readonly completion_by: readonly { readonly minutes: number; readonly share: number | null }[];
  /** By when half of all sessions have completed; null: half never were, as far as is seen. */
  readonly median_minutes: number | null;
  /** 95 %; null: beyond what is seen. */
  readonly median_interval_minutes: readonly [number | null, number | null];
  /** Sessions that are still open. */
  readonly censored: number;
}

/**
 * A time is rounded up to what its size deserves, so that a report of millions has at most 200,000 of them: to 60 ms (a thousandth of a
 * minute, as shown) up to an hour, to a second up to a day, to a minute up to 30 days, to an hour beyond.
 */
export const grains = [{ upToMs: 3_600_000, ms: 60 }, { upToMs: 86_400_000, ms: 1_000 }, { upToMs: 2_592_000_000, ms: 60_000 }] as const;
export const coarsestMs = 3_600_000;

const grain = `multiIf(${grains.map(({ upToMs, ms }) => `ms <= ${upToMs}, ${ms}`).join(', ')}, ${coarsestMs})`;
const completed = `stage >= ${stageNumbers.completed}`;
const imported = "origin = 'import'";
/** Ways of leaving that did not happen are later than any time. */
export const leftMs = 'least(' +
  `if(abandoned_ms > 0, abandoned_ms, maxMs), if(${hasEnded}, ended_ms, maxMs), if(${imported}, last_ms + ${importLeftAfterMs}, maxMs))`;

interface CompletionRow {
  readonly times: readonly number[];
  readonly completed: readonly number[];
  readonly leaving: readonly number[];
  readonly open: readonly number[];
}

/** One row of arrays: rows of their own would take longer to read than to find. */
export function completionQuery(filters: SessionFilters, now: number): Statement {
  const { from, params } = sessionsIn(filters, now);
  return endsQuery({
    params,
    sql: `SELECT ${completed} AS is_completed, ${leftCondition} AS is_left,
      multiIf(is_completed, completed_ms, is_left, ${leftMs},
        toUInt64(greatest(0, {now_ms:Int64} - toUnixTimestamp64Milli(started_at)))) AS ms
    FROM ${from}`,
  });
}

/** `sessions`: a SELECT of `is_completed`, `is_left` and `ms`, how long each was seen. It may use `maxMs`, as `leftMs` does. */
export function endsQuery(sessions: Statement): Statement {
  return {
    params: sessions.params,
    sql: `WITH toUInt64(9000000000000000) AS maxMs
SELECT groupArray(toFloat64(at)) AS times, groupArray(toUInt32(done)) AS completed, groupArray(toUInt32(lost)) AS leaving,
  groupArray(toUInt32(waiting)) AS open
FROM (
  SELECT intDiv(ms + grain - 1, grain) * grain AS at, countIf(is_completed) AS done, countIf(NOT is_completed AND is_left) AS lost,
    countIf(NOT is_completed AND NOT is_left) AS waiting
  FROM (SELECT is_completed, is_left, ms, ${grain} AS grain FROM (${sessions.sql}))
  GROUP BY at ORDER BY at
)`,
  };
}

export async function completionTimes(
  db: ClickHouse, filters: SessionFilters, now: number, options: QueryOptions = {},
): Promise<CompletionTimes> {
  return completionFrom(db, completionQuery(filters, now), options);
}

/** `ends`: what `endsQuery` asks. */
export async function completionFrom(db: ClickHouse, ends: Statement, options: QueryOptions = {}): Promise<CompletionTimes> {
  const [row] = await db.query<CompletionRow>(ends, options);
  if (row === undefined) throw new Error('An aggregate without GROUP BY answers one row');
  return completionOf(row.times.map((time, index) =>
    ({ time, completed: row.completed[index] ?? 0, left: row.leaving[index] ?? 0, open: row.open[index] ?? 0 })));
}

export function completionOf(ends: readonly Ends[]): CompletionTimes {
  const curve = aalenJohansen(ends);
  const [low, high] = curve.medianInterval;
  return {
    completion_by: completionMinutes.map((at) => ({ minutes: at, share: shareAt(curve, at * 60_000, 0) })),
    median_minutes: minutes(curve.median), median_interval_minutes: [minutes(low), minutes(high)],
    censored: ends.reduce((total, { open }) => total + open, 0),
  };
}
