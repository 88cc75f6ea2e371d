/** Parked tasks as the engine and the list have them, for the reconciler: ids on both sides, and ways to bring them together. */
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { ParkedTaskState } from '../domain/parked-task.ts';
import type { Database } from '../stores/postgres/database.ts';
import { isOpen, type SealedTask } from '../stores/postgres/tasks.ts';

/** One page of the open rows of all tenants, by id. */
export async function openRows(db: Database, after: string | null, limit: number): Promise<SealedTask[]> {
  return db.asSystem().query<SealedTask & Record<string, unknown>>(
    `SELECT task_id, tenant, sealed FROM tasks WHERE ${isOpen} AND ($1::uuid IS NULL OR task_id > $1) ORDER BY task_id LIMIT $2`, [after, limit],
  );
}

/** Those of these ids that have a row, open or ended. */
export async function knownTasks(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.asSystem().query<{ task_id: string }>('SELECT task_id FROM tasks WHERE task_id = ANY($1)', [ids]);
  return new Set(rows.map((row) => row.task_id));
}

export interface TaskWorkflows {
  /** Ids of the workflows that run, `task:{tenant}:{task_id}`; the engine's list is a moment behind. At most `most`. */
  running(most: number): Promise<ReadonlySet<string>>;
  /** 'running', or the last state of one that has ended, or null when the engine has none. */
  look(workflowId: string): Promise<'running' | ParkedTaskState | null>;
  /** Begins it again from a stored state, once however often it is asked. */
  begin(workflowId: string, state: ParkedTaskState): Promise<void>;
  /** Has it write its row again. */
  rewrite(workflowId: string): Promise<void>;
}

export interface TaskWorkflowOptions { readonly client: Client; readonly taskQueue: string; readonly timeoutMs: number }

/** The names are those of workflows/task-messages.ts. */
export function createTaskWorkflows({ client, taskQueue, timeoutMs }: TaskWorkflowOptions): TaskWorkflows {
  const call = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + timeoutMs, work);
  return {
    running: (most) => call(async () => {
      const ids = new Set<string>();
      for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'parkedTask' AND ExecutionStatus = 'Running'", pageSize: 1_000 })) {
        ids.add(workflowId);
        if (ids.size >= most) break;
      }
      return ids;
    }),
    look: (workflowId) => call(async () => {
      try {
        const handle = client.workflow.getHandle(workflowId);
        const { status } = await handle.describe();
        return status.name === 'RUNNING' ? 'running' : await handle.query<ParkedTaskState>('readTask');
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    }),
    begin: (workflowId, state) => call(async () => {
      try {
        await client.workflow.start('parkedTask', { workflowId, taskQueue, args: [{ state }], workflowIdReusePolicy: 'ALLOW_DUPLICATE', memo: { correlation_id: state.context.correlation_id } });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    }),
    rewrite: (workflowId) => call(() => client.workflow.getHandle(workflowId).signal('rewriteTask')),
  };
}
