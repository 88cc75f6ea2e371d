/** Parked tasks and redrives as the API sees them: messages and questions to their workflows, with errors in our words. */
import type { Client, WorkflowHandle } from '@temporalio/client';
import { MessageRejected } from '../domain/message.ts';
import { Redrive } from '../domain/redrive.ts';
import type { RedriveInput, RedriveState } from '../domain/redrive-state.ts';
import { type DiscardRequest, type ParkedTaskState, type RetryRequest } from '../domain/parked-task.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { readTaskRow, saveTask } from '../stores/postgres/tasks.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import {
  abortRedrive, pauseRedrive, readRedrive, redriveWorkflow, resumeRedrive,
} from '../workflows/redrive-messages.ts';
import { sessionAttributes } from '../workflows/search-attributes.ts';
import { discardTask, readTask, retryTask, type TaskReply } from '../workflows/task-messages.ts';
import { InFlight } from './in-flight.ts';
import { SharedReads } from './shared-reads.ts';
import { redriveWorkflowId, taskWorkflowId } from '../workflows/workflow-ids.ts';
import { EngineUnavailableError, NoOpenRunError, StoppedRunError, callEngine, rejection, repeated } from './calls.ts';

export interface ParkedTasksOptions {
  /** One that asks no workflow that was ended from outside. */
  readonly client: Client;
  /** One that does. */
  readonly closedRuns: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  /** Messages to one workflow under way at once, from this process. */
  readonly inFlightPerTask: number;
  readonly db: Database;
  readonly sealer: Sealer;
  /** Told when a row follows later than its task. */
  readonly onRowBehind: () => void;
}

export interface TaskName { readonly tenant: string; readonly task_id: string }
/** A task, and whether it is a copy that may be behind. */
export interface TaskReading { readonly state: ParkedTaskState; readonly stale: boolean }

const redriveUpdates = { pause: pauseRedrive, resume: resumeRedrive, abort: abortRedrive } as const;
const pastOf = { pause: 'paused', resume: 'resumed', abort: 'aborted' } as const;
const statusAfter = { pause: 'paused', resume: 'running', abort: 'aborted' } as const;
export type RedriveAct = keyof typeof redriveUpdates;

export class ParkedTasks {
  private readonly options: ParkedTasksOptions;
  private readonly inFlight: InFlight;
  /** The engine keeps one query waiting while a workflow is busy; each further one meets a back-off of more than a second. */
  private readonly reads = new SharedReads<ParkedTaskState>();

  constructor(options: ParkedTasksOptions) {
    this.options = options;
    this.inFlight = new InFlight(options.inFlightPerTask);
  }

  /**
   * The task as its workflow has it; as its row has it when the workflow is gone or the engine does not answer. The row of an
   * open task may be behind then, and is marked so. Throws not_found, EngineUnavailableError, StoreUnavailableError.
   */
  async read(task: TaskName): Promise<TaskReading> {
    try {
      return { state: await this.query(task), stale: false };
    } catch (error) {
      if (!(error instanceof NoOpenRunError || error instanceof EngineUnavailableError)) throw error;
      const state = await this.row(task, error);
      // a task whose workflow is past retention has ended; its row was written until it said so
      return { state, stale: error instanceof EngineUnavailableError || state.ended_at === null };
    }
  }

  /** What its workflow says, for who is about to change it. Throws not_found, and not_parked when the workflow is gone. */
  current(task: TaskName): Promise<ParkedTaskState> {
    return this.query(task).catch((error: unknown) => this.refuseClosed(task, error));
  }

  /**
   * `operationId`: the same for each repeat of one request, and for no other. Of two requests with the same `round` one counts,
   * and the other is not_parked. Throws not_found, not_parked, max_retries_exceeded.
   */
  retry(task: TaskName, operationId: string, request: RetryRequest): Promise<TaskReply> {
    return this.update(task, (parked) => parked.executeUpdate(retryTask, { updateId: `retry:${operationId}`, args: [request] }));
  }

  /** Throws not_found, not_parked. */
  discard(task: TaskName, operationId: string, request: DiscardRequest): Promise<TaskReply> {
    return this.update(task, (parked) => parked.executeUpdate(discardTask, { updateId: `discard:${operationId}`, args: [request] }));
  }

  /** Starts it, or finds it running: repeating it with the same id does no harm. */
  async startRedrive(input: RedriveInput): Promise<RedriveState> {
    const { client, taskQueue, timeoutMs } = this.options;
    await callEngine(client, timeoutMs, () => client.workflow.start(redriveWorkflow, {
      workflowId: redriveWorkflowId(input.tenant, input.redrive_id), taskQueue, args: [input], workflowIdConflictPolicy: 'USE_EXISTING',
      typedSearchAttributes: [{ key: sessionAttributes.tenant, value: input.tenant }],
      staticSummary: `Redrive of ${input.task_ids.length} tasks`,
    }));
    return new Redrive(input).view();
  }

  /** Throws not_found. */
  async redrive(tenant: string, redriveId: string): Promise<RedriveState> {
    const { client, closedRuns, timeoutMs } = this.options;
    const ask = (of: Client): Promise<RedriveState> => callEngine(
      of, timeoutMs, () => of.workflow.getHandle(redriveWorkflowId(tenant, redriveId)).query(readRedrive),
    );
    return ask(client).catch(async (error: unknown) => {
      if (error instanceof StoppedRunError) return stoppedRedrive(await ask(closedRuns));
      throw error;
    }).catch(missingRedrive);
  }

  /** Throws not_found, wrong_state. */
  async steerRedrive(tenant: string, redriveId: string, act: RedriveAct, operationId: string): Promise<RedriveState> {
    const update = { updateId: `${act}:${operationId}` };
    const redrive = await this.send(redriveWorkflowId(tenant, redriveId), (running) => running.executeUpdate(redriveUpdates[act], update))
      .catch((error: unknown) => {
        if (error instanceof NoOpenRunError) return this.redrive(tenant, redriveId);
        throw error;
      });
    if (redrive.status === statusAfter[act]) return redrive;
    throw new MessageRejected('wrong_state', `This redrive is ${redrive.status}, and cannot be ${pastOf[act]}.`);
  }

  private async update(task: TaskName, message: (to: WorkflowHandle) => Promise<TaskReply>): Promise<TaskReply> {
    const reply = await this.send(taskWorkflowId(task.tenant, task.task_id), message).catch(
      (error: unknown) => this.refuseClosed(task, error),
    );
    await this.followed(task);
    return reply;
  }

  private async send<Result>(workflowId: string, message: (to: WorkflowHandle) => Promise<Result>): Promise<Result> {
    const { client, timeoutMs } = this.options;
    try {
      const handle = client.workflow.getHandle(workflowId);
      return await this.inFlight.run(workflowId, () => repeated(timeoutMs, (leftMs) => callEngine(client, leftMs, () => message(handle))));
    } catch (error) {
      throw rejection(error) ?? error;
    }
  }

  private query({ tenant, task_id: taskId }: TaskName): Promise<ParkedTaskState> {
    const { client, timeoutMs } = this.options;
    const workflowId = taskWorkflowId(tenant, taskId);
    return this.reads.read(workflowId, () => callEngine(client, timeoutMs, () => client.workflow.getHandle(workflowId).query(readTask)));
  }

  /** The list follows at once on what an operator did; the workflow writes its row itself, and this may fail. */
  private async followed(task: TaskName): Promise<void> {
    try {
      await saveTask(this.options.db, this.options.sealer, await this.query(task));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError || error instanceof EngineUnavailableError || error instanceof NoOpenRunError)) {
        throw error;
      }
      this.options.onRowBehind();
    }
  }

  /** A workflow that is closed takes nothing: not_parked for a task of the tenant, not_found for all others. */
  private async refuseClosed(task: TaskName, error: unknown): Promise<never> {
    if (!(error instanceof NoOpenRunError)) throw error;
    const { state } = await this.read(task);
    throw new MessageRejected('not_parked', state.ended_at === null
      ? 'This task is being restored. Repeat in a minute.'
        : `This task is ${state.status}, and only a parked one can be retried or discarded.`);
  }

  private async row({ tenant, task_id: taskId }: TaskName, error: NoOpenRunError | EngineUnavailableError): Promise<ParkedTaskState> {
    const state = await readTaskRow(this.options.db, this.options.sealer, tenant, taskId).catch((second: unknown) => {
      throw second instanceof StoreUnavailableError && error instanceof EngineUnavailableError ? error : second;
    });
    if (state !== null) return state;
    throw error instanceof EngineUnavailableError ? error : new MessageRejected('not_found', 'There is no such task.');
  }
}

/** It begins no more, whatever it said last. */
function stoppedRedrive(redrive: RedriveState): RedriveState {
  if (redrive.status !== 'running' && redrive.status !== 'paused') return redrive;
  return { ...redrive, status: 'aborted', note: 'Ended in Temporal itself. What had been begun goes on to its own end.' };
}

function missingRedrive(error: unknown): never {
  throw error instanceof NoOpenRunError ? new MessageRejected('not_found', 'There is no such redrive.') : error;
}
