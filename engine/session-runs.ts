/** Runs of a session's workflow: it continues as a new one after some messages, and begins again after a loss. */
import type { Client } from '@temporalio/client';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine, EngineUnavailableError, NoOpenRunError } from './calls.ts';
import { quoted } from './visibility-query.ts';

export interface SessionRunsOptions { readonly client: Client; readonly timeoutMs: number }

export interface SessionRuns {
  readonly workflow_id: string;
  /** Oldest first; those that the engine still has. */
  readonly run_ids: readonly string[];
}

const runsMax = 1_000;

/** Lists of the engine follow a moment later: the present run is asked for by itself. None while the engine is away. */
export async function sessionRuns({ client, timeoutMs }: SessionRunsOptions, tenant: string, sessionId: string): Promise<SessionRuns> {
  const id = sessionWorkflowId(tenant, sessionId);
  const listed = async (): Promise<string[]> => {
    const runs: { readonly runId: string; readonly began: number }[] = [];
    for await (const { runId, startTime } of client.workflow.list({ query: `WorkflowId = ${quoted(id)}` })) {
      if (runs.push({ runId, began: startTime.getTime() }) >= runsMax) break;
    }
    const present = await client.workflow.getHandle(id).describe();
    return [...new Set([...runs.sort((a, b) => a.began - b.began).map(({ runId }) => runId), present.runId])];
  };
  const ids = await callEngine(client, timeoutMs, listed).catch((error: unknown) => {
    if (error instanceof EngineUnavailableError || error instanceof NoOpenRunError) return [];
    throw error;
  });
  return { workflow_id: id, run_ids: ids };
}
