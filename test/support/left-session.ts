/** A session that was left a while ago, as a workflow of its own: minutes of silence need not be waited for. */
import { randomUUID } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Actor } from '../../domain/message.ts';
import { OnboardingSession } from '../../domain/session.ts';
import { loadFlowFolder } from '../../flows/files.ts';
import { sessionWorkflow, type SessionInput } from '../../workflows/messages.ts';

export interface LeftSession { readonly handle: WorkflowHandle; readonly id: string; readonly owner: Actor; readonly left: number }

/** `agoMs` since its last message; of a person of its own unless one is named. */
export async function leftSession(
  client: Client, agoMs: number, limits: Partial<SessionInput['limits']> = {},
  whose?: { readonly tenant: string; readonly subject: string },
): Promise<LeftSession> {
  const rules = (await loadFlowFolder('flows')).find(({ id }) => id === 'business_unit_setup')?.rules;
  if (rules === undefined) throw new Error('The flow is missing.');
  const id = randomUUID();
  const owner: Actor = { ...whose ?? { tenant: 'engine', subject: `ana-${id}` }, roles: ['user'] };
  const left = Date.now() - agoMs;
  const { state } = OnboardingSession.open(rules, {
    session_id: id, tenant: owner.tenant, owner: owner.subject, language: 'en', segment: 'first_time', correlation_id: 'c',
    client_context: {},
  }, left);
  const input: SessionInput = {
    rules, start: null, state,
    limits: {
      idleAbandonedMs: 604_800_000, idleCancelMs: 7_776_000_000, flushAfterMs: 200, messagesPerRun: 100, proposalFallbackMs: 900_000,
      manualRetries: 3, ...limits,
    },
  };
  const handle = await client.workflow.start(sessionWorkflow, {
    workflowId: `session:${owner.tenant}:${id}`, taskQueue: 'gangway', args: [input],
  });
  return { handle, id, owner, left };
}
