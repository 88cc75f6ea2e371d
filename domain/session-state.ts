/** What a session knows: plain JSON, the fold of the messages it took. It travels through continue-as-new and into the archive. */
import type { RiskLevel } from './abandonment-risk.ts';
import type { ErrorCategory } from './error-category.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Change } from './changeset.ts';
import type { ItemStatus, MissingDependency } from './decision.ts';
import type { Json } from './json.ts';
import type { SessionStateName, StageName } from './lifecycle.ts';
import type { AnswerOutcome, Remarks } from './message.ts';
import type { RemindersState } from './reminders.ts';
import type { Recommendation } from './recommendation.ts';
import type { UploadNote } from './upload.ts';

/** One accepted answer. Superseded ones stay: nothing a person said is deleted. */
export interface AnswerEntry {
  readonly sequence: number;
  readonly question_id: string;
  readonly value: Json;
  readonly answered_at: number;
  readonly superseded: boolean;
  /** Keys of the messages that said it, the one that made the entry first (message-log.ts). Absent: from before they were kept here. */
  readonly messages?: readonly string[];
  /** By key of the message: what its repeat says back beside the value. */
  readonly remarks?: Readonly<Record<string, Remarks>>;
}

/** A checkpoint as the archive keeps it. */
export interface CheckpointContent {
  readonly answers: readonly AnswerEntry[];
  readonly current: readonly number[];
  readonly ui_state: Json;
}

/** What happened, for replay, streams and analytics: shapes and ids, never an answer's value. */
export interface SessionEvent {
  readonly sequence: number;
  readonly at: number;
  readonly event: string;
  readonly question_id: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface Proposal {
  readonly number: number;
  readonly hash: string;
  readonly recommendations: readonly Recommendation[];
  readonly confidence: number;
  readonly decision: 'ready' | 'needs_review';
  /** Absent in proposals from before it was kept. */
  readonly proposed_at?: number;
}

/**
 * recording: its changeset is being written; applying: it is being applied; rolling_back: an operator has discarded it, and what
 * was applied of it is undone. All three end by themselves, or wait for an operator.
 */
export type DecisionStatus = 'recording' | 'pending_second_approval' | 'applying' | 'rolling_back' | 'applied' | 'rejected' | 'stale';

export interface Decision {
  readonly changeset_id: string;
  /** Of the second approval, when two approvers are needed. */
  readonly approval_id: string | null;
  readonly decided_by: string;
  readonly decided_by_person?: string;
  readonly decided_at: number;
  readonly second_by: string | null;
  readonly second_by_person?: string;
  readonly changes: readonly Change[];
  readonly statuses: Readonly<Record<string, ItemStatus>>;
  readonly reasons: Readonly<Record<string, string>>;
  readonly risk_score: number;
  readonly rejects_all: boolean;
  readonly status: DecisionStatus;
}

/** What came of a decision. */
export interface DecisionOutcome {
  readonly kind: 'decided';
  readonly changeset_id: string;
  readonly approval_id: string | null;
  readonly status: DecisionStatus;
  readonly changes: readonly Change[];
  readonly risk_score: number;
  /** What was approved without what it depends on; absent in answers from before there was the rule. */
  readonly missing_dependencies?: readonly MissingDependency[];
}

/** What free text was read as, and of which question it speaks. Readings recorded before there were others than values have no kind. */
export type Reading = { readonly question_id: string } & (
  | { readonly kind?: 'value'; readonly value: Json; readonly remarks?: Remarks }
  /** One to be confirmed, or several of which one is meant. */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly Json[] }
  | { readonly kind: 'help' | 'cannot_skip' }
);

/** A question, and how often it had been answered then. */
export interface QuestionThen { readonly question_id: string; readonly entries: number }

/** Values that the person was asked to choose from, or to confirm. */
export interface Offered { readonly question_id: string; readonly candidates: readonly Json[] }

/** What words can speak of when they come. */
export interface Asked {
  /** null: nothing is asked. */
  readonly current: QuestionThen | null;
  /** The one that was answered last, which "no, 30" amends. */
  readonly previous: QuestionThen | null;
  readonly offered: Offered | null;
}

/** What a repeat of a message is told that stands in no entry of the log; null: done, and the rest can be read from the state. */
export type SeenOutcome =
  | AnswerOutcome
  | { readonly kind: 'checkpoint'; readonly version: number }
  | { readonly kind: 'decision'; readonly changeset_id: string }
  | null;

/** A step of the session whose task is parked: it goes on when the task succeeds, is discarded, or has waited long enough. */
export interface ParkedStep {
  readonly task_id: string;
  readonly step: { readonly kind: 'propose'; readonly number: number; readonly provider: Provider } | {
    readonly kind: 'write_changeset' | 'roll_back_changeset';
    readonly changeset_id: string;
  };
  readonly category: ErrorCategory;
  readonly parked_at: number;
  /** When the rules propose in its place; null: never. */
  readonly fallback_at: number | null;
}

/** Who proposes. `model` without one configured is `rules`. */
export type Provider = 'model' | 'rules';

export interface NewSession {
  readonly session_id: string;
  readonly tenant: string;
  readonly owner: string;
  /** Of the owner (personName). Absent in sessions that began before it was known, as for decisions below. */
  readonly owner_person?: string;
  readonly language: string;
  readonly segment: 'first_time' | 'returning';
  readonly correlation_id: string;
  readonly client_context: Readonly<Record<string, Json>>;
}

/** `score`: what stands of the abandonment risk. */
export interface Listed { readonly score: number; readonly last_activity_at: number }

export interface SessionState extends NewSession {
  /** Of this JSON form. States of earlier forms are brought up to it (session-upgrade.ts). */
  readonly format: 2;
  readonly created_at: number;
  state: SessionStateName;
  /** Where an escalated session came from and returns to. */
  returns_to: SessionStateName | null;
  /** When each stage was reached, epoch ms. */
  stages: Partial<Record<StageName, number>>;
  last_activity_at: number;
  abandoned_at: number | null;
  ended_at: number | null;
  end_reason: string | null;
  version: number;
  revision: number;
  answers: AnswerEntry[];
  /** Entries of the log whose questions were dropped by an amendment: their values are offered when they come back. */
  former: Record<string, number>;
  /** What the last answer to a text offered; cleared by the next message that is an answer. */
  offered: Offered | null;
  refusals: number;
  /** How often each question was put to the person. */
  asked: Record<string, number>;
  /** The question that was recorded as shown last; null: none is. */
  shown: string | null;
  /** Of abandonment, as it was recorded last. */
  risk_level: RiskLevel;
  reminders: RemindersState;
  /** What the list of sessions has of this one, which it is ranked by. */
  listed: Listed;
  proposal_requests: number;
  proposal: Proposal | null;
  decision: Decision | null;
  parked: ParkedStep | null;
  /** Number of the proposal that the rules make, since the model's was given up. */
  rules_propose: number | null;
  /** Epoch ms: an operator asked for it in Temporal itself. */
  cancel_asked_at: number | null;
  ui_state: Json;
  checkpoint_version: number;
  checkpoints: Checkpoint[];
  /** UI states of the newest checkpoints that have one, by version. */
  ui_states: [version: number, uiState: Json][];
  /** Keys of messages already handled that no answer's entry has, oldest first: Temporal remembers them only within one run. */
  seen: [key: string, outcome: SeenOutcome][];
  /** What it was told of each of its uploads last. */
  uploads: UploadNote[];
  event_sequence: number;
  /** The newest events, for streams that come back. */
  recent: SessionEvent[];
  unsaved: { events: SessionEvent[]; checkpoints: Checkpoint[] };
  /** Name of the copy that was told to the other stores last (session-copy.ts); empty: none. */
  copy: string;
}
