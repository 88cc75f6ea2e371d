/**
 * What can be sent to a session, by name. Updates change it and are recorded (the Update id is the message id); queries
 * only read. The API and the workflow share these definitions.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Checkpoint } from '../domain/checkpoint.ts';
import type { DecisionDraft } from '../domain/decision.ts';
import type { FlowRules } from '../domain/flow.ts';
import type {
  Actor, AnswerBody, AnswerOutcome, ApprovalBody, CancelBody, CheckpointBody, CheckpointOutcome, ClientEventBody, DecisionBody,
  EscalateBody, Message,
  Mistake, Rejection, RemindersBody, Reply, ResumeBody, ResumeOutcome, SessionView,
} from '../domain/message.ts';
import type { ReminderPlan } from '../domain/reminders.ts';
import type { VersionAt } from '../domain/version.ts';
import type { AnswerEntry, DecisionOutcome, NewSession, Proposal, SessionEvent, SessionState } from '../domain/session-state.ts';
import type { UploadNote } from '../domain/upload.ts';

export const sessionWorkflow = 'onboardingSession';

/** Numbers that a running session needs. They travel with it, so that a replay sees the same ones. */
export interface SessionLimits {
  readonly idleAbandonedMs: number;
  readonly idleCancelMs: number;
  readonly flushAfterMs: number;
  /** Nobody is there any more after this long: what comes then is copied at once. Absent in sessions from before there was such a limit. */
  readonly aloneAfterMs?: number;
  readonly messagesPerRun: number;
  /** After this long without a proposal of the model the flow's rules propose. */
  readonly proposalFallbackMs: number;
  /** Of a parked task, without force. */
  readonly manualRetries: number;
  /** null: nobody could be told. Absent in sessions from before there were reminders. */
  readonly reminders?: ReminderPlan | null;
}

/** A new session brings `start`, a continued or restored one its `state`. */
export interface SessionInput {
  readonly rules: FlowRules;
  readonly limits: SessionLimits;
  readonly start: NewSession | null;
  readonly state: SessionState | null;
}

export interface SessionSummary { readonly state: string; readonly stage: string; readonly answers: number }

export const openSession = defineUpdate<SessionView, []>('openSession');
export const answerQuestion = defineUpdate<Reply<AnswerOutcome>, [Message<AnswerBody>]>('answerQuestion');
/** Nothing to tell but the session after it. */
export type Done = Reply<{ readonly kind: 'done' }>;
export const cancelSession = defineUpdate<Done, [Message<CancelBody>]>('cancelSession');
export const escalateSession = defineUpdate<Done, [Message<EscalateBody>]>('escalateSession');
export const addClientEvent = defineUpdate<Done, [Message<ClientEventBody>]>('addClientEvent');
export const setReminders = defineUpdate<Done, [Message<RemindersBody>]>('setReminders');
export const saveCheckpoint = defineUpdate<Reply<CheckpointOutcome>, [Message<CheckpointBody>]>('saveCheckpoint');
export const resumeSession = defineUpdate<Reply<ResumeOutcome>, [Message<ResumeBody>]>('resumeSession');
/** Told by the API, again and again until it is known. */
export const noteUpload = defineUpdate<Done, [Message<UploadNote>]>('noteUpload');
/** Told by the workflow that looked into it. */
export const uploadJudged = defineSignal<[UploadNote]>('uploadJudged');
export const decideProposal = defineUpdate<Reply<DecisionOutcome>, [Message<DecisionBody>]>('decideProposal');
export const approveDecision = defineUpdate<Reply<DecisionOutcome>, [Message<ApprovalBody>]>('approveDecision');

/** A query never throws for a caller's mistake: it says what is wrong. */
export type Read<T> = { readonly found: T } | {
  readonly rejected: Rejection;
  readonly message: string;
  readonly mistakes: readonly Mistake[];
};

export interface AnswersView { readonly answers: readonly AnswerEntry[] }
export interface ProposalView {
  readonly proposal: Proposal | null;
  readonly statuses: Readonly<Record<string, string>>;
  readonly view: SessionView;
}

export interface CheckpointsView { readonly checkpoints: readonly Checkpoint[]; readonly total: number; readonly owner: string }
/** `version` null: the session keeps it, or the one before it, no more. */
export interface VersionView { readonly owner: string; readonly version: VersionAt | null }
/** Events after a sequence; `complete` false: some in between are no longer kept. */
export interface EventsView { readonly events: readonly SessionEvent[]; readonly complete: boolean; readonly view: SessionView }

export const readSession = defineQuery<Read<SessionView>, [Actor]>('readSession');
export const readCheckpoints = defineQuery<Read<CheckpointsView>, [Actor]>('readCheckpoints');
export const readVersion = defineQuery<Read<VersionView>, [Actor, number]>('readVersion');
export const readEvents = defineQuery<Read<EventsView>, [Actor, number]>('readEvents');
/** Everything, for whoever begins a session again. */
export const readState = defineQuery<{ readonly state: SessionState; readonly flow: SessionView['flow'] }>('readState');
export const readAnswers = defineQuery<Read<AnswersView>, [Actor]>('readAnswers');
export const readProposal = defineQuery<Read<ProposalView>, [Actor]>('readProposal');
export const previewDecision = defineQuery<Read<DecisionDraft>, [Actor, DecisionBody, readonly number[] | null]>('previewDecision');
