/**
 * Running a task from a workflow: an ordinary activity, so success costs nothing extra. Its retries are bounded; when they
 * are exhausted the task is held here and begun again, so that the session never fails with it. The dead letter queue takes
 * this place over: an operator's parked task instead of a timer.
 */
import { ActivityFailure, proxyActivities, sleep } from '@temporalio/workflow';
import type { Tasks } from '../activities/tasks.ts';

type Name = keyof Tasks;
type Input<K extends Name> = Parameters<Tasks[K]>[0];
type Output<K extends Name> = Awaited<ReturnType<Tasks[K]>>;

const tasks = proxyActivities<Tasks>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 4 },
});

/** Stored for ever: a copy that cannot be written now is written later (architecture: failure rules). */
const copies = proxyActivities<Tasks>({
  startToCloseTimeout: '15s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});

const heldMs = 60_000;

/** `stillWanted` is asked before each new round; a task nobody wants any more ends with null. */
export async function runTask<K extends Name>(name: K, input: Input<K>, stillWanted: () => boolean): Promise<Output<K> | null> {
  const task = tasks[name] as (input: Input<K>) => Promise<Output<K>>;
  for (;;) {
    try {
      return await task(input);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      await sleep(heldMs);
      if (!stillWanted()) return null;
    }
  }
}

export const flushSession = copies.flushSession;

/** A reading has to be there while the person waits: two tries, then the text counts as not understood. */
const readings = proxyActivities<Tasks>({ startToCloseTimeout: '10s', scheduleToCloseTimeout: '12s', retry: { maximumAttempts: 2, initialInterval: '200ms' } });

export async function readAnswer(input: Input<'readAnswer'>): Promise<Output<'readAnswer'>> {
  try {
    return await readings.readAnswer(input);
  } catch (error) {
    if (error instanceof ActivityFailure) return null;
    throw error;
  }
}
