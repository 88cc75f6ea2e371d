/**
 * Sessions whose workflow is not there any more although they are open: ended from outside (Terminate, a time-out, a failure), or
 * lost with Temporal's database. They go on from where they stood; or, where it is so set, what was ended from outside is ended for
 * everybody.
 */
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { FlowRules } from '../domain/flow.ts';
import { isEnded, type SessionStateName } from '../domain/lifecycle.ts';
import type { SessionView } from '../domain/message.ts';
import { OnboardingSession } from '../domain/session.ts';
import type { SessionState } from '../domain/session-state.ts';
import { SessionUploads } from '../domain/session-uploads.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { endUnknownSession, findSession } from '../stores/postgres/sessions.ts';
import { uploadNotes } from '../stores/postgres/uploads.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { readState, sessionWorkflow, uploadJudged, type SessionInput, type SessionLimits } from '../workflows/messages.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine, EngineUnavailableError, NoOpenRunError } from './calls.ts';
import { failingTasks } from './failing-tasks.ts';
import { openPayload } from './payload-codec.ts';
import { SharedReads } from './shared-reads.ts';
import { startOptions } from './session-start.ts';
import { untouchedInput } from './untouched-run.ts';

export interface SessionRevivalOptions {
  /** One that also answers for runs that were ended from outside. */
  readonly client: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  readonly limits: SessionLimits;
  readonly db: Database;
  readonly sealer: Sealer;
  /** The rules of the flow version that a session runs on. */
  readonly rulesOf: (tenant: string, flowId: string, version: number) => Promise<FlowRules>;
  /** What is to become of a session that was ended from outside. */
  readonly terminated: 'restore' | 'end';
  readonly now: () => number;
}

/**
 * running: nothing was to be done; begun: again, from its history; restored: from the archive; ended: for good; unknown: nobody
 * has its state.
 */
export type Revival = 'running' | 'begun' | 'restored' | 'ended' | 'unknown';

interface Known { readonly state: SessionState; readonly flow: SessionView['flow'] }
interface Archived extends Known { readonly is: SessionStateName }

export class SessionRevival {
  private readonly options: SessionRevivalOptions;
  /** Many find out at once, and a closed run answers one query after the other. */
  private readonly reads = new SharedReads<Known>();

  constructor(options: SessionRevivalOptions) {
    this.options = options;
  }

  /**
   * `allow` is shown the session before anything is begun, and throws for whoever may not know of it. Of many at once one begins it.
   * It knows the message ids that were acknowledged before, so a repeat is answered and not applied again.
   */
  async revive(tenant: string, sessionId: string, allow: (view: SessionView) => void = () => undefined): Promise<Revival> {
    const id = sessionWorkflowId(tenant, sessionId);
    const run = await this.newestRun(id);
    if (run === 'running') return run;
    // its end stands in its own history, whatever the copy says
    if (run === 'completed') return 'ended';
    const last = run === 'stopped' ? await this.lastState(id) : null;
    const archived = await this.archived(tenant, sessionId, last !== null);
    const known = last !== null && last.state.revision >= (archived?.state.revision ?? 0) ? last : archived;
    if (known === null) {
      await endUnknownSession(this.options.db, tenant, sessionId);
      return 'unknown';
    }
    const session = OnboardingSession.restore(await this.options.rulesOf(tenant, known.flow.id, known.flow.version), known.state);
    allow(session.view());
    if (archived !== null && isEnded(archived.is)) return 'ended';
    if (run === 'lost' && session.ended) return 'ended';
    if (run === 'stopped' && this.options.terminated === 'end') session.cancelByOperator(this.options.now());
    // one that has ended begins as well: its copies are still to be written
    if (!await this.begin(id, session)) return 'ended';
    await this.tellOfUploads(id, known.state);
    return known === last ? 'begun' : 'restored';
  }

  /**
   * What became of its files while it was not there, nobody could tell it. Their rows are read once it is there again: whatever comes
   * later is told to it.
   */
  private async tellOfUploads(id: string, { tenant, session_id: sessionId, uploads, ended_at: endedAt }: SessionState): Promise<void> {
    if (endedAt !== null) return;
    const { client, db, timeoutMs } = this.options;
    const known = new SessionUploads([...uploads]);
    // without PostgreSQL nobody has judged a file meanwhile, but for what was judged before it went away
    const notes = await uploadNotes(db, tenant, sessionId).catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return [];
      throw error;
    });
    for (const note of notes) {
      const isKnown = uploads.some(({ upload_id: upload }) => upload === note.upload_id);
      if (!known.isNews(note) || (!isKnown && note.status === 'deleted')) continue;
      await callEngine(client, timeoutMs, () => client.workflow.getHandle(id).signal(uploadJudged, note));
    }
  }

  /** false: it has ended meanwhile. */
  private async begin(id: string, session: OnboardingSession): Promise<boolean> {
    const { client, taskQueue, timeoutMs, limits } = this.options;
    const input: SessionInput = { rules: session.rules, limits, start: null, state: session.state };
    try {
      await callEngine(client, timeoutMs, () => client.workflow.start(sessionWorkflow, {
        // never after a run that came to its own end: somebody else was first, and the session has ended since
        workflowId: id, taskQueue, args: [input], workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        ...startOptions(session.rules, session.state, { state: session.state.state, stage: session.stage() }),
      }));
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  }

  private async newestRun(id: string): Promise<'lost' | 'running' | 'completed' | 'stopped'> {
    const { client, timeoutMs } = this.options;
    try {
      const { status: { name } } = await callEngine(client, timeoutMs, () => client.workflow.getHandle(id).describe());
      if (name === 'COMPLETED') return 'completed';
      return stopped.has(name) ? 'stopped' : 'running';
    } catch (error) {
      if (error instanceof NoOpenRunError) return 'lost';
      throw error;
    }
  }

  /** As its history has it, which knows more than the archive. null: this code cannot replay it. */
  private async lastState(id: string): Promise<Known | null> {
    const { client, sealer, timeoutMs } = this.options;
    try {
      return await this.reads.read(id, () => callEngine(client, timeoutMs, () => client.workflow.getHandle(id).query(readState)));
    } catch (error) {
      if (!(error instanceof EngineUnavailableError)) return null;
      // two kinds of runs answer no query either, and that looks like an engine that does not answer: one that was ended before it
      // did anything, and one whose workflow tasks failed to the last
      const input = await untouchedInput(client, id, timeoutMs);
      if (input !== null) return begunWith(input, sealer);
      if ((await failingTasks(client, { workflowId: id }, timeoutMs))?.isBroken !== true) throw error;
      return null;
    }
  }

  private async archived(tenant: string, sessionId: string, optional: boolean): Promise<Archived | null> {
    const row = await findSession(this.options.db, tenant, sessionId, null).catch((error: unknown) => {
      if (optional && error instanceof StoreUnavailableError) return null;
      throw error;
    });
    if (row?.snapshot == null) return null;
    const state = openJson<SessionState>(this.options.sealer, row.snapshot, sealedAs.snapshot(row.view.tenant, sessionId));
    return { state, flow: row.view.flow, is: row.view.state };
  }
}

/** null: it was to open the session, and nobody was told that it had. */
function begunWith([input]: readonly Payload[], sealer: Sealer): Known | null {
  if (input === undefined) return null;
  const { state, rules } = JSON.parse(Buffer.from(openPayload(sealer, input).data ?? []).toString('utf8')) as SessionInput;
  return state === null ? null : { state, flow: { id: rules.id, version: rules.version } };
}

/** A session itself always ends as COMPLETED. */
const stopped: ReadonlySet<string> = new Set(['TERMINATED', 'TIMED_OUT', 'FAILED', 'CANCELLED']);
