/**
 * Open sessions that wait for their person, by abandonment risk at a given moment. Of those with one standing score the longer idle
 * one is never the better: so for each standing score the index gives its worst, and of all these the worst are the list.
 */
import { inactiveForScore, riskSteps, standingScores } from '../../domain/abandonment-risk.ts';
import type { SessionView } from '../../domain/message.ts';
import type { Database, Queries } from './database.ts';
import { listTotalMax, type Total } from './keyset-page.ts';

export interface AtRiskQuery {
  readonly tenant: string;
  /** The score to begin with. */
  readonly least: number;
  readonly limit: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Statement and parameters, so that its plan can be looked at. */
export interface Query { readonly sql: string; readonly params: readonly unknown[] }

/** $2, $3: standing scores, each with the time before which the last activity has to lie. */
const reaching = 'unnest($2::smallint[], $3::timestamptz[]) AS reaching (score, before)';
const worstOf = `sessions WHERE tenant = $1 AND standing_risk = reaching.score AND standing_risk IS NOT NULL
  AND last_activity_at < reaching.before`;
const inactivityPoints = `CASE ${riskSteps.inactivity.map(
  ({ above, points }) => `WHEN last_activity_at < $4::timestamptz - interval '${above} seconds' THEN ${points}`,
).join(' ')} ELSE 0 END`;

/** Worst first; of equal ones the longer idle first. */
export function atRiskList({ tenant, least, limit, now }: AtRiskQuery): Query {
  return {
    sql: `SELECT sessions.view FROM (
        SELECT session_id, last_activity_at, score + ${inactivityPoints} AS score FROM ${reaching} CROSS JOIN LATERAL (
          SELECT session_id, last_activity_at FROM ${worstOf} ORDER BY last_activity_at, session_id LIMIT $5) AS worst
        ORDER BY 3 DESC, last_activity_at, session_id LIMIT $5) AS listed
      JOIN sessions USING (session_id) WHERE sessions.tenant = $1
      ORDER BY listed.score DESC, listed.last_activity_at, session_id`,
    params: [tenant, ...bounds(least, now), new Date(now), limit],
  };
}

/** Looks at one more than a list counts at most. Bound and order inside make each standing score a range of the index, never a scan. */
export function atRiskTotal({ tenant, least, now }: Omit<AtRiskQuery, 'limit'>): Query {
  return {
    sql: `SELECT count(*)::int AS counted
      FROM (SELECT FROM ${reaching} CROSS JOIN LATERAL (
        SELECT FROM ${worstOf} ORDER BY last_activity_at, session_id LIMIT $4) AS one LIMIT $4) AS counted`,
    params: [tenant, ...bounds(least, now), listTotalMax + 1],
  };
}

export interface AtRisk extends Total { readonly views: readonly SessionView[] }

export async function sessionsAtRisk(db: Database, query: AtRiskQuery): Promise<AtRisk> {
  const scope = db.asTenant(query.tenant);
  const [list, total] = [atRiskList(query), atRiskTotal(query)];
  const [rows, [row]] = await Promise.all([
    scope.query<{ view: SessionView }>(list.sql, list.params), scope.query<{ counted: number }>(total.sql, total.params),
  ]);
  const counted = row?.counted ?? 0;
  return { views: rows.map(({ view }) => view), total: Math.min(counted, listTotalMax), totalIsAtLeast: counted > listTotalMax };
}

/** The owner of a session that waits for its person, of whom nothing was heard since then; else null. */
export async function findSilent(tx: Queries, tenant: string, sessionId: string, since: Date): Promise<string | null> {
  const [row] = await tx.query<{ owner: string }>(
    `SELECT owner FROM sessions WHERE session_id = $1 AND tenant = $2 AND ended_at IS NULL AND standing_risk IS NOT NULL
       AND last_activity_at <= $3`,
    [sessionId, tenant, since],
  );
  return row?.owner ?? null;
}

function bounds(least: number, now: number): [scores: number[], before: (Date | string)[]] {
  const reached = standingScores.flatMap((score) => {
    const idle = inactiveForScore(score, least);
    return idle === null ? [] : [{ score, before: idle < 0 ? 'infinity' : new Date(now - idle) }];
  });
  return [reached.map(({ score }) => score), reached.map(({ before }) => before)];
}
