/** Parked tasks at the engine, as background work needs them. Made by engine/task-workflows.ts. */
import type { ParkedTaskState } from '../domain/parked-task.ts';

export interface TaskWorkflows {
  /** Workflow ids of those that run, by task id; the engine's list is a moment behind. At most `most`. */
  running(most: number): Promise<ReadonlyMap<string, string>>;
  /** 'running', or the last state of one that has ended, or null when the engine has none. */
  look(task: Pick<ParkedTaskState, 'tenant' | 'task_id'>): Promise<'running' | ParkedTaskState | null>;
  /** Begins it from a state, once however often it is asked. */
  begin(state: ParkedTaskState): Promise<void>;
  /** Has it write its row again. */
  rewrite(workflowId: string): Promise<void>;
}
