/**
 * What every message of a session builds on: reading the state, recording what happens, and the few moves there are. A
 * plain class without an engine inside: synchronous and deterministic, time and ids come in as arguments.
 */
import { firstInactiveMs, riskCounters, standingScore, waitingFor, type RiskSource } from './abandonment-risk.ts';
import { currentAnswers, currentSequences, formerValue, LogSize, openQuestions } from './answer-log.ts';
import { awaitedApproval } from './awaited-approval.ts';
import { bounds, counts, firstOf, newestKept, stateParts, textMax, unsavedUpTo } from './bounds.ts';
import { hashOf, type Checkpoint } from './checkpoint.ts';
import type { SessionEventName } from './event-names.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import { jsonBytes, sameValue, type Json } from './json.ts';
import { isEnded, mayMove, progressPercent, stages, takesAnswers, type SessionStateName, type StageName } from './lifecycle.ts';
import { holds, MessageRejected, type Actor, type Message, type SessionView } from './message.ts';
import { MessageLog, type HandledMessage } from './message-log.ts';
import { Newest } from './newest.ts';
import { isPerson } from './person.ts';
import { SessionUploads } from './session-uploads.ts';
import type { Decision, Listed, Provider, SeenOutcome, SessionEvent, SessionState } from './session-state.ts';
import { Unsaved } from './unsaved.ts';

/** What the main loop has to do next. */
export type Work =
  | { readonly kind: 'propose'; readonly number: number; readonly provider: Provider; readonly answers: Readonly<Record<string, Json>> }
  | { readonly kind: 'write_changeset' | 'roll_back_changeset'; readonly decision: Decision };

export class SessionCore {
  readonly rules: FlowRules;
  readonly state: SessionState;
  protected readonly messages: MessageLog;
  protected readonly logSize: LogSize;
  protected readonly uploads: SessionUploads;
  private readonly waiting: Unsaved;
  private readonly checkpoints: Newest<Checkpoint>;
  private readonly recent: Newest<SessionEvent>;
  private readonly uiStates: Newest<SessionState['ui_states'][number]>;

  constructor(rules: FlowRules, state: SessionState) {
    this.rules = rules;
    this.state = state;
    this.messages = new MessageLog(state);
    this.logSize = new LogSize(state.answers);
    this.uploads = new SessionUploads(state.uploads);
    this.waiting = new Unsaved(state.unsaved);
    this.checkpoints = new Newest(state.checkpoints, newestKept.checkpoints);
    this.recent = new Newest(state.recent, newestKept.recent);
    this.uiStates = new Newest(state.ui_states, { count: counts.checkpoints, bytes: uiStatesKept });
  }

  get ended(): boolean { return isEnded(this.state.state); }

  get hasUnsaved(): boolean {
    const { unsaved: { events, checkpoints }, listed, last_activity_at } = this.state;
    return events.length > 0 || checkpoints.length > 0 || last_activity_at > listed.last_activity_at;
  }

  /** What the list of sessions is to have of this one. */
  get listing(): Listed {
    return { score: standingScore(riskCounters(this.state)), last_activity_at: this.state.last_activity_at };
  }

  /** From then on the list of sessions at risk shows inactivity, as long as it has not learned of a later activity. */
  get listedUntil(): number { return this.state.listed.last_activity_at + firstInactiveMs - writeMs; }

  /** The list of sessions at risk ranks this one wrongly: it has to learn at once how things are. */
  misleads(now: number): boolean {
    const { score, last_activity_at: active } = this.listing;
    const { listed } = this.state;
    return waitingFor(this.riskSource()) === 'person'
      && (score !== listed.score || (active > listed.last_activity_at && now >= this.listedUntil));
  }

  /** Whether events up to this one are not stored yet; a checkpoint goes before the event that tells of it. */
  hasUnsavedUpTo(sequence: number): boolean { return (this.state.unsaved.events[0]?.sequence ?? Infinity) <= sequence; }

  /** What is unsaved can be carried into another run. States from before it had a bound may have to be stored first. */
  get fitsNextRun(): boolean { return this.waiting.bytes <= stateParts.unsaved; }

  /** A decision that stands; one whose targets had changed meanwhile does not. */
  get decided(): boolean { return this.state.decision !== null && this.state.decision.status !== 'stale'; }

  /** A changeset of this session is being written: nothing may come in between. */
  get deciding(): boolean {
    const status = this.state.decision?.status;
    return status === 'recording' || status === 'applying' || status === 'rolling_back';
  }

  answers(): Record<string, Json> { return currentAnswers(this.state); }

  /** The next question, or null when every applicable one is answered or the session takes no answers. */
  currentQuestion(): QuestionRule | null {
    if (!takesAnswers(this.state.state) || this.decided) return null;
    return openQuestions(this.rules, this.state)[0] ?? null;
  }

  view(): SessionView {
    const { state, rules } = this;
    const question = this.currentQuestion();
    const answered = state.answers.filter((entry) => !entry.superseded).length;
    return {
      session_id: state.session_id, tenant: state.tenant, owner: state.owner, flow: { id: rules.id, version: rules.version },
      language: state.language, state: state.state, stage: this.stage(),
      progress_percent: progressPercent(state.state, answered, openQuestions(rules, state).length),
      question: question === null ? null : { id: question.id, ...this.beforeNow(question) },
      answers_count: answered, checkpoint_version: state.checkpoint_version, created_at: state.created_at,
      last_activity_at: state.last_activity_at, ended_at: state.ended_at, version: state.version, revision: state.revision,
      waits_for: this.ended ? null : state.parked?.category ?? null, goes_on_by: this.ended ? null : state.parked?.fallback_at ?? null,
      awaits: awaitedApproval(state), correlation_id: state.correlation_id,
      counters: riskCounters(state),
    };
  }

  /** What the abandonment risk of this session follows from. */
  riskSource(): RiskSource {
    const { state } = this;
    return {
      state: state.state, last_activity_at: state.last_activity_at, isParked: state.parked !== null, counters: riskCounters(state),
    };
  }

  /** What is known of a question that was answered before. */
  private beforeNow({ id, type }: QuestionRule): Pick<NonNullable<SessionView['question']>, 'suggested' | 'lost'> {
    const suggested = formerValue(this.state, id);
    if (suggested !== undefined) return { suggested };
    const last = type === 'file' ? this.state.answers.findLast((entry) => entry.question_id === id) : undefined;
    const lost = last === undefined ? undefined : this.uploads.whyGone(last.value);
    return lost === undefined ? {} : { lost };
  }

  stage(): StageName {
    return stages.findLast((name) => this.state.stages[name] !== undefined) ?? 'started';
  }

  work(): Work | null {
    const { state } = this;
    if (state.parked !== null) return null;
    if (state.state === 'generating') {
      const number = state.proposal_requests;
      return { kind: 'propose', number, provider: state.rules_propose === number ? 'rules' : 'model', answers: this.answers() };
    }
    if (this.deciding && state.decision !== null) {
      return { kind: state.decision.status === 'rolling_back' ? 'roll_back_changeset' : 'write_changeset', decision: state.decision };
    }
    return null;
  }

  /** Reading someone else's session looks like a missing one. */
  mayRead(actor: Actor, also: 'approver' | null = null): boolean {
    if (actor.tenant !== this.state.tenant) return false;
    return actor.subject === this.state.owner || holds(actor, 'admin') || (also !== null && holds(actor, also));
  }

  /** A message that was not handled yet in any run. */
  isNew(messageId: string): boolean { return this.seen(messageId) === undefined; }

  /** The fingerprint under which a message id was first handled. */
  fingerprintOf(id: string): string | undefined { return this.seen(id)?.fingerprint; }

  /** What the other stores do not have yet, oldest first, as much of it as one flush takes. A copy: more may come meanwhile. */
  unsaved(): SessionState['unsaved'] { return this.waiting.part(bounds.flush); }

  /** Everything up to this event and this checkpoint is stored in the other stores, and `listed` in the list. */
  saved(lastEvent: number, lastCheckpoint: number, listed: Listed = this.listing): void {
    this.waiting.remove(lastEvent, lastCheckpoint);
    this.state.listed = listed;
  }

  /** Saves where the person is. Nothing new since the last one, and neither a stage nor force: null. */
  checkpoint(
    kind: Checkpoint['kind'], now: number, options: { readonly label?: string | null; readonly force?: boolean } = {},
  ): Checkpoint | null {
    const { state } = this;
    const hash = hashOf({ answers: this.answers(), ui_state: state.ui_state });
    if (kind !== 'stage' && options.force !== true && state.checkpoints.at(-1)?.hash === hash) return null;
    const checkpoint: Checkpoint = {
      version: state.checkpoint_version + 1, kind, label: options.label == null ? null : firstOf(options.label, textMax.label),
      state: state.state, position: state.answers.length,
      current: currentSequences(state), progress_percent: this.view().progress_percent, hash, created_at: now,
    };
    state.checkpoint_version = checkpoint.version;
    this.checkpoints.add(checkpoint);
    this.waiting.addCheckpoint(checkpoint);
    this.keepUiState(checkpoint.version);
    this.record('checkpoint_created', now, '', { kind, version: String(checkpoint.version) });
    return checkpoint;
  }

  protected record(
    event: SessionEventName, at: number, questionId = '', properties: Readonly<Record<string, string>> = {},
  ): SessionEvent {
    return this.note(event, at, questionId, properties);
  }

  /** Under a name that may be anybody's. */
  protected note(event: string, at: number, questionId: string, properties: Readonly<Record<string, string>>): SessionEvent {
    const { state } = this;
    state.event_sequence += 1;
    state.revision += 1;
    const recorded = { sequence: state.event_sequence, at, event, question_id: questionId, properties };
    this.waiting.addEvent(recorded);
    this.recent.add(recorded);
    return recorded;
  }

  protected reach(stage: StageName, now: number): void {
    if (this.state.stages[stage] !== undefined) return;
    this.state.stages[stage] = now;
    this.record('stage_reached', now, '', { stage });
    this.checkpoint('stage', now);
  }

  protected move(to: SessionStateName, now: number): void {
    const from = this.state.state;
    if (from === to) return;
    if (!mayMove(from, to)) throw new MessageRejected('wrong_state', `A session cannot go from ${from} to ${to}.`);
    this.state.state = to;
    this.record('state_changed', now, '', { from, to });
    this.changed();
  }

  protected end(to: 'completed' | 'cancelled' | 'error', reason: string, now: number): void {
    this.state.ended_at = now;
    this.state.end_reason = firstOf(reason, textMax.reason);
    this.move(to, now);
  }

  protected noteAsked(questionId: string): void {
    this.state.asked[questionId] = (this.state.asked[questionId] ?? 0) + 1;
  }

  /** What is asked now, when it is not what was asked before. */
  protected askNext(before: QuestionRule | null): void {
    const next = this.currentQuestion();
    if (next !== null && next.id !== before?.id) this.noteAsked(next.id);
  }

  /** Last in whatever may make another question current: what the person is shown now is recorded, once until it changes. */
  protected showQuestion(now: number): void {
    const shown = this.currentQuestion()?.id ?? null;
    if (shown === this.state.shown) return;
    this.state.shown = shown;
    if (shown !== null) this.record('question_shown', now, shown);
  }

  protected requestProposal(now: number): void {
    this.state.proposal_requests += 1;
    this.state.proposal = null;
    this.move('generating', now);
  }

  protected changed(): void {
    this.state.version += 1;
    this.state.revision += 1;
  }

  protected active(now: number): void {
    this.state.last_activity_at = now;
    this.state.abandoned_at = null;
  }

  protected seen(id: string): HandledMessage | undefined { return this.messages.find(id); }

  protected remember(message: Message<unknown>, outcome: SeenOutcome): void {
    this.messages.note(message, outcome);
    this.state.revision += 1;
  }

  /** A session takes no more than it can carry until the archive is back. `adds`: bytes of what the message will record. */
  protected checkRoom(upTo: keyof typeof unsavedUpTo, adds = 0): void {
    if (this.waiting.bytes + adds > unsavedUpTo[upTo]) throw noRoom();
  }

  /**
   * Only the newest UI states are kept here; the archive has every one. So while it is away those that it does not have yet may
   * not be pushed out.
   */
  protected checkUiStateRoom(uiState: Json): void {
    const { ui_states: kept, unsaved } = this.state;
    const oldest = unsaved.checkpoints[0]?.version;
    const needed = oldest === undefined ? [] : kept.slice(Math.max(0, kept.findLastIndex(([version]) => version <= oldest)));
    const bytes = needed.reduce((sum, item) => sum + jsonBytes(item) + 1, jsonBytes(uiState) + uiStateFrame);
    if (bytes > uiStatesKept || needed.length >= counts.checkpoints) throw noRoom();
  }

  protected checkOwner(actor: Actor): void {
    if (!this.mayRead(actor)) throw notFound();
    if (actor.subject !== this.state.owner) throw new MessageRejected('forbidden', 'Only the owner of a session does this.');
  }

  protected checkReader(actor: Actor): void {
    if (!this.mayRead(actor)) throw notFound();
  }

  protected checkApprover(actor: Actor): void {
    if (actor.tenant !== this.state.tenant) throw notFound();
    if (!holds(actor, 'approver')) throw new MessageRejected('forbidden', 'Only an approver decides.');
    if (isPerson(actor, this.state.owner, this.state.owner_person)) {
      throw new MessageRejected('same_person', 'The person who asked for a change never decides on it.');
    }
  }

  protected checkVersion(message: Pick<Message<unknown>, 'if_match'>): void {
    if (message.if_match === null || message.if_match.includes(this.state.version)) return;
    throw new MessageRejected('precondition_failed', 'The session has changed since you read it. Read it again, then repeat.');
  }

  protected wrongState(done: string): MessageRejected {
    return new MessageRejected('wrong_state', `A session in state ${this.state.state} cannot be ${done}.`);
  }

  private keepUiState(version: number): void {
    const { ui_state: uiState, ui_states: kept } = this.state;
    const last = kept.at(-1);
    if (!sameValue(last?.[1] ?? null, uiState)) this.uiStates.add([version, uiState]);
  }
}

/** What a copy may take to be written, ms. */
const writeMs = 1_000;
/** Version, brackets and commas around a UI state. */
const uiStateFrame = 16;
/** Beside the one that stands in the state by itself. */
const uiStatesKept = stateParts.ui_states - bounds.ui_state;

function noRoom(): MessageRejected {
  return new MessageRejected(
    'store_unavailable',
    'What waits to be stored of this session has reached its bound, since a store does not answer. Nothing of this message was taken: ' +
    'repeat it later.',
  );
}

export function notFound(): MessageRejected {
  return new MessageRejected('not_found', 'There is no such session.');
}

