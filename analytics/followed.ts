/**
 * Sessions compared at equal maturity. A young session has not had its time yet, so a young group looks worse than an old one that is no
 * better. Therefore only sessions that are at least as old as the follow-up count, on every side, and only what they did within the
 * follow-up of their own start.
 */
import { stages } from '../domain/lifecycle.ts';
import type { StageName } from '../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions, Statement } from '../stores/clickhouse/client.ts';
import { stageNumbers } from './rows.ts';
import { sessionsIn, type SessionFilters } from './sessions-in.ts';

const hourMs = 3_600_000;
/** Shorter ones would judge people by their first minutes. */
export const shortestFollowUpMs = hourMs;
/** Idle for so long, a session counts as abandoned. */
export const longestFollowUpMs = 7 * 24 * hourMs;

/** In whole seconds. Nobody completed: the shortest, since nothing says that a longer one would show more. */
export function followUpFrom(p90Ms: number | null): number {
  return Math.min(longestFollowUpMs, Math.max(shortestFollowUpMs, Math.ceil((p90Ms ?? 0) / 1_000) * 1_000));
}

/** Nine of ten who completed had by then. */
export function p90Query(filters: SessionFilters, now: number): Statement {
  const { from, params } = sessionsIn(filters, now);
  return { sql: `SELECT quantileExactInclusiveIf(0.9)(completed_ms, stage >= ${stageNumbers.completed}) AS p90_ms\nFROM ${from}`, params };
}

/** Of the first period, else the second ..., in which somebody completed. */
export async function followUpOf(
  db: ClickHouse, periods: readonly SessionFilters[], now: number, options: QueryOptions = {},
): Promise<number> {
  for (const filters of periods) {
    const [row] = await db.query<{ readonly p90_ms: number | null }>(p90Query(filters, now), options);
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

/** Columns of `Followed`. Bind `follow_up_ms` and `followed_until_ms`. */
export function followedColumns(): string {
  const old = 'stage >= 1 AND started_at <= fromUnixTimestamp64Milli({followed_until_ms:Int64})';
  const within = (stage: StageName): string =>
    `${old} AND stage >= ${stageNumbers[stage]}${stage === 'started' ? '' : ` AND ${stage}_ms <= {follow_up_ms:UInt64}`}`;
  return [
    'countIf(stage >= 1) AS total', `countIf(${old}) AS followed`,
    `[${stages.map((stage) => `countIf(${within(stage)})`).join(', ')}] AS reached`,
    `quantileExactInclusiveIf(0.5)(completed_ms, ${within('completed')}) AS median_ms`,
    `avgIf(completed_ms, ${within('completed')}) AS mean_ms`,
  ].join(',\n  ');
}

export function followedQuery(filters: SessionFilters, follow: FollowUp): Statement {
  const { from, params } = sessionsIn(filters, follow.now);
  return { sql: `SELECT\n  ${followedColumns()}\nFROM ${from}`, params: { ...params, ...followedParams(follow) } };
}

export function followedParams(follow: FollowUp): Readonly<Record<'follow_up_ms' | 'followed_until_ms', number>> {
  return { follow_up_ms: follow.followUpMs, followed_until_ms: followedUntil(follow) };
}

export async function followed(
  db: ClickHouse, filters: SessionFilters, follow: FollowUp, options: QueryOptions = {},
): Promise<Followed> {
  const [row] = await db.query<Followed>(followedQuery(filters, follow), options);
  if (row === undefined) throw new Error('An aggregate without GROUP BY answers one row');
  return row;
}
