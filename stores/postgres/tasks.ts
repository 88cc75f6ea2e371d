/** Parked tasks in PostgreSQL: the copy of each that its workflow writes, by revision, with the whole state sealed; and lists. */
import type { ErrorCategory, ErrorSeverity } from '../../domain/error-category.ts';
import type { ParkedTaskState, TaskStatus } from '../../domain/parked-task.ts';
import { openJson, sealedAs, type Sealer } from '../../encryption/sealer.ts';
import type { Database } from './database.ts';
import { keysetPage, type Page, type PageOf, type PageSort } from './keyset-page.ts';

/**
 * Writes the copy of a task, or brings it up to date. A revision that is not higher than the stored one changes nothing.
 * Returns whether it was written. Throws StoreUnavailableError.
 */
export async function saveTask(db: Database, sealer: Sealer, state: ParkedTaskState): Promise<boolean> {
  const { failure, context } = state;
  const sealed = sealer.seal(Buffer.from(JSON.stringify(state)), sealedAs.task(state.tenant, state.task_id));
  const rows = await db.asTenant(state.tenant).query(
    `INSERT INTO tasks AS known (task_id, tenant, revision, task_name, status, category, severity, exception_type, exception_message,
       fingerprint,
                                 attempts, manual_retries, correlation_id, session_id, parked_at, updated_at, ended_at, sealed)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
     ON CONFLICT (task_id) DO UPDATE SET revision = excluded.revision, status = excluded.status, category = excluded.category,
       severity = excluded.severity, exception_type = excluded.exception_type, exception_message = excluded.exception_message,
       fingerprint = excluded.fingerprint, attempts = excluded.attempts, manual_retries = excluded.manual_retries,
         updated_at = excluded.updated_at,
       ended_at = excluded.ended_at, sealed = excluded.sealed
     WHERE known.revision < excluded.revision RETURNING task_id`,
    [
      state.task_id, state.tenant, state.revision, state.task_name, state.status, failure.category, failure.severity,
      failure.exception_type,
      failure.message, failure.fingerprint, state.history.length, state.manual_retries, context.correlation_id, context.session_id,
      new Date(state.parked_at), new Date(state.updated_at), state.ended_at === null ? null : new Date(state.ended_at), sealed,
    ],
  );
  return rows.length === 1;
}

/** The whole state as it was last copied, or null. Throws StoreUnavailableError, KeyUnavailableError, SealBrokenError. */
export async function readTaskRow(db: Database, sealer: Sealer, tenant: string, taskId: string): Promise<ParkedTaskState | null> {
  const [row] = await db.asTenant(tenant).query<{ sealed: Buffer }>(
    'SELECT sealed FROM tasks WHERE task_id = $1 AND tenant = $2', [taskId, tenant],
  );
  return row === undefined ? null : openTask(sealer, { tenant, task_id: taskId, sealed: row.sealed });
}

export interface SealedTask { readonly tenant: string; readonly task_id: string; readonly sealed: Buffer }

/** Throws KeyUnavailableError, SealBrokenError. */
export function openTask(sealer: Sealer, { tenant, task_id, sealed }: SealedTask): ParkedTaskState {
  return openJson<ParkedTaskState>(sealer, sealed, sealedAs.task(tenant, task_id));
}

/** A task as the list has it. */
export interface TaskRow {
  readonly task_id: string;
  readonly task_name: string;
  readonly status: TaskStatus;
  readonly category: ErrorCategory;
  readonly severity: ErrorSeverity;
  readonly exception_type: string;
  /** Scrubbed of personal data. */
  readonly exception_message: string;
  readonly fingerprint: string;
  /** In all rounds. */
  readonly attempts: number;
  readonly manual_retries: number;
  readonly correlation_id: string;
  readonly session_id: string | null;
  readonly parked_at: Date;
}

export interface TaskFilter {
  readonly tenant: string;
  /** null: open ones, that is parked and retrying. */
  readonly status: TaskStatus | null;
  readonly task_name: string | null;
  readonly category: ErrorCategory | null;
  readonly exception_type: string | null;
  readonly fingerprint: string | null;
  readonly correlation_id: string | null;
  readonly session_id: string | null;
  /** RFC 3339; is part of it. */
  readonly parked_after: string | null;
  /** RFC 3339; is not part of it. */
  readonly parked_before: string | null;
}

/** By the time of parking, which no retry changes: what exists throughout is on exactly one page, whatever happens meanwhile. */
export async function listTasks(db: Database, filter: TaskFilter, sort: PageSort, page: Page): Promise<PageOf<TaskRow>> {
  const { where, params } = conditionsOf(filter);
  return keysetPage(db.asTenant(filter.tenant), { columns, ...keys, where, params, page, sort, read: (row: TaskRow) => row });
}

export interface MatchingTasks { readonly ids: readonly string[]; readonly total: number }

/** What is to be cleared or redriven is counted to its end. */
const everyTask = 1_000_000_000;

/** Ids of those that match, oldest first, at most `limit`, and how many there are. */
export async function matchingTaskIds(db: Database, filter: TaskFilter, limit: number): Promise<MatchingTasks> {
  const { where, params } = conditionsOf(filter);
  const page = await keysetPage(db.asTenant(filter.tenant), {
    columns: 'task_id', ...keys, where, params, page: { limit, after: null }, sort: 'oldest',
    read: (row: { task_id: string }) => row.task_id, totalMax: everyTask,
  });
  return { ids: page.rows, total: page.total };
}

/** Takes ended tasks off the list. Returns how many it were; open ones stay. */
export async function deleteTaskRows(db: Database, tenant: string, ids: readonly string[]): Promise<number> {
  const rows = await db.asTenant(tenant).query(
    "DELETE FROM tasks WHERE task_id = ANY($1::uuid[]) AND tenant = $2 AND status IN ('completed', 'discarded') RETURNING task_id",
    [ids, tenant],
  );
  return rows.length;
}

const keys = { from: 'tasks', at: 'parked_at', id: 'task_id' } as const;
const columns = `task_id, task_name, status, category, severity, exception_type, exception_message, fingerprint, attempts, manual_retries,
  correlation_id, session_id, parked_at`;
/** In these words, so that the planner sees that the index of open tasks will do. */
export const isOpen = "status IN ('parked', 'retrying')";

function conditionsOf(filter: TaskFilter): { readonly where: string; readonly params: readonly unknown[] } {
  const params: unknown[] = [filter.tenant];
  const conditions = ['tenant = $1', filter.status === null ? isOpen : `status = $${params.push(filter.status)}`];
  for (const column of ['task_name', 'category', 'exception_type', 'fingerprint', 'correlation_id', 'session_id'] as const) {
    if (filter[column] !== null) conditions.push(`${column} = $${params.push(filter[column])}`);
  }
  if (filter.parked_after !== null) conditions.push(`parked_at >= $${params.push(filter.parked_after)}::timestamptz`);
  if (filter.parked_before !== null) conditions.push(`parked_at < $${params.push(filter.parked_before)}::timestamptz`);
  return { where: conditions.join(' AND '), params };
}

/** One page of the open rows of all tenants, by id. */
export async function openRows(db: Database, after: string | null, limit: number): Promise<SealedTask[]> {
  return db.asSystem().query<SealedTask & Record<string, unknown>>(
    `SELECT task_id, tenant, sealed FROM tasks WHERE ${isOpen} AND ($1::uuid IS NULL OR task_id > $1) ORDER BY task_id LIMIT $2`,
    [after, limit],
  );
}

/** Those of these ids that have a row, open or ended. */
export async function knownTasks(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.asSystem().query<{ task_id: string }>('SELECT task_id FROM tasks WHERE task_id = ANY($1)', [ids]);
  return new Set(rows.map((row) => row.task_id));
}
