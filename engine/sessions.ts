/** Sessions as the API sees them: messages and questions to their workflows, under deadlines, with errors in our words. */
import { setTimeout as pause } from 'node:timers/promises';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common';
import { checkSize } from '../domain/bounds.ts';
import type { FlowRules } from '../domain/flow.ts';
import {
  MessageRejected, type Actor, type AnswerBody, type AnswerOutcome, type ApprovalBody, type CancelBody, type CheckpointBody,
  type CheckpointOutcome,
  type ClientEventBody, type DecisionBody, type EscalateBody, type Message,
  type RemindersBody, type Reply, type ResumeBody, type ResumeOutcome, type SessionView,
} from '../domain/message.ts';
import type { DecisionDraft } from '../domain/decision.ts';
import { eventsAfter } from '../domain/event-log.ts';
import type { DecisionOutcome, NewSession } from '../domain/session-state.ts';
import type { UploadNote } from '../domain/upload.ts';
import type { VersionAt } from '../domain/version.ts';
import type { SessionName } from '../stores/redis/session-signals.ts';
import {
  addClientEvent, answerQuestion, approveDecision, cancelSession, decideProposal, escalateSession, noteUpload, openSession, previewDecision,
  readAnswers, readCheckpoints,
  readEvents, readProposal, readSession, readVersion, resumeSession, saveCheckpoint, sessionWorkflow, setReminders,
  type AnswersView, type CheckpointsView, type Done,
  type EventsView,
  type ProposalView, type Read, type SessionInput, type SessionLimits,
} from '../workflows/messages.ts';
import { InFlight } from './in-flight.ts';
import { SessionArchive, type SessionArchiveOptions, type StaleCheckpoint } from './session-archive.ts';
import { SessionOwnership } from './session-ownership.ts';
import { startOptions } from './session-start.ts';
import { EngineUnavailableError, NoOpenRunError, StoppedRunError, callEngine, rejection, repeated } from './calls.ts';
import { missingKeyOf } from './missing-key.ts';
import { SharedReads } from './shared-reads.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';

export interface SessionsOptions extends SessionArchiveOptions {
  readonly client: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  readonly limits: SessionLimits;
  readonly inFlightPerSession: number;
  /** Told of every message that a session has taken. */
  readonly onChange: (session: SessionName) => void;
}

/** A view, and whether it is a copy that may be behind. */
export interface SessionReading { readonly view: SessionView; readonly stale: boolean }

export interface VersionReading { readonly owner: string; readonly version: VersionAt; readonly source: 'history' | 'postgresql' }

/** `postgresql` of one that was recorded: the engine did not have the session any more, and the archive brought it back. */
export type Resumption = ({ readonly kind: 'stale' } & StaleCheckpoint)
  | { readonly kind: 'recorded'; readonly reply: Reply<ResumeOutcome>; readonly source: 'history' | 'postgresql' };

/** A start costs some ten answers: when 64 people start at once the last one waits its turn. */
const startTimeoutFactor = 3;
/** How long a decision may take: it waits for its changeset to be applied. */
const decisionTimeoutFactor = 4;
/** Free text waits for its reading, 10 s at most. */
const readingTimeoutMs = 14_000;
/** Longest that a checkpoint waits for room, and between two looks for it. */
const [roomPatienceMs, roomPauseMs] = [2_000, 100];

export class Sessions {
  private readonly options: SessionsOptions;
  private readonly inFlight: InFlight;
  private readonly archive: SessionArchive;
  /** Half a megabyte at most. The engine keeps one query waiting, and lets each further one wait for more than a second. */
  private readonly answerReads = new SharedReads<AnswersView>();
  private readonly ownership: SessionOwnership;

  constructor(options: SessionsOptions) {
    this.options = options;
    this.inFlight = new InFlight(options.inFlightPerSession);
    this.archive = new SessionArchive(options);
    this.ownership = new SessionOwnership(options);
  }

  /** Starts the session, or finds it running: repeating it with the same id does no harm. */
  async open(rules: FlowRules, start: NewSession): Promise<SessionView> {
    const { client, taskQueue, timeoutMs, limits } = this.options;
    const input: SessionInput = { rules, limits, start, state: null };
    const view = await callEngine(client, timeoutMs * startTimeoutFactor, async () => {
      const startWorkflowOperation = new WithStartWorkflowOperation(sessionWorkflow, {
        workflowId: sessionWorkflowId(start.tenant, start.session_id), taskQueue, args: [input], workflowIdConflictPolicy: 'USE_EXISTING',
        // one that came to its end is not started a second time; one that was ended from outside before anybody knew of it is
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        ...startOptions(rules, start, { state: 'started', stage: 'started' }),
      });
      return client.workflow.executeUpdateWithStart(openSession, { startWorkflowOperation, updateId: 'open' });
    });
    this.ownership.remember(start.tenant, start.owner, start.session_id);
    return view;
  }

  answer(sessionId: string, message: Message<AnswerBody>): Promise<Reply<AnswerOutcome>> {
    const timeoutMs = 'text' in message.body ? readingTimeoutMs : this.options.timeoutMs;
    return this.update(answerQuestion, sessionId, message, `answer:${message.id}`, timeoutMs);
  }

  cancel(sessionId: string, message: Message<CancelBody>): Promise<Done> {
    return this.update(cancelSession, sessionId, message, `cancel:${message.id}`, this.options.timeoutMs);
  }

  escalate(sessionId: string, message: Message<EscalateBody>): Promise<Done> {
    return this.update(escalateSession, sessionId, message, `escalate:${message.id}`, this.options.timeoutMs);
  }

  setReminders(sessionId: string, message: Message<RemindersBody>): Promise<Done> {
    return this.update(setReminders, sessionId, message, `reminders:${message.id}`, this.options.timeoutMs);
  }

  addEvent(sessionId: string, message: Message<ClientEventBody>): Promise<Done> {
    return this.update(addClientEvent, sessionId, message, `event:${message.id}`, this.options.timeoutMs);
  }

  /** Where the stores are there, room that is full is free again within a moment: somebody who saves quickly waits for it. */
  async checkpoint(sessionId: string, message: Message<CheckpointBody>): Promise<Reply<CheckpointOutcome>> {
    const deadline = performance.now() + roomPatienceMs;
    for (;;) {
      try {
        return await this.update(saveCheckpoint, sessionId, message, `checkpoint:${message.id}`, this.options.timeoutMs);
      } catch (error) {
        const isFull = error instanceof MessageRejected && error.code === 'store_unavailable';
        if (!isFull || performance.now() > deadline) throw error;
        await pause(roomPauseMs);
      }
    }
  }

  /** It is there, or was deleted. The same word again changes nothing. */
  noteUpload(sessionId: string, message: Message<UploadNote>): Promise<Done> {
    return this.update(noteUpload, sessionId, message, `upload:${message.id}`, this.options.timeoutMs);
  }

  /** Whether the hot copy of what is saved now can be written. */
  hotCopiesAreThere(): Promise<boolean> {
    return this.options.hotCopies.areThere();
  }

  /**
   * While the engine is away what the newest checkpoint restores, marked as stale: nothing was recorded, so nothing is promised, and
   * going back to an earlier version has to wait.
   */
  async resume(sessionId: string, message: Message<ResumeBody>): Promise<Resumption> {
    try {
      const { reply, restored } = await this.send(resumeSession, sessionId, message, `resume:${message.id}`, this.options.timeoutMs);
      return { kind: 'recorded', reply, source: restored ? 'postgresql' : 'history' };
    } catch (error) {
      if (!(error instanceof EngineUnavailableError) || message.body.version !== null || message.if_match !== null) throw error;
      return { kind: 'stale', ...await this.archive.checkpoint(message.actor, sessionId, error) };
    }
  }

  decide(sessionId: string, message: Message<DecisionBody>): Promise<Reply<DecisionOutcome>> {
    return this.update(decideProposal, sessionId, message, `decision:${message.id}`, this.options.timeoutMs * decisionTimeoutFactor);
  }

  approve(sessionId: string, message: Message<ApprovalBody>): Promise<Reply<DecisionOutcome>> {
    return this.update(approveDecision, sessionId, message, `approval:${message.id}`, this.options.timeoutMs * decisionTimeoutFactor);
  }

  /** The session; from its copies when it is past retention or, marked stale, while the engine is away. */
  async read(actor: Actor, sessionId: string): Promise<SessionReading> {
    try {
      return { view: await this.query(readSession, actor.tenant, sessionId, [actor]), stale: false };
    } catch (error) {
      if (error instanceof NoOpenRunError) return { view: await this.archive.lastView(actor, sessionId), stale: false };
      if (error instanceof EngineUnavailableError) return { view: await this.archive.copy(actor, sessionId, error), stale: true };
      throw error;
    }
  }

  async answers(actor: Actor, sessionId: string): Promise<AnswersView> {
    const { tenant, subject, roles } = actor;
    return this.answerReads.read(JSON.stringify([tenant, sessionId, subject, roles]), () => this.queryOr(
      readAnswers, actor, sessionId, async () => {
        const { state } = await this.archive.state(actor, sessionId, false);
        return { answers: state.answers };
      },
    ));
  }

  checkpoints(actor: Actor, sessionId: string): Promise<CheckpointsView> {
    return this.queryOr(readCheckpoints, actor, sessionId, async () => {
      const { state } = await this.archive.state(actor, sessionId, false);
      return { checkpoints: state.checkpoints, total: state.checkpoint_version, owner: state.owner };
    });
  }

  /** The session as it was at a checkpoint, from its history, or when that keeps it no more from the archive. */
  async version(actor: Actor, sessionId: string, version: number): Promise<VersionReading> {
    const archived = async (): Promise<VersionReading> => ({
      ...await this.archive.version(actor, sessionId, version), source: 'postgresql',
    });
    try {
      const kept = await this.query(readVersion, actor.tenant, sessionId, [actor, version]);
      return kept.version === null ? await archived() : { owner: kept.owner, version: kept.version, source: 'history' };
    } catch (error) {
      if (error instanceof NoOpenRunError) return archived();
      throw error;
    }
  }

  /** Events after a sequence. */
  async events(actor: Actor, sessionId: string, after: number): Promise<EventsView> {
    try {
      return await this.query(readEvents, actor.tenant, sessionId, [actor, after]);
    } catch (error) {
      if (!(error instanceof NoOpenRunError)) throw error;
      const { state, view } = await this.archive.state(actor, sessionId, false);
      return { ...eventsAfter(state, after), view };
    }
  }

  async proposal(actor: Actor, sessionId: string): Promise<ProposalView> {
    return this.queryOr(readProposal, actor, sessionId, async () => {
      const { state, view } = await this.archive.state(actor, sessionId, true);
      return { proposal: state.proposal, statuses: state.decision?.statuses ?? {}, view };
    });
  }

  /** What a decision would do; nothing is recorded. */
  async preview(actor: Actor, sessionId: string, body: DecisionBody, ifMatch: readonly number[] | null): Promise<DecisionDraft> {
    try {
      return await this.query(previewDecision, actor.tenant, sessionId, [actor, body, ifMatch]);
    } catch (error) {
      if (error instanceof NoOpenRunError) return this.refuseClosed(actor, sessionId);
      throw error;
    }
  }

  private async update<M extends Message<unknown>, Outcome>(
    definition: UpdateDefinition<Reply<Outcome>, [M]>, sessionId: string, message: M, updateId: string, timeoutMs: number,
  ): Promise<Reply<Outcome>> {
    return (await this.send(definition, sessionId, message, updateId, timeoutMs)).reply;
  }

  private async send<M extends Message<unknown>, Outcome>(
    definition: UpdateDefinition<Reply<Outcome>, [M]>, sessionId: string, message: M, updateId: string, timeoutMs: number,
  ): Promise<{ reply: Reply<Outcome>; restored: boolean }> {
    checkSize(message);
    const { client, onChange } = this.options;
    const id = sessionWorkflowId(message.actor.tenant, sessionId);
    await this.admit(message.actor, sessionId);
    const send = () => this.inFlight.run(
      id,
      () => repeated(
        timeoutMs,
        (leftMs) => callEngine(
          client, leftMs, () => client.workflow.getHandle(id).executeUpdate(definition, { updateId, args: [message] }),
        ),
      ),
    );
    try {
      const unlessClosed = (error: unknown): null => {
        if (error instanceof NoOpenRunError) return null;
        throw error;
      };
      const first = await send().catch(unlessClosed);
      const source = first === null ? await this.archive.restore(message.actor, sessionId) : 'history';
      const reply = first ?? (source === null ? null : await send().catch(unlessClosed));
      if (reply === null) return await this.refuseClosed(message.actor, sessionId);
      const taken = { reply, restored: source === 'postgresql' };
      onChange({ tenant: message.actor.tenant, session_id: sessionId });
      return taken;
    } catch (error) {
      throw rejection(error) ?? await this.explained(message.actor, sessionId, error);
    }
  }

  /** To whoever may see their own sessions only, another one is what a missing one is, after the same work. */
  private async admit(actor: Actor, sessionId: string): Promise<void> {
    try {
      await this.ownership.check(actor, sessionId);
    } catch (error) {
      if (!(error instanceof NoOpenRunError)) throw error;
      // their own one that the engine has lost is there, and is brought back
      await this.archive.view(actor, sessionId);
    }
  }

  /** A workflow that is closed takes nothing: wrong_state for those who may see it, not_found for all others. */
  private async refuseClosed(actor: Actor, sessionId: string): Promise<never> {
    // an approver acts on sessions that are not its own; whoever may not see this one learns nothing of it
    const { view } = await this.proposal(actor, sessionId);
    throw new MessageRejected('wrong_state', `A session in state ${view.state} takes no more messages.`);
  }

  private async query<Arguments extends [Actor, ...unknown[]], T>(
    definition: QueryDefinition<Read<T>, Arguments>, tenant: string, sessionId: string, args: Arguments,
  ): Promise<T> {
    const { client, timeoutMs } = this.options;
    await this.ownership.check(args[0], sessionId);
    const handle = client.workflow.getHandle(sessionWorkflowId(tenant, sessionId));
    const ask = (): Promise<Read<T>> => callEngine(client, timeoutMs, () => handle.query(definition, ...args));
    const read = await ask()
      .catch(async (error: unknown) => {
        if (!(error instanceof StoppedRunError)) throw error;
        // what it would say is not true any more: it goes on, or has ended, before anybody is told how it stands
        if (await this.archive.restore(args[0], sessionId) !== null) return ask();
        throw error;
      })
      .catch(async (error: unknown) => { throw await this.explained(args[0], sessionId, error); });
    if ('found' in read) return read.found;
    throw new MessageRejected(read.rejected, read.message, read.mistakes);
  }

  /** The engine's answer, or the archive's when the engine no longer has the session. */
  private async queryOr<T>(
    definition: QueryDefinition<Read<T>, [Actor]>, actor: Actor, sessionId: string, fromArchive: () => Promise<T>,
  ): Promise<T> {
    try {
      return await this.query(definition, actor.tenant, sessionId, [actor]);
    } catch (error) {
      if (error instanceof NoOpenRunError) return fromArchive();
      throw error;
    }
  }

  /**
   * A session whose key is missing cannot be told from an engine that does not answer: its workflow task fails and is
   * repeated. So the reason is looked for after a failure, and told to those who may see the session.
   */
  private async explained(actor: Actor, sessionId: string, error: unknown): Promise<unknown> {
    // 14: nobody is there who could tell
    if (!(error instanceof EngineUnavailableError) || error.status === 14) return error;
    const { client, sealer } = this.options;
    const missing = await missingKeyOf(client, sessionWorkflowId(actor.tenant, sessionId), sealer);
    if (missing === null) return error;
    await this.archive.checkVisible(actor, sessionId);
    return missing;
  }
}
