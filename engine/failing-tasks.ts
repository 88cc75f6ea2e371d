/** What the history of a workflow says of its newest workflow tasks. */
import type { Client } from '@temporalio/client';
import { callEngine } from './calls.ts';

/** Of the newest events: a failure is written with two others, and messages may lie between. */
const eventsLookedAt = 50;
/** WorkflowTaskFailedCause of a workflow that this code cannot go on with: WORKFLOW_WORKER_UNHANDLED_FAILURE, NON_DETERMINISTIC_ERROR. */
const broken: ReadonlySet<unknown> = new Set([14, 24]);

export interface FailingTasks {
  /** Epoch ms of the first failure since a task was last completed. */
  readonly since: number;
  /** The code failed, not only a worker. */
  readonly isBroken: boolean;
}

/** null: the newest task was completed. The third failure in a row and later ones are not written down, the first two are. */
export async function failingTasks(
  client: Client, execution: { readonly workflowId: string; readonly runId?: string }, timeoutMs: number,
): Promise<FailingTasks | null> {
  const { history } = await callEngine(client, timeoutMs, () => client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace, execution, maximumPageSize: eventsLookedAt,
  }));
  let since: number | null = null;
  let isBroken = false;
  for (const event of history?.events ?? []) {
    if (event.workflowTaskCompletedEventAttributes != null) break;
    const failed = event.workflowTaskFailedEventAttributes;
    if (failed == null && event.workflowTaskTimedOutEventAttributes == null) continue;
    since = Number(event.eventTime?.seconds ?? 0) * 1_000 + Math.floor((event.eventTime?.nanos ?? 0) / 1_000_000);
    isBroken ||= broken.has(failed?.cause);
  }
  return since === null ? null : { since, isBroken };
}

/** The workflow of a run, for those who are told of the run only; null: the list does not have it yet. */
export async function workflowIdOf(client: Client, runId: string, timeoutMs: number): Promise<string | null> {
  return callEngine(client, timeoutMs, async () => {
    for await (const { workflowId } of client.workflow.list({ query: `RunId = '${runId}'`, pageSize: 1 })) return workflowId;
    return null;
  });
}
