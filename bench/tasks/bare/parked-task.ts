/** What the three workflows share: running an activity, and parking it as a workflow of its own when its retries are exhausted. */
import {
  ActivityFailure, allHandlersFinished, ApplicationFailure, condition, defineQuery, defineSignal, defineUpdate, getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy, proxyActivities, setHandler, startChild, TimeoutFailure, uuid4, workflowInfo,
} from '@temporalio/workflow';
import type { Category } from './attempt.ts';
import type { Activities } from './activities.ts';

export interface Attempt {
  readonly number: number;
  readonly at: number;
  readonly category: Category;
  readonly error: string;
  readonly delay_seconds: number | null;
  readonly worker: string | null;
}

export interface TaskFailure {
  readonly category: Category;
  readonly exception_type: string;
  readonly message: string;
  readonly attempts: readonly Attempt[];
}
export type Outcome = { readonly kind: 'completed'; readonly output: unknown } | {
  readonly kind: 'discarded';
  readonly reason: string | null;
};
interface HistoryEntry extends Attempt { readonly round: number; readonly actor: string | null; readonly reason: string | null }
interface Request { readonly actor?: string; readonly reason?: string }

interface Parking {
  readonly task_id: string;
  readonly name: keyof Activities;
  readonly input: object;
  readonly failure: TaskFailure;
  readonly reply_to: string;
}

export interface ParkedTaskState extends Parking {
  status: 'parked' | 'retrying' | 'completed' | 'discarded';
  failure: TaskFailure;
  history: HistoryEntry[];
  manual_retries: number;
  request: Request;
}

export const taskDone = defineSignal<[{ readonly task_id: string; readonly outcome: Outcome }]>('taskDone');
export const retryTask = defineUpdate<string, [request?: Request]>('retryTask');
export const discardTask = defineUpdate<string, [request?: Request]>('discardTask');
export const readTask = defineQuery<ParkedTaskState>('readTask');

const maxRetries = 3;
const activities = proxyActivities<Activities>({
  startToCloseTimeout: '10m', heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 10 },
});

/** The task's result, however long it takes: an exhausted one is parked, and this waits for its word. */
export async function runTask<Name extends keyof Activities>(name: Name, input: Parameters<Activities[Name]>[0]): Promise<Outcome> {
  const result = await tried(name, input);
  if ('output' in result) return { kind: 'completed', output: result.output };
  const task_id = uuid4();
  const told = new Promise<Outcome>((resolve) => {
    setHandler(taskDone, (done) => { if (done.task_id === task_id) resolve(done.outcome); });
  });
  const parking: Parking = { task_id, name, input, failure: result.failure, reply_to: workflowInfo().workflowId };
  await startChild(parkedTask, {
    workflowId: `task:${task_id}`, args: [parking], parentClosePolicy: ParentClosePolicy.ABANDON,
    memo: { correlation_id: input.correlation_id },
    staticSummary: `${name}: ${result.failure.category}`,
  });
  return told;
}

async function tried(name: keyof Activities, input: object): Promise<{ readonly output: unknown } | { readonly failure: TaskFailure }> {
  try {
    return { output: await activities[name](input as never) };
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    const { cause } = error;
    const told = cause instanceof ApplicationFailure ? cause.details?.[0] as TaskFailure | undefined : undefined;
    const lost = cause instanceof TimeoutFailure && Array.isArray(cause.lastHeartbeatDetails) ? cause.lastHeartbeatDetails as Attempt[]
      : [];
    return {
      failure: told ?? {
        category: 'network', exception_type: cause?.name ?? error.name, message: 'Every attempt ran out of time, or lost its worker.',
        attempts: lost,
      },
    };
  }
}

/** Waits until an operator retries or discards it, and reports to whoever waits. */
export async function parkedTask(parking: Parking): Promise<ParkedTaskState['status']> {
  const task: ParkedTaskState = { ...parking, status: 'parked', history: [], manual_retries: 0, request: {} };
  note(task);
  const checkParked = (_request?: Request): void => {
    if (task.status !== 'parked') {
      throw ApplicationFailure.nonRetryable(
        `This task is ${task.status}, and only a parked one can be retried or discarded.`, 'not_parked',
      );
    }
  };
  setHandler(retryTask, (request = {}) => {
    Object.assign(task, { status: 'retrying', manual_retries: task.manual_retries + 1, request });
    return task.status;
  }, {
    validator: (_request?: Request) => {
      checkParked();
      if (task.manual_retries >= maxRetries) {
        throw ApplicationFailure.nonRetryable(`This task was retried ${maxRetries} times by hand.`, 'max_retries_exceeded');
      }
    },
  });
  setHandler(discardTask, (request = {}) => {
    Object.assign(task, { status: 'discarded', request });
    return task.status;
  }, { validator: checkParked });
  setHandler(readTask, () => task);
  for (;;) {
    await condition(() => task.status !== 'parked');
    if (task.status === 'discarded') await tell(task, { kind: 'discarded', reason: task.request.reason ?? null });
    else await retryOnce(task);
    if (task.status !== 'parked') break;
  }
  await condition(allHandlersFinished);
  return task.status;
}

async function retryOnce(task: ParkedTaskState): Promise<void> {
  const result = await tried(task.name, task.input);
  if ('output' in result) {
    task.status = 'completed';
    await tell(task, { kind: 'completed', output: result.output });
  } else {
    task.failure = result.failure;
    note(task);
    task.status = 'parked';
  }
}

function note(task: ParkedTaskState): void {
  const { manual_retries: round, request: { actor = null, reason = null } } = task;
  task.history = [...task.history, ...task.failure.attempts.map((attempt) => ({ ...attempt, round, actor, reason }))].slice(-200);
}

/** One that does not wait any more has ended. */
async function tell({ reply_to, task_id }: ParkedTaskState, outcome: Outcome): Promise<void> {
  await getExternalWorkflowHandle(reply_to).signal(taskDone, { task_id, outcome }).catch(() => undefined);
}
