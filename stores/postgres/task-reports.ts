/** What the list of parked tasks says as a whole: counts, and groups of one cause. */
import type { ErrorCategory } from '../../domain/error-category.ts';
import type { TaskStatus } from '../../domain/parked-task.ts';
import type { Database, Scope } from './database.ts';
import { isOpen } from './tasks.ts';

export interface TaskStats {
  /** Parked in the time, whatever has become of them. So are all counts but `open` and `oldest_open_at`. */
  readonly total: number;
  readonly by_status: Readonly<Partial<Record<TaskStatus, number>>>;
  readonly by_category: Readonly<Partial<Record<ErrorCategory, number>>>;
  readonly by_name: Readonly<Record<string, number>>;
  /** The most frequent 100. */
  readonly by_exception: Readonly<Record<string, number>>;
  readonly retries: { readonly total: number; readonly successful: number; readonly failed: number };
  /** From parking to completion or discarding; null: none has ended. */
  readonly median_seconds_to_resolution: number | null;
  /** Tasks that succeeded at a later attempt without being parked. */
  readonly recovered: number;
  /** Now, whenever they were parked. */
  readonly open: number;
  readonly oldest_open_at: Date | null;
}

/** Open tasks of all tenants, now: one aggregate over the index of open ones. Throws StoreUnavailableError. */
export async function openTaskCount(
  db: Database,
): Promise<{ readonly parked: number; readonly retrying: number; readonly oldestSeconds: number }> {
  const [row] = await db.asSystem().query<{ parked: number; retrying: number; oldest: number }>(
    `SELECT count(*) FILTER (WHERE status = 'parked')::int AS parked, count(*) FILTER (WHERE status = 'retrying')::int AS retrying,
       coalesce(date_part('epoch', now() - min(parked_at)), 0)::float8 AS oldest FROM tasks WHERE ${isOpen}`,
  );
  return { parked: row?.parked ?? 0, retrying: row?.retrying ?? 0, oldestSeconds: row?.oldest ?? 0 };
}

/** Open tasks of a tenant, now. Throws StoreUnavailableError. */
export async function openTasksOf(db: Database, tenant: string): Promise<{
  readonly open: number; readonly parked: number; readonly retrying: number;
  /** Since the oldest was parked; null: none is open. */
  readonly oldestSeconds: number | null;
}> {
  const [row] = await db.asTenant(tenant).query<{ parked: number; retrying: number; oldest: number | null }>(
    `SELECT count(*) FILTER (WHERE status = 'parked')::int AS parked, count(*) FILTER (WHERE status = 'retrying')::int AS retrying,
       floor(date_part('epoch', now() - min(parked_at)))::float8 AS oldest FROM tasks WHERE tenant = $1 AND ${isOpen}`,
    [tenant],
  );
  const { parked = 0, retrying = 0, oldest = null } = row ?? {};
  return { open: parked + retrying, parked, retrying, oldestSeconds: oldest };
}

interface CountedRow {
  readonly status: TaskStatus; readonly category: ErrorCategory; readonly task_name: string; readonly exception_type: string;
  readonly count: number; readonly manual_retries: number; readonly retried: number;
}

/** Combinations of status, category, name and type; beyond so many the rarest are left out of every count. */
const kindsMax = 10_000;
const exceptionsShown = 100;

/** Over tasks parked since then, in statements side by side. Throws StoreUnavailableError. */
export async function taskStats(db: Database, tenant: string, from: Date): Promise<TaskStats> {
  const scope = db.asTenant(tenant);
  const [rows, [median], [open], recovered] = await Promise.all([
    scope.query<CountedRow>(
      `WITH counted AS (
         SELECT kind, count(*)::int AS count, sum(manual_retries)::int AS manual_retries, count(*) FILTER (WHERE manual_retries > 0)::int
           AS retried
         FROM ${since('kind, manual_retries')} GROUP BY kind ORDER BY count DESC LIMIT $3)
       SELECT named.status, named.category, named.task_name, named.exception_type, counted.count, counted.manual_retries, counted.retried
       FROM counted CROSS JOIN LATERAL (
         SELECT status, category, task_name, exception_type FROM tasks WHERE tenant = $1 AND kind = counted.kind LIMIT 1) AS named`,
      [tenant, from, kindsMax],
    ),
    scope.query<{ seconds: number | null }>(
      `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', ended_at - parked_at)) AS seconds
       FROM ${since('ended_at, parked_at')} WHERE ended_at IS NOT NULL`, [tenant, from],
    ),
    scope.query<{ open: number; oldest: Date | null }>(
      `SELECT count(*)::int AS open, min(parked_at) AS oldest FROM tasks WHERE tenant = $1 AND ${isOpen}`, [tenant],
    ),
    recoveredSince(scope, tenant, from),
  ]);
  const exceptions = Object.entries(countsBy(rows, 'exception_type')).toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return {
    total: sumOf(rows, 'count'), by_status: countsBy(rows, 'status'), by_category: countsBy(rows, 'category'),
    by_name: countsBy(rows, 'task_name'),
    by_exception: Object.fromEntries(exceptions.slice(0, exceptionsShown)), retries: retriesOf(rows),
    median_seconds_to_resolution: median?.seconds ?? null, recovered, open: open?.open ?? 0, oldest_open_at: open?.oldest ?? null,
  };
}

/**
 * Tasks of $1 parked since $2. In the order of the index, and kept so by OFFSET: else the planner reads the whole table, which
 * takes three times as long with 100,000 rows in it.
 */
function since(columns: string): string {
  return `(SELECT ${columns} FROM tasks WHERE tenant = $1 AND parked_at >= $2 ORDER BY parked_at OFFSET 0) AS counted_tasks`;
}

/** A completed task owes it to its last retry. Of all others none has mended anything, but for those still under way. */
function retriesOf(rows: readonly CountedRow[]): TaskStats['retries'] {
  const total = sumOf(rows, 'manual_retries');
  const successful = sumOf(rows.filter((row) => row.status === 'completed'), 'retried');
  const underWay = sumOf(rows.filter((row) => row.status === 'retrying'), 'retried');
  return { total, successful, failed: total - successful - underWay };
}

function sumOf(rows: readonly CountedRow[], key: 'count' | 'manual_retries' | 'retried'): number {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

type Dimension = 'status' | 'category' | 'task_name' | 'exception_type';

function countsBy<Key extends Dimension>(rows: readonly CountedRow[], key: Key): Record<CountedRow[Key], number> {
  const groups = Map.groupBy(rows, (row) => row[key]);
  return Object.fromEntries([...groups].map(([name, members]) => [name, sumOf(members, 'count')])) as Record<CountedRow[Key], number>;
}

/** By whole hours, as they are counted. */
async function recoveredSince(scope: Scope, tenant: string, from: Date): Promise<number> {
  const [row] = await scope.query<{ recovered: number }>(
    `SELECT coalesce(sum(recovered), 0)::int AS recovered FROM task_recoveries WHERE tenant = $1 AND hour >= date_trunc('hour', ` +
    `$2::timestamptz)`,
    [tenant, from],
  );
  return row?.recovered ?? 0;
}

export const taskTrends = ['rising', 'steady', 'falling'] as const;
export type TaskTrend = (typeof taskTrends)[number];

export interface TaskGroup {
  readonly fingerprint: string;
  readonly task_name: string;
  readonly category: ErrorCategory;
  /** Of the newest. */
  readonly message: string;
  readonly count: number;
  /** Sessions that wait for one of them. */
  readonly sessions: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly trend: TaskTrend;
}

export interface TaskGroups { readonly groups: readonly TaskGroup[]; readonly total: number }

interface GroupRow extends Omit<TaskGroup, 'trend'> { readonly groups: number; readonly older: number; readonly newer: number }

/** Hours of the two halves that a trend compares. */
export const trendHours = 24;

/**
 * Open tasks by fingerprint, the largest groups first, at most `limit`; and how many groups there are. The trend compares how
 * many were parked in the newer and in the older half of the last 24 hours, whatever became of them: clearing a group is no
 * falling trend.
 */
export async function taskGroups(db: Database, tenant: string, now: Date, limit: number): Promise<TaskGroups> {
  const rows = await db.asTenant(tenant).query<GroupRow>(
    `WITH grouped AS (
       SELECT fingerprint, count(*)::int AS count, count(DISTINCT session_id)::int AS sessions, min(parked_at) AS first_seen,
              max(parked_at) AS last_seen
       FROM tasks WHERE tenant = $1 AND ${isOpen} GROUP BY fingerprint),
     shown AS (SELECT *, count(*) OVER ()::int AS groups FROM grouped ORDER BY count DESC, fingerprint LIMIT $2)
     SELECT shown.*, newest.task_name, newest.category, newest.exception_message AS message, halves.older, halves.newer
     FROM shown
     CROSS JOIN LATERAL (
       SELECT task_name, category, exception_message FROM tasks
       WHERE tenant = $1 AND fingerprint = shown.fingerprint AND parked_at = shown.last_seen AND ${isOpen} LIMIT 1) AS newest
     CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE parked_at < $4)::int AS older, count(*) FILTER (WHERE parked_at >= $4)::int AS newer
       FROM tasks WHERE tenant = $1 AND fingerprint = shown.fingerprint AND parked_at >= $3) AS halves
     ORDER BY shown.count DESC, shown.fingerprint`,
    [tenant, limit, new Date(now.getTime() - trendHours * 3_600_000), new Date(now.getTime() - trendHours * 1_800_000)],
  );
  const groups = rows.map((
    { fingerprint, task_name, category, message, count, sessions, first_seen, last_seen, older, newer },
  ): TaskGroup => ({
    fingerprint, task_name, category, message, count, sessions, first_seen, last_seen, trend: trendOf(older, newer),
  }));
  return { groups, total: rows[0]?.groups ?? 0 };
}

/** Half as many again on either side is a trend; one more or less is none. */
export function trendOf(older: number, newer: number): TaskTrend {
  if (Math.abs(newer - older) < 2) return 'steady';
  if (newer > older * 1.5) return 'rising';
  return older > newer * 1.5 ? 'falling' : 'steady';
}
