/** What messages to workflows have in common: repeats within a deadline, and refusals in our words. */
import { ApplicationFailure } from '@temporalio/common';
import { MessageRejected, rejections, type Mistake, type Rejection } from '../domain/message.ts';
import { EngineUnavailableError } from './connection.ts';

/** Between tries of a message whose workflow task failed. */
const pauseMs = 40;

/**
 * A workflow task can fail through no fault of the message in it, for example when an activity ends just as the session
 * continues as a new run. The same message with the same id then gets through: it is repeated here within the deadline,
 * so that no person has to.
 */
export async function repeated<T>(timeoutMs: number, work: (leftMs: number) => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work(deadline - performance.now());
    } catch (error) {
      const again = error instanceof EngineUnavailableError && error.status === 9;
      if (!again || performance.now() + tries * pauseMs >= deadline) throw error;
      await new Promise((resolve) => { setTimeout(resolve, tries * pauseMs); });
    }
  }
}

/** What a workflow refused, or null for any other failure. */
export function rejection(error: unknown): MessageRejected | null {
  if (!(error instanceof ApplicationFailure)) return null;
  const code = rejections.find((known): known is Rejection => known === error.type);
  return code === undefined ? null : new MessageRejected(code, error.message, (error.details?.[0] ?? []) as Mistake[]);
}
