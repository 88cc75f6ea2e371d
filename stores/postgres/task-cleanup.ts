/** Rows of tasks that ended long ago leave the list of the dead letter queue. What is open never does. */
import type { Queries, Statement } from './database.ts';

/** Ids of what may go, the longest ended first: by the index tasks_by_end. In the scope of the system. */
export function endedTasksStatement({ keepDays, limit }: { readonly keepDays: number; readonly limit: number }): Statement {
  return {
    sql: `SELECT task_id FROM tasks WHERE ended_at < now() - make_interval(days => $1) AND status IN ('completed', 'discarded') ORDER BY ` +
      `ended_at LIMIT $2`,
    params: [keepDays, limit],
  };
}

/** How many may go, counted up to `most`. */
export async function countEndedTasks(
  db: Queries, { keepDays, most }: { readonly keepDays: number; readonly most: number },
): Promise<number> {
  const { sql, params } = endedTasksStatement({ keepDays, limit: most });
  const [row] = await db.query<{ count: number }>(`SELECT count(*)::int AS count FROM (${sql}) AS ended`, params);
  return row?.count ?? 0;
}

export async function endedTasks(db: Queries, options: { readonly keepDays: number; readonly limit: number }): Promise<string[]> {
  const { sql, params } = endedTasksStatement(options);
  return (await db.query<{ task_id: string }>(sql, params)).map((row) => row.task_id);
}

/** Deletes one batch. Rows that somebody else is at are passed over. Returns the ids that went. */
export async function deleteEndedTasks(db: Queries, options: { readonly keepDays: number; readonly limit: number }): Promise<string[]> {
  const { sql, params } = endedTasksStatement(options);
  return (await db.query<{ task_id: string }>(`DELETE FROM tasks WHERE task_id IN (${sql} FOR UPDATE SKIP LOCKED)
    RETURNING task_id`, params)).map((row) => row.task_id);
}
