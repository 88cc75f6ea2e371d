/** What can be sent to a parked task, and what it sends. The Temporal Web UI offers the Updates by these names. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RedriveResult } from '../domain/redrive-state.ts';
import type { DiscardRequest, Parking, ParkedTaskState, RetryRequest, TaskOutcome, TaskStatus } from '../domain/parked-task.ts';

export const parkedTaskWorkflow = 'parkedTask';

/** A task that is parked now brings `parking`, a continued or restored one its `state`. */
export type ParkedTaskInput = { readonly parking: Parking } | { readonly state: ParkedTaskState };

/** What an operator sees after an Update. */
export interface TaskReply {
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly manual_retries: number;
  readonly max_retries: number;
  readonly updated_at: number;
}

/** The Web UI may send both without an argument. */
export const retryTask = defineUpdate<TaskReply, [RetryRequest]>('retryTask');
export const discardTask = defineUpdate<TaskReply, [DiscardRequest]>('discardTask');
export const readTask = defineQuery<ParkedTaskState>('readTask');
/** From the workflow that waited: it does not any more. */
export const supersedeTask = defineSignal('supersedeTask');
/** From a redrive, which gets the outcome by `taskRedriven`. */
export const redriveTask = defineSignal<[RetryRequest]>('redriveTask');
/** From the reconciler: the row is missing or behind. */
export const rewriteTask = defineSignal('rewriteTask');

/** To the workflow that waits. */
export const taskDone = defineSignal<[{ readonly task_id: string; readonly outcome: TaskOutcome }]>('taskDone');
/** To the redrive that asked for the round. */
export const taskRedriven = defineSignal<[{ readonly task_id: string; readonly result: RedriveResult }]>('taskRedriven');
