/** What checkpoints and resumes came to in a time, by when they happened. */
import { stages } from '../../domain/lifecycle.ts';
import type { ClickHouse, Statement } from '../../stores/clickhouse/client.ts';
import { isNarrowed, sessionsIn, type SessionFilters } from '../sessions-in.ts';

export interface Recovery {
  readonly checkpoints_created: number;
  /** Sessions, however often each was resumed. */
  readonly sessions_resumed: number;
  /** Of those, how many went on: an answer was accepted or a stage reached after the first resume. 0 to 1; null: none was resumed. */
  readonly resume_success_rate: number | null;
}

interface Row { readonly checkpoints: number; readonly resumed: number; readonly went_on: number }

/** A session that is older than this has no events left to count. */
const oldestDays = 400;

const oldestMs = oldestDays * 86_400_000;

/** Events of the filters' period, of sessions that began whenever. */
export function recoveryQuery(filters: SessionFilters, now: number): Statement {
  const { tenant, startMs, endMs } = filters;
  const sessions = isNarrowed(filters)
    ? sessionsIn({ ...filters, startMs: Math.max(0, startMs - oldestMs) }, now, { any_stage: true }) : null;
  return {
    sql: `SELECT sum(checkpoints) AS checkpoints, countIf(resumes > 0) AS resumed,
  countIf(resumes > 0 AND last_step >= resumed_at) AS went_on
FROM (
  SELECT session_id, countIf(name = 'checkpoint_created') AS checkpoints, countIf(name = 'session_resumed') AS resumes,
    minIf(ts, name = 'session_resumed') AS resumed_at, maxIf(ts, name IN {steps:Array(String)}) AS last_step
  FROM events FINAL
  WHERE tenant = {tenant:String} AND session_started_at >= fromUnixTimestamp64Milli({from_ms:Int64}) - INTERVAL ${oldestDays} DAY
    AND session_started_at < fromUnixTimestamp64Milli({until_ms:Int64}) AND ts >= fromUnixTimestamp64Milli({from_ms:Int64})
    AND ts < fromUnixTimestamp64Milli({until_ms:Int64})
    AND (name IN ('checkpoint_created', 'session_resumed') OR name IN {steps:Array(String)})
    ${sessions === null ? '' : `AND session_id IN (SELECT session_id FROM ${sessions.from})`}
  GROUP BY session_id)`,
    params: { ...sessions?.params, tenant, from_ms: startMs, until_ms: endMs, steps: ['question_answered', 'answer_amended', ...stages] },
  };
}

export async function recovery(db: ClickHouse, filters: SessionFilters, now: number): Promise<Recovery> {
  const [row] = await db.query<Row>(recoveryQuery(filters, now));
  const { checkpoints = 0, resumed = 0, went_on: wentOn = 0 } = row ?? {};
  return { checkpoints_created: checkpoints, sessions_resumed: resumed, resume_success_rate: resumed === 0 ? null : wentOn / resumed };
}
