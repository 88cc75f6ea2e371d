/**
 * What every message of a session builds on: reading the state, recording what happens, and the few moves there are. A
 * plain class without an engine inside: synchronous and deterministic, time and ids come in as arguments.
 */
import { currentAnswers, currentSequences, openQuestions } from './answer-log.ts';
import { hashOf, keptCheckpoints, type Checkpoint } from './checkpoint.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import { isEnded, mayMove, progressPercent, stages, takesAnswers, type SessionStateName, type StageName } from './lifecycle.ts';
import { holds, MessageRejected, type Actor, type Message, type SessionView } from './message.ts';
import {
  keptEvents, keptMessages, uiStatesBytes, type Decision, type Provider, type SeenMessage, type SessionEvent, type SessionState,
} from './session-state.ts';

/** What the main loop has to do next. */
export type Work =
  | { readonly kind: 'propose'; readonly number: number; readonly provider: Provider; readonly answers: Readonly<Record<string, Json>> }
  | { readonly kind: 'write_changeset' | 'roll_back_changeset'; readonly decision: Decision };

export class SessionCore {
  readonly rules: FlowRules;
  readonly state: SessionState;

  constructor(rules: FlowRules, state: SessionState) {
    this.rules = rules;
    this.state = state;
  }

  get ended(): boolean { return isEnded(this.state.state); }

  get hasUnsaved(): boolean { return this.state.unsaved.events.length > 0 || this.state.unsaved.checkpoints.length > 0; }

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
      question: question === null ? null : suggestion(question.id, state.former),
      answers_count: answered, checkpoint_version: state.checkpoint_version, created_at: state.created_at,
      last_activity_at: state.last_activity_at, ended_at: state.ended_at, version: state.version, revision: state.revision,
      waits_for: this.ended ? null : state.parked?.category ?? null,
    };
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

  /** Saves where the person is. Nothing new since the last one, and neither a stage nor force: null. */
  checkpoint(
    kind: Checkpoint['kind'], now: number, options: { readonly label?: string | null; readonly force?: boolean } = {},
  ): Checkpoint | null {
    const { state } = this;
    const hash = hashOf({ answers: this.answers(), ui_state: state.ui_state });
    if (kind !== 'stage' && options.force !== true && state.checkpoints.at(-1)?.hash === hash) return null;
    const checkpoint: Checkpoint = {
      version: state.checkpoint_version + 1, kind, label: options.label ?? null, state: state.state, position: state.answers.length,
      current: currentSequences(state), progress_percent: this.view().progress_percent, hash, created_at: now,
    };
    state.checkpoint_version = checkpoint.version;
    state.checkpoints = [...state.checkpoints, checkpoint].slice(-keptCheckpoints);
    state.unsaved.checkpoints.push(checkpoint);
    this.keepUiState(checkpoint.version);
    this.record('checkpoint_created', now, '', { kind, version: String(checkpoint.version) });
    return checkpoint;
  }

  protected record(event: string, at: number, questionId = '', properties: Readonly<Record<string, string>> = {}): SessionEvent {
    const { state } = this;
    state.event_sequence += 1;
    state.revision += 1;
    const recorded = { sequence: state.event_sequence, at, event, question_id: questionId, properties };
    state.unsaved.events.push(recorded);
    state.recent = [...state.recent, recorded].slice(-keptEvents);
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
    this.state.end_reason = reason;
    this.move(to, now);
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

  protected seen(id: string): SeenMessage | undefined {
    return this.state.seen.findLast(([known]) => known === id)?.[1];
  }

  protected remember(message: Message<unknown>, outcome: SeenMessage['outcome']): void {
    this.state.seen = [...this.state.seen, [message.id, { fingerprint: message.fingerprint, outcome }] as [string, SeenMessage]]
      .slice(-keptMessages);
    this.state.revision += 1;
  }

  protected checkOwner(actor: Actor): void {
    if (actor.tenant !== this.state.tenant || actor.subject !== this.state.owner) throw notFound();
  }

  protected checkReader(actor: Actor): void {
    if (!this.mayRead(actor)) throw notFound();
  }

  protected checkApprover(actor: Actor): void {
    if (actor.tenant !== this.state.tenant) throw notFound();
    if (!holds(actor, 'approver')) throw new MessageRejected('forbidden', 'Only an approver decides.');
    if (actor.subject === this.state.owner) {
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

  /** Only the newest UI states are kept here, up to a bound in all; the archive has every one. */
  private keepUiState(version: number): void {
    const { state } = this;
    if (state.ui_state === null) return;
    state.ui_states = [...state.ui_states, [version, state.ui_state]];
    while (state.ui_states.length > 1 && JSON.stringify(state.ui_states).length > uiStatesBytes) state.ui_states = state.ui_states.slice(1);
  }
}

export function notFound(): MessageRejected {
  return new MessageRejected('not_found', 'There is no such session.');
}

function suggestion(id: string, former: Readonly<Record<string, Json>>): { id: string; suggested?: Json } {
  const value = Object.hasOwn(former, id) ? former[id] : undefined;
  return value === undefined ? { id } : { id, suggested: value };
}
