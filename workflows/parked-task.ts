/**
 * A parked task as a workflow: it waits, for as long as it takes, until an operator retries or discards it. It is the truth of
 * the dead letter queue; the table `tasks` is its copy, written by revision until it is stored.
 */
import {
  allHandlersFinished, condition, continueAsNew, getExternalWorkflowHandle, setCurrentDetails, setHandler, upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { ParkedTask, type ParkedTaskState, type TaskOutcome, type TaskStatus } from '../domain/parked-task.ts';
import { isRedriveRequest } from '../domain/message-shape.ts';
import type { RedriveResult } from '../domain/redrive-state.ts';
import { heedCancellation } from './cancellation.ts';
import { translated } from './handlers.ts';
import { attributesOf } from './task-attributes.ts';
import {
  discardTask, readTask, redriveTask, retryTask, rewriteTask, supersedeTask, taskDone, taskRedriven, type ParkedTaskInput, type TaskReply,
} from './task-messages.ts';
import { runTask, writeTask, type TaskName } from './tasks.ts';

type Redrives = { readonly workflow: string; readonly result: RedriveResult }[];

export async function parkedTask(input: ParkedTaskInput): Promise<TaskStatus> {
  const task = 'parking' in input ? ParkedTask.park(input.parking, Date.now()) : new ParkedTask(
    JSON.parse(JSON.stringify(input.state)) as ParkedTaskState,
  );
  const row = { revision: 0 };
  const redrives: Redrives = [];
  handleTaskMessages(task, row, redrives);
  return heedCancellation(() => { task.cancel(Date.now()); }, () => live(task, row, redrives));
}

async function live(task: ParkedTask, row: { revision: number }, redrives: Redrives): Promise<TaskStatus> {
  // The first command of every run, without which a lost cache may leave one that never replays: the row is on its way before
  // anything is waited for.
  const stored = keepRow(task, row);
  void keepVisible(task);
  void answerRedrives(task, redrives);

  // Work that was under way when the run before ended, or the state was stored, is begun again.
  while (!task.ended) {
    await condition(() => task.state.status === 'retrying' || task.ended || isFull(task, row));
    if (task.state.status === 'retrying') await retryOnce(task, redrives);
    else if (!task.ended) return nextRun(task);
  }
  await tell(task, discardedOutcome(task));
  await stored;
  await condition(() => redrives.length === 0 && allHandlersFinished());
  return task.state.status;
}

/** One round: the task with its retries, as when it ran first. */
async function retryOnce(task: ParkedTask, redrives: Redrives): Promise<void> {
  const { task_name: name, input, round } = task.state;
  const result = await runTask(name as TaskName, input as never, round?.priority ?? 'normal');
  if ('failure' in result) task.failed(result.failure, Date.now());
  else if (task.succeeded(Date.now())) await tell(task, { kind: 'completed', output: (result.output ?? null) as never });
  if (round !== null && round.redrive !== null) {
    redrives.push({ workflow: round.redrive, result: 'failure' in result ? 'failed' : 'succeeded' });
  }
}

/** Whoever waits is told how it ended; one that does not wait any more has said so, or has ended. */
async function tell(task: ParkedTask, outcome: TaskOutcome | null): Promise<void> {
  const { reply_to: waiting, task_id } = task.state;
  if (waiting === null || outcome === null) return;
  await getExternalWorkflowHandle(waiting).signal(taskDone, { task_id, outcome }).catch(() => undefined);
}

function discardedOutcome(task: ParkedTask): TaskOutcome | null {
  const { discarded, status } = task.state;
  return status === 'discarded' && discarded !== null && !task.isSuperseded ? { kind: 'discarded', reason: discarded.reason } : null;
}

async function keepRow(task: ParkedTask, row: { revision: number }): Promise<void> {
  for (;;) {
    await condition(() => task.state.revision > row.revision);
    const state = JSON.parse(JSON.stringify(task.state)) as ParkedTaskState;
    const { tenant, context } = state;
    await writeTask({ correlation_id: context.correlation_id, tenant, state });
    row.revision = Math.max(row.revision, state.revision);
    if (task.ended && row.revision === task.state.revision) return;
  }
}

async function keepVisible(task: ParkedTask): Promise<void> {
  for (;;) {
    const { revision, status } = task.state;
    // all of them, since one that is begun again from its row has none
    upsertSearchAttributes(attributesOf(status, task.state));
    setCurrentDetails(describe(task.state));
    await condition(() => task.state.revision !== revision);
  }
}

/** Codes, numbers and scrubbed words: never the input. */
function describe(
  {
    status, task_name: name, failure: { category, severity, exception_type: type, message }, manual_retries: retries, max_retries: max,
    history, discarded,
  }: ParkedTaskState,
): string {
  return [
    `**${status}** · task \`${name}\` · ${category}, ${severity}`, '', `- ${type}: ${message}`,
    `- ${history.length} attempts, ${retries} of ${max} retries by hand`,
    ...(discarded === null ? [] : [`- not wanted any more: ${discarded.reason ?? 'no reason given'}`]),
    ...(status === 'parked' ? ['- Send the Update `retryTask` or `discardTask`, both without an argument or as `{"reason": "…"}`.'] : []),
  ].join('\n');
}

async function answerRedrives(task: ParkedTask, redrives: Redrives): Promise<void> {
  for (;;) {
    await condition(() => redrives.length > 0);
    const [first] = redrives;
    if (first !== undefined) {
      await getExternalWorkflowHandle(first.workflow)
        .signal(taskRedriven, { task_id: task.state.task_id, result: first.result }).catch(() => undefined);
    }
    redrives.shift();
  }
}

function handleTaskMessages(task: ParkedTask, row: { revision: number }, redrives: Redrives): void {
  const reply = (): TaskReply => {
    const { task_id, status, manual_retries, max_retries, updated_at } = task.state;
    return { task_id, status, manual_retries, max_retries, updated_at };
  };
  const on = <Request extends object>(
    definition: UpdateDefinition<TaskReply, [Request]>, check: (request: Request) => undefined, handle: (request: Request) => void,
  ): void => {
    // sent without an argument there is none, whatever the type says
    const given = (request: Request | undefined): Request => request ?? {} as Request;
    setHandler(definition, (request) => {
      handle(given(request));
      return reply();
    }, { validator: (request) => { translated(() => check(given(request))); } });
  };
  on(retryTask, (request) => task.checkRetry(request), (request) => { task.retry(request, Date.now()); });
  on(discardTask, () => task.checkDiscard(), (request) => { task.discard(request, Date.now()); });
  setHandler(supersedeTask, () => { task.supersede(Date.now()); });
  setHandler(rewriteTask, () => { row.revision = 0; });
  setHandler(redriveTask, (request) => {
    if (!isRedriveRequest(request)) return;
    const refused = task.refusal(request);
    if (refused === null) task.retry(request, Date.now());
    else if (request.redrive != null) redrives.push({ workflow: request.redrive, result: refused });
  });
  setHandler(readTask, () => task.state);
}

/** Only while it waits and its row is stored: nothing is under way then. */
function isFull(task: ParkedTask, row: { revision: number }): boolean {
  return workflowInfo().continueAsNewSuggested && task.state.status === 'parked' && row.revision === task.state.revision;
}

async function nextRun(task: ParkedTask): Promise<never> {
  await condition(allHandlersFinished);
  return continueAsNew<typeof parkedTask>({ state: task.state });
}
