/**
 * Sessions compared at equal maturity. A young session has not had its time yet, so a young group looks worse than an old one that is no
 * better. Therefore only sessions that are at least as old as the follow-up count, on every side, and only what they did within the
 * follow-up of their own start.
 */
import { stages } from '../../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { stageNumbers } from '../rows.ts';
import { sessionsIn, type SessionFilters } from '../sessions-in.ts';

const hourMs = 3_600_000;
/** Shorter ones would judge people by their first minutes. */
export const shortestFollowUpMs = hourMs;
/** Idle for so long, a session counts as abandoned. */
export const longestFollowUpMs = 7 * 24 * hourMs;

/** In whole seconds. Nobody completed: the shortest, since nothing says that a longer one would show more. */
export function followUpFrom(p90Ms: number | null): number {
  return Math.min(longestFollowUpMs, Math.max(shortestFollowUpMs, Math.ceil((p90Ms ?? 0) / 1_000) * 1_000));
}

/** Sessions that are followed from their start on, as SQL: rows that have all columns which the expressions name. */
export interface FollowedSessions extends Statement {
  /** Of those that started by `followed_until_ms`. */
  readonly isOld: string;
  /** The first is the start. */
  readonly steps: readonly FollowedStep[];
}

/** Whether a session made the step, and how many milliseconds after its start. */
export interface FollowedStep { readonly made: string; readonly ms: string }

const byStages: Pick<FollowedSessions, 'isOld' | 'steps'> = {
  isOld: 'started_at <= fromUnixTimestamp64Milli({followed_until_ms:Int64})',
  steps: stages.map((stage) => ({ made: `stage >= ${stageNumbers[stage]}`, ms: stage === 'started' ? 'toUInt64(0)' : `${stage}_ms` })),
};

export function stageSessions(filters: SessionFilters, now: number): FollowedSessions {
  const { from, params } = sessionsIn(filters, now);
  return { sql: `SELECT * FROM ${from}`, params, ...byStages };
}

/** Nine of ten who made the last step had by then. */
export function p90Query({ sql, params, steps }: FollowedSessions): Statement {
  const { made, ms } = lastOf(steps);
  return { sql: `SELECT quantileExactInclusiveIf(0.9)(${ms}, ${made}) AS p90_ms\nFROM (${sql})`, params };
}

/** Of the first sessions, else the second ..., of which somebody made the last step. */
export async function followUpOf(db: ClickHouse, all: readonly FollowedSessions[], options: QueryOptions = {}): Promise<number> {
  for (const sessions of all) {
    const [row] = await db.query<{ readonly p90_ms: number | null }>(p90Query(sessions), options);
    if (typeof row?.p90_ms === 'number') return followUpFrom(row.p90_ms);
  }
  return followUpFrom(null);
}

export interface FollowUp {
  readonly followUpMs: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** The newest start with which a session is old enough, epoch milliseconds. */
export const followedUntil = ({ followUpMs, now }: FollowUp): number => now - followUpMs;

export interface Followed {
  /** Young ones too. */
  readonly total: number;
  readonly followed: number;
  /** Of the followed, how many reached each stage within the follow-up; an entry a stage. */
  readonly reached: readonly number[];
  /** Of those who completed within it; null: nobody. */
  readonly median_ms: number | null;
  readonly mean_ms: number | null;
}

/** Columns of `Followed`; without `steps` of the stages. Bind `follow_up_ms` and `followed_until_ms`. */
export function followedColumns({ isOld, steps }: Pick<FollowedSessions, 'isOld' | 'steps'> = byStages): string {
  const counted = steps[0]?.made ?? '1';
  const old = `${counted} AND ${isOld}`;
  const within = ({ made, ms }: FollowedStep): string => `${old} AND ${made} AND ${ms} <= {follow_up_ms:UInt64}`;
  const last = lastOf(steps);
  return [
    `countIf(${counted}) AS total`, `countIf(${old}) AS followed`,
    `[${steps.map((step) => `countIf(${within(step)})`).join(', ')}] AS reached`,
    `quantileExactInclusiveIf(0.5)(${last.ms}, ${within(last)}) AS median_ms`,
    `avgIf(${last.ms}, ${within(last)}) AS mean_ms`,
  ].join(',\n  ');
}

function lastOf(steps: readonly FollowedStep[]): FollowedStep {
  const last = steps.at(-1);
  if (last === undefined) throw new RangeError('There is a step at least');
  return last;
}

export function followedQuery(sessions: FollowedSessions, follow: FollowUp): Statement {
  return {
    sql: `SELECT\n  ${followedColumns(sessions)}\nFROM (${sessions.sql})`, params: { ...sessions.params, ...followedParams(follow) },
  };
}

export function followedParams(follow: FollowUp): Readonly<Record<'follow_up_ms' | 'followed_until_ms', number>> {
  return { follow_up_ms: follow.followUpMs, followed_until_ms: followedUntil(follow) };
}

export async function followed(
  db: ClickHouse, sessions: FollowedSessions, follow: FollowUp, options: QueryOptions = {},
): Promise<Followed> {
  const [row] = await db.query<Followed>(followedQuery(sessions, follow), options);
  if (row === undefined) throw new Error('An aggregate without GROUP BY answers one row');
  return row;
}
