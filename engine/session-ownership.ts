/**
 * Whether a session is the caller's own, before the session itself is asked. Waking a session takes twice as long as finding
 * none, so by the time alone somebody could tell which sessions of others there are. The engine knows the owner without
 * waking it. The session checks once more whatever is sent to it: this decides only who gets as far as that.
 */
import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { LruMap } from '../domain/lru-map.ts';
import { holds, type Actor } from '../domain/message.ts';
import { sessionAttributes } from '../workflows/search-attributes.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine, NoOpenRunError } from './calls.ts';

/** Owners that are remembered, some 200 bytes each: an owner never changes. */
const rememberedMax = 10_000;

/** What stands for an owner where operators read: opaque, and the same for all sessions of one. */
export function ownerAttribute(tenant: string, owner: string): string {
  return createHash('sha256').update(`${tenant}\n${owner}`).digest('hex').slice(0, 16);
}

export class SessionOwnership {
  private readonly options: { readonly client: Client; readonly timeoutMs: number };
  private readonly known = new LruMap<true>(rememberedMax);

  constructor(options: SessionOwnership['options']) {
    this.options = options;
  }

  /**
   * Throws NoOpenRunError when somebody who may see their own sessions only asks for another one, and when the engine has none:
   * one cannot be told from the other. EngineUnavailableError as any call.
   */
  async check(actor: Actor, sessionId: string): Promise<void> {
    if (holds(actor, 'approver') || this.known.get(keyOf(actor.tenant, actor.subject, sessionId)) === true) return;
    const { client, timeoutMs } = this.options;
    const workflowId = sessionWorkflowId(actor.tenant, sessionId);
    const { workflowExecutionInfo: info } = await callEngine(client, timeoutMs, () => client.workflowService.describeWorkflowExecution({
      namespace: client.options.namespace, execution: { workflowId },
    }));
    const payload = info?.searchAttributes?.indexedFields?.[sessionAttributes.owner.name];
    const owner = payload == null ? null : defaultPayloadConverter.fromPayload(payload);
    if (owner !== ownerAttribute(actor.tenant, actor.subject)) throw new NoOpenRunError('This session is not the caller\'s.');
    this.remember(actor.tenant, actor.subject, sessionId);
  }

  remember(tenant: string, owner: string, sessionId: string): void {
    this.known.set(keyOf(tenant, owner, sessionId), true);
  }
}

/** No name of a tenant or a person holds a control character. */
function keyOf(tenant: string, owner: string, sessionId: string): string {
  return `${tenant}\n${owner}\n${sessionId}`;
}
