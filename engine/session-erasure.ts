/** What an erasure needs of Temporal: sessions that take no more, and nothing left of their histories. */
import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { CancelBody, Message } from '../domain/message.ts';
import { cancelSession } from '../workflows/messages.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine, NoOpenRunError, rejection } from './calls.ts';
import { sessionRuns } from './session-runs.ts';

const timeoutMs = 30_000;

/** A session that cannot be ended just now. Its message names it, and says what to do. */
export class StillOpenError extends Error {
  override readonly name = 'StillOpenError';
}

/** Resolves when its workflow has closed, and so has written its last copy; at once for one that has no open run. */
export async function endSession(
  client: Client, { tenant, user }: { readonly tenant: string; readonly user: string }, sessionId: string,
): Promise<void> {
  const handle = client.workflow.getHandle(sessionWorkflowId(tenant, sessionId));
  const message: Message<CancelBody> = {
    id: randomUUID(), fingerprint: 'erasure', actor: { tenant, subject: user, roles: ['user'] }, correlation_id: randomUUID(),
    if_match: null, body: { reason: null },
  };
  try {
    await callEngine(client, timeoutMs, () => handle.executeUpdate(cancelSession, { updateId: `cancel:${message.id}`, args: [message] }));
    await callEngine(client, timeoutMs, () => handle.result());
  } catch (error) {
    if (error instanceof NoOpenRunError) return;
    const refused = rejection(error);
    if (refused?.code === 'wrong_state' || refused?.code === 'not_found') return;
    if (refused === null) throw error;
    throw new StillOpenError(`Session ${sessionId} cannot be cancelled now: ${refused.message} Try again later.`, { cause: error });
  }
}

/** Deletes every run that the engine has of it. */
export async function forgetRuns(client: Client, tenant: string, sessionId: string): Promise<void> {
  const { workflow_id: workflowId, run_ids: runIds } = await sessionRuns({ client, timeoutMs }, tenant, sessionId);
  for (const runId of runIds) {
    await callEngine(client, timeoutMs, async () => {
      await client.workflowService.deleteWorkflowExecution({
        namespace: client.options.namespace, workflowExecution: { workflowId, runId },
      });
    }).catch((error: unknown) => {
      // it went by itself meanwhile
      if (!(error instanceof NoOpenRunError || error instanceof WorkflowNotFoundError)) throw error;
    });
  }
}
