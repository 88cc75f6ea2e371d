/**
 * A run that was ended before its first workflow task was completed: nothing has happened in it, and the engine answers no query about
 * it, ever.
 */
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { callEngine } from './calls.ts';

/** A run without a task that was completed has hardly any events: those of its start, and signals. In any other the first page tells. */
const [pageEvents, pagesMax] = [20, 50];

/** What the newest run of a workflow began with, as it was sent; null: it got further. */
export async function untouchedInput(client: Client, workflowId: string, timeoutMs: number): Promise<readonly Payload[] | null> {
  let first: readonly Payload[] | null = null;
  let nextPageToken = new Uint8Array();
  for (let page = 0; page < pagesMax; page += 1) {
    const token = nextPageToken;
    const { history, nextPageToken: next } = await callEngine(client, timeoutMs, () => client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace, execution: { workflowId }, maximumPageSize: pageEvents, nextPageToken: token,
    }));
    const events = history?.events ?? [];
    if (events.some((event) => event.workflowTaskCompletedEventAttributes != null)) return null;
    first ??= events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? null;
    if (next == null || next.length === 0) return first;
    nextPageToken = new Uint8Array(next);
  }
  return null;
}
