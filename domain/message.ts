/** What travels between the API and a session: who speaks, with which id, and what came of it. */
import type { RiskCounters } from './abandonment-risk.ts';
import type { ErrorCategory } from './error-category.ts';
import type { Json } from './json.ts';
import type { SessionStateName, StageName } from './lifecycle.ts';

export const roles = ['user', 'approver', 'analyst', 'admin', 'platform'] as const;
export type Role = (typeof roles)[number];

/** A verified caller. `tenant` is the one acted in: the token's, or for the platform role the named one. */
export interface Actor {
  readonly tenant: string;
  readonly subject: string;
  /** Who stands behind the credential (personName); absent in messages that were recorded before it was known. */
  readonly person?: string;
  readonly roles: readonly Role[];
}

/** admin is user, approver and analyst in its own tenant; platform is admin in every tenant. */
export function holds(actor: Actor, role: Role): boolean {
  if (actor.roles.includes(role) || actor.roles.includes('platform')) return true;
  return role !== 'platform' && actor.roles.includes('admin');
}

/** The envelope of every message to a session. */
export interface Message<Body> {
  /** 1-128 printable characters, chosen by the client; a repeat is answered, never applied twice. */
  readonly id: string;
  /** Tells a repeat from another message under the same id: a hash of the body. */
  readonly fingerprint: string;
  readonly actor: Actor;
  readonly correlation_id: string;
  /** Versions of the session that the caller goes on from (ETags), or null: from any. */
  readonly if_match: readonly number[] | null;
  readonly body: Body;
}

/** `question_id` null: the current question. With `text` the words are read, else `value` is taken as it is. */
export type AnswerBody =
  | { readonly question_id: string | null; readonly value: Json }
  | { readonly text: string };

export interface CancelBody { readonly reason: string | null }

export interface EscalateBody { readonly reason: string; readonly urgency: 'low' | 'medium' | 'high' }

export interface RemindersBody { readonly enabled: boolean }

/** The second approver's word on a decision that needs two. */
export interface ApprovalBody {
  readonly approval_id: string;
  readonly decision: 'approve' | 'reject' | 'escalate';
  readonly reason: string | null;
}

export interface CheckpointBody { readonly ui_state: Json | undefined; readonly label: string | null; readonly force: boolean }

/** `version` null: where the session stands now. `current`: what counted at a checkpoint that only the archive still has. */
export interface ResumeBody { readonly version: number | null; readonly current: readonly number[] | null; readonly ui_state?: Json }

/** Something the client saw, for replay and funnels. */
export interface ClientEventBody {
  readonly event: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly occurred_at: number | null;
}

export interface DecisionBody {
  readonly approved_items: readonly string[];
  readonly rejected_items: readonly string[];
  readonly reasons: Readonly<Record<string, string>>;
  readonly modifications: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly proposal_hash: string | null;
  /** Absent in messages from before there was the rule: false. */
  readonly accept_missing_dependencies?: boolean;
}

/** Why a session refuses a message; each is also a code of the HTTP contract. */
export const rejections = [
  'not_found', 'forbidden', 'wrong_state', 'precondition_failed', 'same_person', 'stale_proposal', 'not_asked', 'answer_invalid',
  'invalid_request',
  'dependency_rejected', 'checkpoint_not_found', 'not_parked', 'max_retries_exceeded', 'input_invalid', 'store_unavailable',
  'payload_too_large',
] as const;
export type Rejection = (typeof rejections)[number];

/** A domain error: mapped to an ApplicationFailure of this `code` by the one message wrapper in workflows/. */
export class MessageRejected extends Error {
  override readonly name = 'MessageRejected';
  readonly code: Rejection;
  readonly mistakes: readonly Mistake[];
  constructor(code: Rejection, message: string, mistakes: readonly Mistake[] = []) {
    super(message);
    this.code = code;
    this.mistakes = mistakes;
  }
}

/** One field or item of a request that is wrong: what, where, and how to mend it. */
export interface Mistake { readonly pointer: string; readonly code: string; readonly message: string; readonly fix: string }

/** What of the words did not become part of the value, or was read as another word. Never of personal data. */
export interface Remarks {
  readonly left_out: readonly string[];
  readonly corrected: readonly { readonly from: string; readonly to: string }[];
}

/** A value that was taken. */
export interface Accepted { readonly question_id: string; readonly value: Json; readonly remarks?: Remarks }

/** What came of an answer. A refusal is an outcome like any other: recorded, counted, and the same for each repeat. */
export type AnswerOutcome =
  | { readonly kind: 'accepted'; readonly accepted: readonly Accepted[] }
  /** The words can mean more than one value, or bound or doubt the one: nothing was taken, and these are asked about. */
  | { readonly kind: 'asked_back'; readonly question_id: string; readonly candidates: readonly Json[] }
  /** A question about the question, or an "I don't know" where an answer is needed: nothing was taken, and nothing was wrong. */
  | { readonly kind: 'help' | 'cannot_skip'; readonly question_id: string }
  | { readonly kind: 'refused'; readonly question_id: string; readonly mistake: Mistake }
  | {
    readonly kind: 'not_asked'; readonly question_id: string | null;
    /** It was asked when the words came; while they were read somebody answered it, or the session went elsewhere. */
    readonly overtaken?: true;
  };

/** `checkpoint` null: nothing new since `version`. */
export interface CheckpointOutcome {
  readonly kind: 'checkpoint';
  readonly version: number;
  readonly checkpoint: { readonly hash: string; readonly created_at: number; readonly kind: string } | null;
}

export interface ResumeOutcome {
  readonly kind: 'resumed';
  /** null: more than an outcome carries; they are read by a query. */
  readonly answers: Readonly<Record<string, Json>> | null;
  readonly ui_state: Json;
  readonly checkpoint_version: number;
  readonly checkpoint_created_at: number;
}

/** An approver that a session waits for. Times are epoch milliseconds. */
export interface AwaitedApproval {
  readonly since: number;
  readonly waits_for: 'anyone' | 'second_person';
  /** Of the second approval; null: nobody has decided yet. */
  readonly approval_id: string | null;
  readonly changes: number;
  /** Of the decision, or of all that is proposed: 0..1, see changeRisk. */
  readonly risk_score: number;
  /** Who may not decide: the requester, and the first approver. `person` is absent of what is older. */
  readonly parties: readonly { readonly subject: string; readonly person?: string }[];
}

/** A session as its copies and its readers see it. Times are epoch milliseconds. */
export interface SessionView {
  readonly session_id: string;
  readonly tenant: string;
  readonly owner: string;
  readonly flow: { readonly id: string; readonly version: number };
  readonly language: string;
  readonly state: SessionStateName;
  readonly stage: StageName;
  readonly progress_percent: number;
  /**
   * The next question, or null. `suggested` is the former value of a question that has come back, `lost` why the file is gone that
   * answered it.
   */
  readonly question: { readonly id: string; readonly suggested?: Json; readonly lost?: 'rejected' | 'deleted' } | null;
  readonly answers_count: number;
  readonly checkpoint_version: number;
  readonly created_at: number;
  readonly last_activity_at: number;
  readonly ended_at: number | null;
  /** What keeps the next step back: the kind of error that an operator looks at now. Absent in copies from before there was a queue. */
  readonly waits_for?: ErrorCategory | null;
  /** When that goes on without the operator, at the latest; null: never. Absent in copies from before it was told. */
  readonly goes_on_by?: number | null;
  /** The approver that it waits for. Absent in copies from before it was told, and so is the next. */
  readonly awaits?: AwaitedApproval | null;
  /** Of the request that started it. */
  readonly correlation_id?: string;
  /** What the abandonment risk follows from. Absent in copies from before it was counted. */
  readonly counters?: RiskCounters;
  /** Counts visible changes: the ETag. */
  readonly version: number;
  /** Counts everything recorded: a copy with a higher revision replaces a lower one. */
  readonly revision: number;
}

/** The answer to every message: what came of it (with its fingerprint) and the session after it. */
export interface Reply<Outcome> { readonly fingerprint: string; readonly outcome: Outcome; readonly view: SessionView }
