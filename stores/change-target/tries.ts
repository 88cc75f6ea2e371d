/** How long a run against a remote target may go on, and its one immediate second try of a call. */
import { ChangeTargetError } from './port.ts';

export interface Deadline { readonly over: () => boolean; readonly leftMs: () => number }

export function createDeadline(ms: number): Deadline {
  const end = performance.now() + ms;
  return { over: () => performance.now() >= end, leftMs: () => end - performance.now() };
}

const pauseMs = 250;
/** Left for a second try to be worth its while. */
const secondTryMs = 8_000;

/**
 * A lost connection is common and a repeat is safe: calls are idempotent by change id. Two tries here spare a changeset the
 * whole way back; longer pauses are the task's own.
 */
export async function twice<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
  if (deadline.over()) throw new OutOfTime();
  try {
    return await work();
  } catch (error) {
    const again = error instanceof ChangeTargetError && error.kind === 'unreachable' && error.retryAfterMs === null
      && deadline.leftMs() > secondTryMs;
    if (!again) throw error;
    await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
    return work();
  }
}

/** The run ends here in good order; the next one goes on. */
export class OutOfTime extends ChangeTargetError {
  constructor() {
    super('busy', 'the run took as long as it may; the next one goes on');
  }
}
