/** Sessions that the engine cannot show: past retention, lost with its database, or behind an engine that does not answer. */
import type { Client } from '@temporalio/client';
import { isEnded } from '../domain/lifecycle.ts';
import { holds, MessageRejected, type Actor, type SessionView } from '../domain/message.ts';
import type { FlowRules } from '../domain/flow.ts';
import type { SessionState } from '../domain/session-state.ts';
import { sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { HotCopies } from '../stores/redis/hot-copies.ts';
import type { Database } from '../stores/postgres/database.ts';
import { findSession, type ArchivedSession } from '../stores/postgres/sessions.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { sessionWorkflow, type SessionInput, type SessionLimits } from '../workflows/messages.ts';
import { startOptions } from './session-start.ts';
import { type EngineUnavailableError, NoOpenRunError, callEngine } from './calls.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';

export interface SessionArchiveOptions {
  readonly client: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  readonly limits: SessionLimits;
  readonly db: Database;
  readonly hotCopies: HotCopies;
  readonly sealer: Sealer;
  /** The rules of the flow version that a session runs on. */
  readonly rulesOf: (tenant: string, flowId: string, version: number) => Promise<FlowRules>;
}

export interface ArchivedState { readonly state: SessionState; readonly view: SessionView }

export class SessionArchive {
  private readonly options: SessionArchiveOptions;

  constructor(options: SessionArchiveOptions) {
    this.options = options;
  }

  async view(actor: Actor, sessionId: string): Promise<SessionView> {
    const archived = await this.find(actor, sessionId);
    return visible(actor, archived?.view ?? null, false);
  }

  private find(actor: Actor, sessionId: string): Promise<ArchivedSession | null> {
    return findSession(this.options.db, actor.tenant, sessionId, holds(actor, 'approver') ? null : actor.subject);
  }

  /** Throws not_found when there is such a session and the caller may not see it. */
  async checkVisible(actor: Actor, sessionId: string): Promise<void> {
    const archived = await findSession(this.options.db, actor.tenant, sessionId, null).catch(() => null);
    if (archived !== null) visible(actor, archived.view, true);
  }

  async state(actor: Actor, sessionId: string, approversToo: boolean): Promise<ArchivedState> {
    const archived = await this.find(actor, sessionId);
    const view = visible(actor, archived?.view ?? null, approversToo);
    if (archived?.snapshot == null) throw new MessageRejected('not_found', 'There is no such session.');
    return {
      view,
      state: JSON.parse(this.options.sealer.open(archived.snapshot, sealedAs.snapshot(view.tenant, sessionId))
        .toString('utf8')) as SessionState,
    };
  }

  /** Redis first, then the archive. With neither there is only the engine's own error. */
  async copy(actor: Actor, sessionId: string, error: EngineUnavailableError): Promise<SessionView> {
    const hot = await this.options.hotCopies.get(actor.tenant, sessionId).catch(() => null);
    // to whoever may not see it a copy that is there is none: the same is asked for it
    if (hot !== null && maySee(actor, hot, false)) return hot;
    try {
      return await this.view(actor, sessionId);
    } catch (second) {
      throw second instanceof StoreUnavailableError ? error : second;
    }
  }

  /**
   * Starts a new run from the newest archived state of an open session whose workflow is gone for good. It knows the message
   * ids that were acknowledged before, so a repeat is answered and not applied again. Returns whether there is a run now.
   */
  async restore(actor: Actor, sessionId: string): Promise<boolean> {
    const { client, taskQueue, timeoutMs, limits, rulesOf } = this.options;
    const id = sessionWorkflowId(actor.tenant, sessionId);
    const run = await this.newestRun(id);
    if (run !== 'lost') return run === 'open';
    const { state, view } = await this.state(actor, sessionId, true);
    if (isEnded(view.state)) return false;
    const input: SessionInput = { rules: await rulesOf(actor.tenant, view.flow.id, view.flow.version), limits, start: null, state };
    // many may find out at once: one run serves them all
    await callEngine(client, timeoutMs, () => client.workflow.start(sessionWorkflow, {
      workflowId: id, taskQueue, args: [input], workflowIdConflictPolicy: 'USE_EXISTING',
      ...startOptions(input.rules, state, { state: view.state, stage: view.stage }),
    }));
    return true;
  }

  /** Closed is not lost: a closed workflow has its end in its own history, whatever the copy says. Open: somebody else was first. */
  private async newestRun(id: string): Promise<'lost' | 'open' | 'closed'> {
    try {
      const { status } = await callEngine(
        this.options.client, this.options.timeoutMs, () => this.options.client.workflow.getHandle(id).describe(),
      );
      return status.name === 'RUNNING' ? 'open' : 'closed';
    } catch (error) {
      if (error instanceof NoOpenRunError) return 'lost';
      throw error;
    }
  }
}

export function visible(actor: Actor, view: SessionView | null, approversToo: boolean): SessionView {
  if (view === null || !maySee(actor, view, approversToo)) throw new MessageRejected('not_found', 'There is no such session.');
  return view;
}

function maySee(actor: Actor, view: SessionView, approversToo: boolean): boolean {
  return view.owner === actor.subject || holds(actor, 'admin') || (approversToo && holds(actor, 'approver'));
}
