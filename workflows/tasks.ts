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

/** A model is asked again as behaviour 5 has it for `llm_api`; its own Retry-After wins. */
const proposals = proxyActivities<Tasks>({
  startToCloseTimeout: '60s',
  retry: { initialInterval: '3s', backoffCoefficient: 2.5, maximumInterval: '120s', maximumAttempts: 4 },
});

const heldMs = 60_000;

export interface Wanted {
  /** Asked before each new round. */
  readonly stillWanted: () => boolean;
  /** After this long the task is given up, and the caller goes on without it. */
  readonly giveUpAfterMs?: number;
}

/** A task that nobody wants any more, or that was given up, ends with null. */
export async function runTask<K extends Name>(name: K, input: Input<K>, wanted: Wanted): Promise<Output<K> | null> {
  const task = (name === 'proposeRecommendations' ? proposals[name] : tasks[name]) as (input: Input<K>) => Promise<Output<K>>;
  const deadline = wanted.giveUpAfterMs === undefined ? Infinity : Date.now() + wanted.giveUpAfterMs;
  for (;;) {
    try {
      return await task(input);
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      if (!wanted.stillWanted()) return null;
      await sleep(Math.max(1, Math.min(heldMs, deadline - Date.now())));
      if (!wanted.stillWanted() || Date.now() >= deadline) return null;
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
