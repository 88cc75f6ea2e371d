/**
 * The onboarding session: a plain class without an engine inside. Its state is the fold of the messages it took, kept as
 * plain JSON so that it travels through continue-as-new and into the archive as it is. Every method is synchronous and
 * deterministic; time and ids come in as arguments.
 */
import { sameValue, validateAnswer } from './answer.ts';
import { hashOf, keptCheckpoints, type Checkpoint } from './checkpoint.ts';
import { draftDecision, type Change, type DecisionDraft, type ItemStatus } from './decision.ts';
import { applicable, type FlowRules, type QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import {
  isEnded, mayMove, progressPercent, stages, takesAnswers, type SessionStateName, type StageName,
} from './lifecycle.ts';
import {
  holds, MessageRejected, type Actor, type AnswerBody, type AnswerOutcome, type CancelBody, type DecisionBody, type Message,
  type Mistake, type SessionView,
} from './message.ts';
import type { Recommendation } from './recommendation.ts';

/** One accepted answer. Superseded ones stay: nothing a person said is deleted. */
export interface AnswerEntry {
  readonly sequence: number;
  readonly question_id: string;
  readonly value: Json;
  readonly answered_at: number;
  readonly superseded: boolean;
}

/** What happened, for replay and analytics: shapes and ids, never an answer's value. */
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
}

export interface Decision {
  readonly changeset_id: string;
  readonly message_id: string;
  readonly decided_by: string;
  readonly decided_at: number;
  readonly changes: readonly Change[];
  readonly statuses: Readonly<Record<string, ItemStatus>>;
  readonly reasons: Readonly<Record<string, string>>;
  readonly risk_score: number;
  readonly rejects_all: boolean;
  readonly status: 'applying' | 'applied' | 'rejected' | 'stale';
}

/** What came of a decision. */
export interface DecisionOutcome {
  readonly kind: 'decided';
  readonly changeset_id: string;
  readonly status: 'applied' | 'rejected' | 'stale' | 'applying';
  readonly changes: readonly Change[];
  readonly risk_score: number;
}

/** Free text read as a value for one question. */
export interface Reading { readonly question_id: string; readonly value: Json }

interface SeenMessage { readonly fingerprint: string; readonly outcome: AnswerOutcome | { readonly kind: 'cancelled' } | { readonly kind: 'decision' } }

export interface SessionState {
  /** Of this JSON form. */
  readonly format: 1;
  readonly session_id: string;
  readonly tenant: string;
  readonly owner: string;
  readonly language: string;
  readonly segment: 'first_time' | 'returning';
  readonly correlation_id: string;
  readonly client_context: Readonly<Record<string, Json>>;
  readonly created_at: number;
  state: SessionStateName;
  /** When each stage was reached, epoch ms. */
  stages: Partial<Record<StageName, number>>;
  last_activity_at: number;
  abandoned_at: number | null;
  ended_at: number | null;
  end_reason: string | null;
  version: number;
  revision: number;
  answers: AnswerEntry[];
  /** Former values of questions that were dropped by an amendment, offered when they come back. */
  former: Record<string, Json>;
  refusals: number;
  repeats: Record<string, number>;
  proposal_requests: number;
  proposal: Proposal | null;
  decision: Decision | null;
  checkpoint_version: number;
  checkpoints: Checkpoint[];
  /** Message ids already handled, oldest first: Temporal remembers them only within one run. */
  seen: [id: string, message: SeenMessage][];
  event_sequence: number;
  unsaved: { events: SessionEvent[]; checkpoints: Checkpoint[] };
}

export interface NewSession {
  readonly session_id: string;
  readonly tenant: string;
  readonly owner: string;
  readonly language: string;
  readonly segment: 'first_time' | 'returning';
  readonly correlation_id: string;
  readonly client_context: Readonly<Record<string, Json>>;
}

/** Message ids kept; a client that repeats a message does so within its last few. */
const keptMessages = 500;
/** 512 KB of answers a session, superseded ones included. */
const sessionBytes = 512 * 1024;

export type Work =
  | { readonly kind: 'propose'; readonly number: number; readonly answers: Readonly<Record<string, Json>> }
  | { readonly kind: 'apply'; readonly decision: Decision };

export class OnboardingSession {
  readonly rules: FlowRules;
  readonly state: SessionState;

  private constructor(rules: FlowRules, state: SessionState) {
    this.rules = rules;
    this.state = state;
  }

  static open(rules: FlowRules, start: NewSession, now: number): OnboardingSession {
    const session = new OnboardingSession(rules, {
      ...start, format: 1, created_at: now, state: 'started', stages: {}, last_activity_at: now, abandoned_at: null, ended_at: null,
      end_reason: null, version: 1, revision: 1, answers: [], former: {}, refusals: 0, repeats: {}, proposal_requests: 0,
      proposal: null, decision: null, checkpoint_version: 0, checkpoints: [], seen: [], event_sequence: 0,
      unsaved: { events: [], checkpoints: [] },
    });
    session.record('session_started', now);
    session.reach('started', now);
    return session;
  }

  /** Goes on from a state that was carried over or archived. */
  static restore(rules: FlowRules, state: SessionState): OnboardingSession {
    return new OnboardingSession(rules, structuredCopy(state));
  }

  // ---- reading -------------------------------------------------------------------------------------------------

  get ended(): boolean { return isEnded(this.state.state); }

  get hasUnsaved(): boolean { return this.state.unsaved.events.length > 0 || this.state.unsaved.checkpoints.length > 0; }

  /** A decision that stands; one whose targets had changed meanwhile does not. */
  private get decided(): boolean { return this.state.decision !== null && this.state.decision.status !== 'stale'; }

  /** Current values by question, in the flow's order; superseded ones left out. */
  answers(): Record<string, Json> {
    const current: Record<string, Json> = {};
    for (const entry of this.state.answers) if (!entry.superseded) current[entry.question_id] = entry.value;
    return current;
  }

  /** The next question, or null when every applicable one is answered or the session takes no answers. */
  currentQuestion(): QuestionRule | null {
    if (!takesAnswers(this.state.state) || this.decided) return null;
    return this.openQuestions()[0] ?? null;
  }

  view(): SessionView {
    const { state } = this;
    const question = this.currentQuestion();
    const answered = state.answers.filter((entry) => !entry.superseded).length;
    return {
      session_id: state.session_id, tenant: state.tenant, owner: state.owner, flow: { id: this.rules.id, version: this.rules.version },
      language: state.language, state: state.state, stage: this.stage(),
      progress_percent: progressPercent(state.state, answered, this.openQuestions().length),
      question: question === null ? null : suggestion(question.id, state.former),
      answers_count: answered, checkpoint_version: state.checkpoint_version, created_at: state.created_at,
      last_activity_at: state.last_activity_at, ended_at: state.ended_at, version: state.version, revision: state.revision,
    };
  }

  stage(): StageName {
    return stages.findLast((name) => this.state.stages[name] !== undefined) ?? 'started';
  }

  /** What the main loop has to do next. */
  work(): Work | null {
    const { state } = this;
    if (state.state === 'generating') return { kind: 'propose', number: state.proposal_requests, answers: this.answers() };
    if (state.decision?.status === 'applying') return { kind: 'apply', decision: state.decision };
    return null;
  }

  /** A message that was not handled yet in any run. */
  isNew(messageId: string): boolean { return this.seen(messageId) === undefined; }

  /** Reading someone else's session looks like a missing one. */
  mayRead(actor: Actor, also: 'approver' | null = null): boolean {
    if (actor.tenant !== this.state.tenant) return false;
    return actor.subject === this.state.owner || holds(actor, 'admin') || (also !== null && holds(actor, also));
  }

  /** The fingerprint under which a message id was first handled. */
  fingerprintOf(id: string): string | undefined { return this.seen(id)?.fingerprint; }

  // ---- messages: check rejects (nothing recorded), handle records ------------------------------------------------

  checkAnswer(message: Message<AnswerBody>): undefined {
    if (this.seen(message.id) !== undefined) return;
    this.checkOwner(message.actor);
    if (!takesAnswers(this.state.state) || this.decided) throw this.wrongState('answered');
    this.checkVersion(message);
  }

  /** `reading` is what free text was read as; ignored for a typed value. */
  answer(message: Message<AnswerBody>, reading: Reading | null, now: number): { fingerprint: string; outcome: AnswerOutcome } {
    const before = this.seen(message.id);
    if (before !== undefined) return { fingerprint: before.fingerprint, outcome: before.outcome as AnswerOutcome };
    if (!takesAnswers(this.state.state) || this.decided) throw this.wrongState('answered');
    const outcome = this.takeAnswer(message.body, reading, now);
    this.remember(message, outcome);
    return { fingerprint: message.fingerprint, outcome };
  }

  checkCancel(message: Message<CancelBody>): undefined {
    if (this.seen(message.id) !== undefined) return;
    if (!this.mayRead(message.actor)) throw notFound();
    if (this.ended || this.state.decision?.status === 'applying') throw this.wrongState('cancelled');
    this.checkVersion(message);
  }

  cancel(message: Message<CancelBody>, now: number): { fingerprint: string; outcome: { readonly kind: 'cancelled' } } {
    if (this.seen(message.id) === undefined) {
      this.state.last_activity_at = now;
      this.end('cancelled', message.body.reason ?? 'cancelled by a person', now);
      this.remember(message, { kind: 'cancelled' });
    }
    return { fingerprint: this.seen(message.id)?.fingerprint ?? message.fingerprint, outcome: { kind: 'cancelled' } };
  }

  checkDecision(message: Message<DecisionBody>): undefined {
    if (this.seen(message.id) !== undefined) return;
    this.checkApprover(message.actor);
    if (this.state.state !== 'awaiting_approval' || this.decided) throw this.wrongState('decided on');
    this.checkVersion(message);
    const { approved_items: approved, rejected_items: rejected } = message.body;
    if (approved.length + rejected.length === 0 && (this.state.proposal?.recommendations.length ?? 0) > 0) {
      throw new MessageRejected('invalid_request', 'The decision names no item.', [nothingDecided]);
    }
    this.draft(message.body);
  }

  /** A decision is recorded here and applied by the main loop; `decisionOutcome` tells how it ended. */
  decide(message: Message<DecisionBody>, changesetId: string, now: number): void {
    if (this.seen(message.id) !== undefined) return;
    const draft = this.draft(message.body);
    this.state.decision = {
      changeset_id: changesetId, message_id: message.id, decided_by: message.actor.subject, decided_at: now, changes: draft.changes,
      statuses: draft.statuses, reasons: message.body.reasons, risk_score: draft.risk_score, rejects_all: draft.rejects_all, status: 'applying',
    };
    this.state.last_activity_at = now;
    this.remember(message, { kind: 'decision' });
    this.record('decision_taken', now, '', { approved: String(draft.changes.length), rejected: String(Object.values(draft.statuses).filter((status) => status === 'rejected').length) });
    this.reach('approval_decision', now);
    this.changed();
  }

  decisionOutcome(): DecisionOutcome {
    const { decision } = this.state;
    if (decision === null) throw new MessageRejected('wrong_state', 'No decision was taken on this session.');
    return { kind: 'decided', changeset_id: decision.changeset_id, status: decision.status, changes: decision.changes, risk_score: decision.risk_score };
  }

  /** What a decision would do, for a dry run. Throws as checkDecision does. */
  previewDecision(actor: Actor, body: DecisionBody, ifMatch: number | null): DecisionDraft {
    this.checkApprover(actor);
    if (this.state.state !== 'awaiting_approval' || this.decided) throw this.wrongState('decided on');
    this.checkVersion({ if_match: ifMatch });
    return this.draft(body);
  }

  // ---- what the main loop brings back ------------------------------------------------------------------------------

  /** A proposal for a request that an amendment has overtaken is dropped. */
  receiveProposal(number: number, recommendations: readonly Recommendation[], now: number): void {
    if (this.state.state !== 'generating' || number !== this.state.proposal_requests) return;
    const confidences = recommendations.map((item) => item.confidence);
    const mean = confidences.length === 0 ? 1 : confidences.reduce((sum, each) => sum + each, 0) / confidences.length;
    const confidence = Math.round(mean * 10_000) / 10_000;
    this.state.proposal = {
      number, recommendations, confidence, decision: confidence >= 0.7 ? 'ready' : 'needs_review',
      hash: hashOf(recommendations),
    };
    this.move('awaiting_approval', now);
    this.reach('recommendations_generated', now);
  }

  receiveApplied(changesetId: string, result: 'applied' | 'rejected' | 'stale', now: number): void {
    const { decision } = this.state;
    if (decision?.changeset_id !== changesetId || decision.status !== 'applying') return;
    this.state.decision = { ...decision, status: result };
    this.record(`changeset_${result}`, now);
    if (result === 'applied') {
      this.end('completed', 'applied', now);
      this.reach('completed', now);
    } else if (result === 'rejected') {
      this.end('cancelled', 'every item was rejected', now);
    } else {
      // a target changed since the proposal was made: nothing was applied, people decide anew on fresh before-images
      this.requestProposal(now);
    }
  }

  /** Marks the session abandoned or cancels it when its time is over. Returns when to look again, or null. */
  checkIdle(now: number, abandonedAfterMs: number, cancelAfterMs: number): number | null {
    const { state } = this;
    if (this.ended) return null;
    const idle = now - state.last_activity_at;
    if (idle >= cancelAfterMs && state.decision?.status !== 'applying') {
      this.end('cancelled', 'idle for too long', now);
      return null;
    }
    if (idle >= abandonedAfterMs && state.abandoned_at === null) {
      state.abandoned_at = now;
      this.record('session_abandoned', now);
      this.changed();
    }
    const next = state.abandoned_at === null ? abandonedAfterMs : cancelAfterMs;
    return Math.max(state.last_activity_at + next, now + 1_000);
  }

  /** Saves where the person is. Nothing new since the last one: null. */
  checkpoint(kind: Checkpoint['kind'], now: number, label: string | null = null): Checkpoint | null {
    const { state } = this;
    const hash = hashOf({ answers: this.answers(), ui_state: null });
    const last = state.checkpoints.at(-1);
    if (kind !== 'stage' && last?.hash === hash) return null;
    const view = this.view();
    const checkpoint: Checkpoint = {
      version: state.checkpoint_version + 1, kind, label, state: state.state, position: state.answers.length,
      answers_count: view.answers_count, progress_percent: view.progress_percent, hash, created_at: now,
    };
    state.checkpoint_version = checkpoint.version;
    state.checkpoints.push(checkpoint);
    if (state.checkpoints.length > keptCheckpoints) state.checkpoints.shift();
    state.unsaved.checkpoints.push(checkpoint);
    this.record('checkpoint_created', now, '', { kind });
    return checkpoint;
  }

  /** What the other stores do not have yet. A copy: more may come while it is being stored. */
  unsaved(): SessionState['unsaved'] {
    return { events: [...this.state.unsaved.events], checkpoints: [...this.state.unsaved.checkpoints] };
  }

  /** Everything up to this event is stored in the other stores. */
  saved(lastEvent: number, lastCheckpoint: number): void {
    const { unsaved } = this.state;
    unsaved.events = unsaved.events.filter((event) => event.sequence > lastEvent);
    unsaved.checkpoints = unsaved.checkpoints.filter((checkpoint) => checkpoint.version > lastCheckpoint);
  }

  // ---- inside --------------------------------------------------------------------------------------------------------

  private openQuestions(): QuestionRule[] {
    const answers = this.answers();
    return applicable(this.rules, answers).filter((question) => !Object.hasOwn(answers, question.id));
  }

  private takeAnswer(body: AnswerBody, reading: Reading | null, now: number): AnswerOutcome {
    const { state } = this;
    state.last_activity_at = now;
    state.abandoned_at = null;
    const id = 'text' in body ? reading?.question_id ?? null : body.question_id;
    const question = this.askedQuestion(id);
    if (question === null) return { kind: 'not_asked', question_id: id };
    if ('text' in body && reading === null) return this.refuse(question, notUnderstood, now);
    const verdict = validateAnswer(question, 'text' in body ? reading?.value ?? null : body.value);
    if (!verdict.ok) {
      const { code, message, fix } = verdict;
      return this.refuse(question, { pointer: 'text' in body ? '/text' : '/value', code, message, fix }, now);
    }
    const former = this.answers()[question.id];
    if (former === undefined || !sameValue(former, verdict.value)) {
      if (!this.fits(verdict.value)) return this.refuse(question, sessionFull, now);
      this.append(question, verdict.value, former !== undefined, now);
    }
    return { kind: 'accepted', accepted: [{ question_id: question.id, value: verdict.value }] };
  }

  /** The named question when it is current or was asked before, else the current one when none is named. */
  private askedQuestion(id: string | null): QuestionRule | null {
    const current = this.currentQuestion();
    if (id === null || id === current?.id) return current;
    const answered = this.state.answers.some((entry) => entry.question_id === id && !entry.superseded);
    return answered ? this.rules.questions.find((question) => question.id === id) ?? null : null;
  }

  private refuse(question: QuestionRule, mistake: Mistake, now: number): AnswerOutcome {
    this.state.refusals += 1;
    this.state.repeats[question.id] = (this.state.repeats[question.id] ?? 0) + 1;
    this.record('answer_refused', now, question.id, { code: mistake.code });
    return { kind: 'refused', question_id: question.id, mistake };
  }

  private fits(value: Json): boolean {
    const bytes = this.state.answers.reduce((sum, entry) => sum + JSON.stringify(entry.value).length, JSON.stringify(value).length);
    return bytes <= sessionBytes;
  }

  private append(question: QuestionRule, value: Json, amended: boolean, now: number): void {
    const { state } = this;
    this.supersede((entry) => entry.question_id === question.id);
    delete state.former[question.id];
    state.answers.push({ sequence: state.answers.length + 1, question_id: question.id, value, answered_at: now, superseded: false });
    this.record(amended ? 'answer_amended' : 'question_answered', now, question.id);
    this.dropInapplicable();
    if (state.state === 'started') this.move('in_progress', now);
    this.reach('engaged', now);
    if (amended && (state.state === 'generating' || state.state === 'awaiting_approval')) this.move('in_progress', now);
    if (this.openQuestions().length === 0) this.requestProposal(now);
    this.changed();
  }

  /** An amendment can close a branch: its answers are superseded, and offered again when the question returns. */
  private dropInapplicable(): void {
    const asked = new Set(applicable(this.rules, this.answers()).map((question) => question.id));
    this.supersede((entry) => !asked.has(entry.question_id), true);
  }

  private supersede(which: (entry: AnswerEntry) => boolean, keepFormer = false): void {
    this.state.answers = this.state.answers.map((entry) => {
      if (entry.superseded || !which(entry)) return entry;
      if (keepFormer) this.state.former[entry.question_id] = entry.value;
      return { ...entry, superseded: true };
    });
  }

  private requestProposal(now: number): void {
    this.state.proposal_requests += 1;
    this.state.proposal = null;
    this.move('generating', now);
  }

  private draft(body: DecisionBody): DecisionDraft {
    const { proposal } = this.state;
    if (proposal === null) throw this.wrongState('decided on');
    if (body.proposal_hash !== null && body.proposal_hash !== proposal.hash) {
      throw new MessageRejected('stale_proposal', 'The proposal has changed since it was shown. Read it again and decide on what it says now.');
    }
    const result = draftDecision(proposal.recommendations, body);
    if ('draft' in result) return result.draft;
    throw new MessageRejected('invalid_request', 'The decision names items or values that this proposal does not allow.', result.mistakes);
  }

  private checkOwner(actor: Actor): void {
    if (actor.tenant !== this.state.tenant || actor.subject !== this.state.owner) throw notFound();
  }

  private checkApprover(actor: Actor): void {
    if (actor.tenant !== this.state.tenant) throw notFound();
    if (!holds(actor, 'approver')) throw new MessageRejected('forbidden', 'Only an approver decides.');
    if (actor.subject === this.state.owner) throw new MessageRejected('same_person', 'The person who asked for a change never decides on it.');
  }

  private checkVersion(message: { readonly if_match: number | null }): void {
    if (message.if_match === null || message.if_match === this.state.version) return;
    throw new MessageRejected('precondition_failed', 'The session has changed since you read it. Read it again, then repeat.');
  }

  private wrongState(done: string): MessageRejected {
    return new MessageRejected('wrong_state', `A session in state ${this.state.state} cannot be ${done}.`);
  }

  private seen(id: string): SeenMessage | undefined {
    return this.state.seen.findLast(([known]) => known === id)?.[1];
  }

  private remember(message: Message<unknown>, outcome: SeenMessage['outcome']): void {
    this.state.seen.push([message.id, { fingerprint: message.fingerprint, outcome }]);
    if (this.state.seen.length > keptMessages) this.state.seen.shift();
    this.state.revision += 1;
  }

  private move(to: SessionStateName, now: number): void {
    const from = this.state.state;
    if (from === to) return;
    if (!mayMove(from, to)) throw new MessageRejected('wrong_state', `A session cannot go from ${from} to ${to}.`);
    this.state.state = to;
    this.record('state_changed', now, '', { from, to });
    this.changed();
  }

  private end(to: 'completed' | 'cancelled' | 'error', reason: string, now: number): void {
    this.state.ended_at = now;
    this.state.end_reason = reason;
    this.move(to, now);
  }

  private reach(stage: StageName, now: number): void {
    if (this.state.stages[stage] !== undefined) return;
    this.state.stages[stage] = now;
    this.record('stage_reached', now, '', { stage });
    this.checkpoint('stage', now);
  }

  private changed(): void {
    this.state.version += 1;
    this.state.revision += 1;
  }

  private record(event: string, at: number, questionId = '', properties: Record<string, string> = {}): void {
    this.state.event_sequence += 1;
    this.state.revision += 1;
    this.state.unsaved.events.push({ sequence: this.state.event_sequence, at, event, question_id: questionId, properties });
  }
}

const notUnderstood: Mistake = {
  pointer: '/text', code: 'not_understood', message: 'The text does not answer the question.', fix: 'Answer in a few plain words, or choose one of the options.',
};

const sessionFull: Mistake = {
  pointer: '/value', code: 'session_full', message: 'This session holds as many answers as it can (512 KB).', fix: 'Shorten the answer.',
};

const nothingDecided: Mistake = {
  pointer: '/approved_items', code: 'nothing_decided', message: 'Neither approved_items nor rejected_items names an item.', fix: 'Name at least one recommendation_id.',
};

function suggestion(id: string, former: Readonly<Record<string, Json>>): { id: string; suggested?: Json } {
  const value = Object.hasOwn(former, id) ? former[id] : undefined;
  return value === undefined ? { id } : { id, suggested: value };
}

function notFound(): MessageRejected {
  return new MessageRejected('not_found', 'There is no such session.');
}

function structuredCopy(state: SessionState): SessionState {
  return JSON.parse(JSON.stringify(state)) as SessionState;
}
