/** The error log in PostgreSQL: written in batches, read by fingerprint. */
import type { ErrorCategory, ErrorSeverity } from '../../domain/error-category.ts';
import type { Database } from './database.ts';
import { countUpTo, listTotalMax, type Total } from './keyset-page.ts';

/** Occurrences of one fingerprint within one hour. Times in epoch milliseconds. */
export interface CountedErrors {
  readonly tenant: string;
  readonly fingerprint: string;
  /** Its beginning. */
  readonly hour: number;
  readonly task_name: string;
  readonly category: ErrorCategory;
  readonly severity: ErrorSeverity;
  readonly exception_type: string;
  /** Scrubbed. */
  readonly message: string;
  readonly count: number;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly sessions: ReadonlySet<string>;
}

/** The same `batchId` again counts nothing again, unless somebody else has counted the same error in between. */
export async function addErrors(db: Database, batchId: string, counted: readonly CountedErrors[]): Promise<void> {
  if (counted.length === 0) return;
  // in one order everywhere, so that two writers never wait for each other
  const rows = counted.toSorted((a, b) => compare(a.tenant, b.tenant) || compare(a.fingerprint, b.fingerprint) || a.hour - b.hour);
  const sessions = rows.flatMap((row) => [...row.sessions].toSorted(compare).map((id) => ({ ...row, id })));
  const column = <T>(of: (row: CountedErrors) => T): T[] => rows.map(of);
  const [tenants, fingerprints] = [column((row) => row.tenant), column((row) => row.fingerprint)];
  await db.asSystem().transaction(async (tx) => {
    // an hour's change may have put one error twice into a batch: the later one describes it
    await tx.query(
      `INSERT INTO error_patterns AS known (tenant, fingerprint, task_name, category, severity, exception_type, message, first_seen,
         last_seen)
       SELECT DISTINCT ON (tenant, fingerprint) tenant, fingerprint, task_name, category, severity, exception_type, message,
              min(first_seen) OVER (PARTITION BY tenant, fingerprint), last_seen
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
         AS e (tenant, fingerprint, task_name, category, severity, exception_type, message, first_seen, last_seen)
       ORDER BY tenant, fingerprint, last_seen DESC
       ON CONFLICT (tenant, fingerprint) DO UPDATE SET task_name = excluded.task_name, category = excluded.category,
         severity = excluded.severity,
         exception_type = excluded.exception_type, message = excluded.message,
         first_seen = least(known.first_seen, excluded.first_seen), last_seen = greatest(known.last_seen, excluded.last_seen)`,
      [
        tenants, fingerprints, column((row) => row.task_name), column((row) => row.category), column((row) => row.severity),
        column((row) => row.exception_type),
        column((row) => row.message), column((row) => new Date(row.first_seen)), column((row) => new Date(row.last_seen)),
      ],
    );
    await tx.query(
      `INSERT INTO error_hours AS known (tenant, fingerprint, hour, count, written_by)
       SELECT e.*, $5 FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[]) AS e
       ON CONFLICT (tenant, fingerprint, hour) DO UPDATE SET count = known.count + excluded.count, written_by = excluded.written_by
       WHERE known.written_by <> excluded.written_by`,
      [tenants, fingerprints, column((row) => new Date(row.hour)), column((row) => row.count), batchId],
    );
    await tx.query(
      `INSERT INTO error_sessions AS known (tenant, fingerprint, session_id, last_seen)
       SELECT e.tenant, e.fingerprint, e.session_id, max(e.last_seen) FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[])
         AS e (tenant, fingerprint, session_id, last_seen)
       GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
       ON CONFLICT (tenant, fingerprint, session_id) DO UPDATE SET last_seen = greatest(known.last_seen, excluded.last_seen)`,
      [
        sessions.map((session) => session.tenant), sessions.map((session) => session.fingerprint), sessions.map((session) => session.id),
        sessions.map((session) => new Date(session.last_seen)),
      ],
    );
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** What was not seen for so long goes, and hours of so long ago; of each table a bounded number a time. */
export async function forgetErrors(db: Database, keepDays: number, limit = 1_000): Promise<void> {
  for (const [table, column] of [['error_hours', 'hour'], ['error_sessions', 'last_seen'], ['error_patterns', 'last_seen']] as const) {
    await db.asSystem().query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${column} < now() - make_interval(days => $1) ORDER ` +
      `BY ${column} LIMIT $2))`,
      [keepDays, limit],
    );
  }
}

/** Against the same time before. `new`: never seen before; `rising`: more than half as much again; `falling`: a third less. */
export const errorTrends = ['new', 'rising', 'steady', 'falling'] as const;
export type ErrorTrend = (typeof errorTrends)[number];

export interface ErrorPattern {
  readonly fingerprint: string;
  readonly task_name: string;
  readonly category: ErrorCategory;
  readonly severity: ErrorSeverity;
  readonly exception_type: string;
  readonly message: string;
  /** Since the beginning of the hour in which the asked time begins, as are the sessions. */
  readonly count: number;
  readonly affected_sessions: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly trend: ErrorTrend;
}

export interface ErrorFilter {
  readonly tenant: string;
  readonly hours: number;
  readonly now: number;
  readonly category: ErrorCategory | null;
  readonly task_name: string | null;
}
/** Where a page ended. */
export interface ErrorPlaceInList { readonly count: number; readonly fingerprint: string }
export interface ErrorPage extends Total { readonly rows: readonly ErrorPattern[]; readonly next: ErrorPlaceInList | null }

const hourMs = 3_600_000;

/** The most frequent first. While errors come in, a pattern may move to another page. */
export async function listErrorPatterns(
  db: Database, filter: ErrorFilter, page: { readonly limit: number; readonly after: ErrorPlaceInList | null },
): Promise<ErrorPage> {
  const since = Math.floor((filter.now - filter.hours * hourMs) / hourMs) * hourMs;
  const params: unknown[] = [filter.tenant, new Date(since)];
  const conditions = ['tenant = $1', 'last_seen >= $2'];
  if (filter.category !== null) conditions.push(`category = $${params.push(filter.category)}`);
  if (filter.task_name !== null) conditions.push(`task_name = $${params.push(filter.task_name)}`);
  const where = conditions.join(' AND ');
  const counting = countUpTo(db.asTenant(filter.tenant), { from: 'error_patterns', where, params: [...params] }, listTotalMax);
  const before = `$${params.push(new Date(since - filter.hours * hourMs))}`;
  const after = page.after === null ? ''
    : ` WHERE (count, fingerprint) < ($${params.push(page.after.count)}, $${params.push(page.after.fingerprint)})`;
  const listing = db.asTenant(filter.tenant).query<Omit<ErrorPattern, 'trend'> & { before: number }>(
    `SELECT page.*, (SELECT count(*)::int FROM error_sessions s WHERE s.tenant = $1 AND s.fingerprint = page.fingerprint
       AND s.last_seen >= $2) AS affected_sessions
     FROM (SELECT fingerprint, task_name, category, severity, exception_type, message, first_seen, last_seen, count, before
           FROM (SELECT * FROM error_patterns WHERE ${where}) AS p CROSS JOIN LATERAL (
             SELECT coalesce(sum(h.count) FILTER (WHERE h.hour >= $2), 0)::float8 AS count, coalesce(sum(h.count)
               FILTER (WHERE h.hour < $2), 0)::float8 AS before
             FROM error_hours h WHERE h.tenant = $1 AND h.fingerprint = p.fingerprint AND h.hour >= ${before}) AS counted${after}
           ORDER BY count DESC, fingerprint DESC LIMIT $${params.push(page.limit + 1)}) AS page
     ORDER BY page.count DESC, page.fingerprint DESC`,
    params,
  );
  const [rows, total] = await Promise.all([listing, counting]);
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    rows: shown.map((row) => ({ ...row, trend: trendOf(row, since) })), ...total,
    next: rows.length > page.limit && last !== undefined ? { count: last.count, fingerprint: last.fingerprint } : null,
  };
}

/** What was counted of one error in whole hours. */
export interface ErrorOccurrences extends Pick<
  ErrorPattern, 'fingerprint' | 'task_name' | 'category' | 'severity' | 'exception_type' | 'message'
> {
  readonly occurrences: number;
}

/** Errors of a tenant in the hours that [startMs, endMs) touches, the most frequent first. */
export function errorsBetween(
  db: Database, tenant: string, startMs: number, endMs: number, limit: number,
): Promise<readonly ErrorOccurrences[]> {
  return db.asTenant(tenant).query<ErrorOccurrences>(
    `SELECT fingerprint, p.task_name, p.category, p.severity, p.exception_type, p.message, counted.occurrences
     FROM (SELECT fingerprint, sum(count)::float8 AS occurrences FROM error_hours
           WHERE tenant = $1 AND hour >= $2 AND hour < $3 GROUP BY fingerprint) AS counted
       JOIN error_patterns p USING (fingerprint)
     WHERE p.tenant = $1 ORDER BY counted.occurrences DESC, fingerprint LIMIT $4`,
    [tenant, new Date(Math.floor(startMs / hourMs) * hourMs), new Date(endMs), limit],
  );
}

function trendOf(
  { count, before, first_seen: first }: { readonly count: number; readonly before: number; readonly first_seen: Date }, since: number,
): ErrorTrend {
  if (first.getTime() >= since) return 'new';
  if (count > before * 1.5) return 'rising';
  return count < before / 1.5 ? 'falling' : 'steady';
}
