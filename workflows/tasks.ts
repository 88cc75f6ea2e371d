/**
 * Running a task from a workflow: an ordinary activity, so success costs nothing extra. How often and when it is tried again
 * is decided where it runs (activities/retries.ts); what comes back here is a result, or how it failed.
 */
import {
  ActivityFailure, ApplicationFailure, CancellationScope, condition, isCancellation, proxyActivities, TimeoutFailure,
} from '@temporalio/workflow';
import type { Tasks } from '../activities/tasks.ts';
import type { TaskFailure, TaskPriority } from '../domain/parked-task.ts';

export type TaskName = keyof Tasks;
type Input<K extends TaskName> = Parameters<Tasks[K]>[0];
type Output<K extends TaskName> = Awaited<ReturnType<Tasks[K]>>;

export type TaskResult<T> = { readonly output: T } | { readonly failure: TaskFailure };

/** A worker that dies is noticed by its missing heartbeat; the attempt's own time is the definition's. More tries than any category has. */
const options = {
  startToCloseTimeout: '10m', heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 10 },
} as const;

/** Lower is sooner. What many wait for at once, as in a redrive, does not hold up those who have just answered. */
const priorityKeys: Readonly<Record<TaskPriority, number>> = { high: 2, normal: 3, low: 5 };

function activities(priority: TaskPriority, withinMs: number | null): Tasks {
  return proxyActivities<Tasks>({
    ...options, priority: { priorityKey: priorityKeys[priority] }, ...(withinMs === null ? {} : { scheduleToCloseTimeout: withinMs }),
  });
}

/** `withinMs`: for all tries and the pauses between them; a longer pause is not begun. Throws nothing that an activity does. */
export async function runTask<K extends TaskName>(
  name: K, input: Input<K>, priority: TaskPriority = 'normal', withinMs: number | null = null,
): Promise<TaskResult<Output<K>>> {
  const task = activities(priority, withinMs)[name] as (input: Input<K>) => Promise<Output<K>>;
  try {
    return { output: await task(input) };
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    return { failure: failureOf(error) };
  }
}

/** As long as somebody wants it: null when nobody does any more, and then it is broken off. */
export async function runWhileWanted<K extends TaskName>(
  name: K, input: Input<K>, wanted: () => boolean, withinMs: number | null,
): Promise<TaskResult<Output<K>> | null> {
  const scope = new CancellationScope();
  return scope.run(async () => {
    const unwanted = condition(() => !wanted()).then(() => null);
    const running = runTask(name, input, 'normal', withinMs).catch((error: unknown) => {
      if (isCancellation(error)) return null;
      throw error;
    });
    const result = await Promise.race([running, unwanted]);
    unwanted.catch(() => undefined);
    scope.cancel();
    return result;
  });
}

/** The interceptor's own word, or, when the last attempt left none, what the engine knows. */
function failureOf(error: ActivityFailure): TaskFailure {
  const { cause } = error;
  // out of time in all, the engine says so and keeps the word of the last try below
  const last = cause instanceof TimeoutFailure ? cause.cause : cause;
  const told = last instanceof ApplicationFailure ? last.details?.[0] : undefined;
  if (isTaskFailure(told)) return told;
  const attempts = cause instanceof TimeoutFailure && Array.isArray(cause.lastHeartbeatDetails)
    ? cause.lastHeartbeatDetails as TaskFailure['attempts'] : [];
  return {
    category: 'network', severity: 'medium', unclassified: false, exception_type: cause?.name ?? 'ActivityFailure',
    message: 'Every attempt ran out of time, or lost its worker.', fingerprint: `${error.activityType}-lost`, attempts,
  };
}

function isTaskFailure(value: unknown): value is TaskFailure {
  return typeof value === 'object' && value !== null && 'fingerprint' in value && 'attempts' in value;
}

/** Stored for ever: a copy that cannot be written now is written later and nobody waits for it. */
export const { flushSession, writeTask } = proxyActivities<Tasks>({
  startToCloseTimeout: '20s', retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** A reading has to be there while the person waits: two tries, then the text counts as not understood. */
const readings = proxyActivities<Tasks>({
  startToCloseTimeout: '10s', scheduleToCloseTimeout: '12s', retry: { maximumAttempts: 2, initialInterval: '200ms' },
});

export async function readAnswer(input: Input<'readAnswer'>): Promise<Output<'readAnswer'>> {
  try {
    return await readings.readAnswer(input);
  } catch (error) {
    if (error instanceof ActivityFailure) return null;
    throw error;
  }
}
