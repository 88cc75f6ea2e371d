/** The last hours in a few numbers: sessions that started in them, how far they came, and how long those took that have ended. */
import { stages, type SessionStateName, type StageName } from '../../domain/lifecycle.ts';
import type { ClickHouse, Statement } from '../../stores/clickhouse/client.ts';
import { stageNumbers } from '../rows.ts';
import { hasEnded, msAfterStart, sessionsIn, type SessionFilters } from '../sessions-in.ts';

export interface LastHours {
  readonly total_sessions: number;
  /** Of those sessions, how many reached each stage. */
  readonly stage_breakdown: Readonly<Record<StageName, number>>;
  /** 0 to 1; null: none has started. */
  readonly completion_rate: number | null;
  /** From its start to its end, of those that have ended; null: none has. */
  readonly avg_session_duration_minutes: number | null;
}

interface Row { readonly reached: readonly number[]; readonly ended_ms: number | null }

export function lastHoursQuery(filters: SessionFilters, now: number): Statement {
  const { from, params } = sessionsIn(filters, now);
  const reached = stages.map((name) => `countIf(stage >= ${stageNumbers[name]})`);
  return { sql: `SELECT [${reached.join(', ')}] AS reached, avgIf(ended_ms, ${hasEnded}) AS ended_ms FROM ${from}`, params };
}

export async function lastHours(db: ClickHouse, filters: SessionFilters, now: number): Promise<LastHours> {
  const [row] = await db.query<Row>(lastHoursQuery(filters, now));
  const reached = (name: StageName): number => row?.reached[stageNumbers[name] - 1] ?? 0;
  const [total, completed] = [reached('started'), reached('completed')];
  return {
    total_sessions: total,
    stage_breakdown: Object.fromEntries(stages.map((name) => [name, reached(name)])) as Record<StageName, number>,
    completion_rate: total === 0 ? null : completed / total,
    avg_session_duration_minutes: row?.ended_ms == null ? null : Math.round(row.ended_ms / 60) / 1_000,
  };
}

export interface StatesAsked {
  /** The longest that a session can be open, milliseconds. */
  readonly openForMs: number;
  readonly now: number;
}

/** How many of our own sessions are in each state: open ones whenever they began, ended ones that ended in the filters' period. */
export async function statesOf(
  db: ClickHouse, filters: SessionFilters, { openForMs, now }: StatesAsked,
): Promise<Readonly<Partial<Record<SessionStateName, number>>>> {
  const whole = { ...filters, startMs: Math.max(0, filters.endMs - openForMs) };
  const { from, params } = sessionsIn(whole, now, { origin: 'workflow' });
  const rows = await db.query<{ readonly state: SessionStateName; readonly sessions: number }>({
    sql: `SELECT state, count() AS sessions FROM ${from} AND (NOT ${hasEnded} OR ${msAfterStart('ended_ms')} >= {ended_from_ms:Int64})
      GROUP BY state`,
    params: { ...params, ended_from_ms: filters.startMs },
  });
  return Object.fromEntries(rows.map(({ state, sessions }) => [state, sessions]));
}
