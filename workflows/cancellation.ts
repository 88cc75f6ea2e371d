/**
 * Request Cancellation, the main button of Temporal's own page: an operator's word like any other. The SDK's way, an error thrown
 * at whatever waits, would break off the copies that are still owed; thrown at a loop that nobody awaits it fails the workflow
 * task, again at every try, and nothing gets through any more.
 */
import { CancellationScope } from '@temporalio/workflow';

/** Runs `work` to its own end; `cancelled` is told once, also of a request that came before the first workflow task. */
export function heedCancellation<T>(cancelled: () => void, work: () => Promise<T>): Promise<T> {
  CancellationScope.current().cancelRequested.catch(cancelled);
  return CancellationScope.nonCancellable(work);
}
