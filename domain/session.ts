/**
 * The onboarding session: every message it takes, and what the main loop brings back. Messages come in two steps: a check
 * rejects strangers, ended sessions and stale versions and leaves nothing behind; the handling records.
 */
import { validateAnswer } from './answer.ts';
import {
  appendAnswer, currentSequences, nextEntry, noteAgain, openQuestions, restoreSequences, sizeOfSaying, withdrawFile, type Saying,
} from './answer-log.ts';
import { bounds, counts, stateParts } from './bounds.ts';
import { hashOf, type Checkpoint } from './checkpoint.ts';
import { dependencyMistakes, draftDecision, missingDependencies, type DecisionDraft } from './decision.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import { jsonBytes, sameValue, type Json } from './json.ts';
import { takesAnswers } from './lifecycle.ts';
import {
  MessageRejected, type Actor, type AnswerBody, type AnswerOutcome, type ApprovalBody, type CancelBody, type CheckpointBody,
  type CheckpointOutcome,
  type ClientEventBody, type DecisionBody, type EscalateBody, type Message, type Mistake, type ResumeBody, type ResumeOutcome,
} from './message.ts';
import { acceptedOf } from './message-log.ts';
import { isResultOf } from './message-shape.ts';
import { webUiActor, type TaskOutcome } from './parked-task.ts';
import { uiStateAt } from './newest-checkpoint.ts';
import { isPerson, personOf } from './person.ts';
import { SessionCore } from './session-core.ts';
import { SessionOverTime } from './session-over-time.ts';
import type {
  Asked, Decision, DecisionOutcome, NewSession, ParkedStep, Proposal, QuestionThen, Reading, SessionState,
} from './session-state.ts';
import { isGone } from './session-uploads.ts';
import { upgraded, type StoredState } from './session-upgrade.ts';
import type { UploadNote } from './upload.ts';

/** What a proposal brings; `escalate`: too uncertain for an approver alone. */
export type Proposed = Pick<Proposal, 'recommendations' | 'confidence'> & { readonly decision: Proposal['decision'] | 'escalate' };

/** What came of a changeset. */
export type ChangesetResult = 'pending_second_approval' | 'applied' | 'rejected' | 'stale';

export type RollbackOutcome = 'applied' | 'rolled_back';

export class OnboardingSession extends SessionOverTime {
  static open(rules: FlowRules, start: NewSession, now: number): OnboardingSession {
    const session = new OnboardingSession(rules, {
      ...start, format: 2, created_at: now, state: 'started', returns_to: null, stages: {}, last_activity_at: now, abandoned_at: null,
      ended_at: null,
      end_reason: null, version: 1, revision: 1, answers: [], former: {}, offered: null, refusals: 0, asked: {}, shown: null,
      risk_level: 'low',
      reminders: { enabled: rules.reminders ?? true, silent_since: 0, number: 0 }, listed: { score: 0, last_activity_at: now },
      proposal_requests: 0, proposal: null, decision: null, parked: null,
      rules_propose: null, cancel_asked_at: null,
      ui_state: null, checkpoint_version: 0, checkpoints: [], ui_states: [], seen: [], uploads: [], event_sequence: 0, recent: [],
      unsaved: { events: [], checkpoints: [] }, copy: '',
    });
    session.record('session_started', now);
    session.reach('started', now);
    session.askNext(null);
    session.showQuestion(now);
    return session;
  }

  /** Goes on from a state that was carried over or archived. */
  static restore(rules: FlowRules, state: StoredState): OnboardingSession {
    const stored = JSON.parse(JSON.stringify(state)) as StoredState;
    const currentOf = (whole: SessionState): string | null => new SessionCore(rules, whole).currentQuestion()?.id ?? null;
    return new OnboardingSession(rules, upgraded(stored, currentOf));
  }

  // ---- answers ---------------------------------------------------------------------------------------------------

  checkAnswer(message: Message<AnswerBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkOwner(message.actor);
    if (!takesAnswers(this.state.state) || this.decided) throw this.wrongState('answered');
    this.checkVersion(message);
    this.checkRoom('messages');
  }

  /** What free text that comes now can speak of. Reading takes time, in which that may change. */
  asked(): Asked {
    const current = this.currentQuestion()?.id ?? null;
    const previous = this.state.answers.findLast((entry) => !entry.superseded)?.question_id ?? null;
    const { offered } = this.state;
    const stands = offered !== null && (offered.question_id === current || offered.question_id === previous);
    return { current: this.questionThen(current), previous: this.questionThen(previous), offered: stands ? offered : null };
  }

  private questionThen(id: string | null): QuestionThen | null {
    return id === null ? null : { question_id: id, entries: this.state.answers.filter((entry) => entry.question_id === id).length };
  }

  /**
   * `reading` is what free text was read as, null when it says nothing; `asked` what it could speak of when it came, null for a
   * typed value. What was said while the words were read is newer, and stands.
   */
  answer(
    message: Message<AnswerBody>, reading: Reading | null, now: number, asked: Asked | null = null,
  ): { fingerprint: string; outcome: AnswerOutcome } {
    const before = this.seen(message.id);
    if (before !== undefined) return { fingerprint: before.fingerprint, outcome: before.outcome as AnswerOutcome };
    if (!takesAnswers(this.state.state) || this.decided) throw this.wrongState('answered');
    this.checkVersion(message);
    const question = this.currentQuestion();
    const outcome = this.isOvertaken(asked, reading) ? this.overtake(asked, now) : this.takeAnswer(message, reading, now);
    if (outcome.kind !== 'accepted') this.remember(message, outcome);
    // an offer is for the very next message: after any other reply "yes" would be about that
    if (outcome.kind === 'asked_back') this.state.offered = { question_id: outcome.question_id, candidates: outcome.candidates };
    else if (outcome.kind !== 'not_asked') this.state.offered = null;
    if (outcome.kind === 'accepted') this.askNext(question);
    else if (outcome.kind !== 'not_asked') this.noteAsked(outcome.question_id);
    this.showQuestion(now);
    return { fingerprint: message.fingerprint, outcome };
  }

  private isOvertaken(asked: Asked | null, reading: Reading | null): asked is Asked {
    if (asked === null) return false;
    const { current, previous } = asked;
    const isOfPrevious = previous !== null && reading?.question_id === previous.question_id;
    return !sameQuestion(this.questionThen(this.currentQuestion()?.id ?? null), current)
      || (isOfPrevious && !sameQuestion(this.questionThen(previous.question_id), previous));
  }

  private overtake({ current }: Asked, now: number): AnswerOutcome {
    this.active(now);
    return { kind: 'not_asked', question_id: current?.question_id ?? null, overtaken: true };
  }

  private takeAnswer(message: Message<AnswerBody>, reading: Reading | null, now: number): AnswerOutcome {
    const { body } = message;
    this.active(now);
    const id = 'text' in body ? reading?.question_id ?? null : body.question_id;
    const question = this.askedQuestion(id);
    if (question === null) return { kind: 'not_asked', question_id: id };
    if ('text' in body && (reading === null || !('value' in reading))) return this.withoutValue(question, reading, now);
    const said = reading !== null && 'value' in reading ? reading : null;
    const verdict = validateAnswer(question, 'text' in body ? said?.value ?? null : body.value);
    if (!verdict.ok) {
      const { code, message, fix } = verdict;
      return this.refuse(question, { pointer: 'text' in body ? '/text' : '/value', code, message, fix }, now);
    }
    const noFile = question.type === 'file' ? this.uploads.mistakeOf(verdict.value) : null;
    if (noFile !== null) return this.refuse(question, noFile, now);
    const saying = { key: this.messages.keyOf(message), remarks: said?.remarks };
    if (!this.noteAnswer(message, question.id, verdict.value, saying, now)) return this.refuse(question, sessionFull, now);
    return { kind: 'accepted', accepted: [acceptedOf({ question_id: question.id, value: verdict.value }, said?.remarks)] };
  }

  /** Words that ask, or leave it open. They are counted apart: nothing was wrong with them. */
  private withoutValue(question: QuestionRule, reading: Exclude<Reading, { value: Json }> | null, now: number): AnswerOutcome {
    const question_id = question.id;
    if (reading?.kind === 'ambiguous' && jsonBytes(reading.candidates) <= bounds.offered) {
      this.record('question_clarified', now, question_id, { candidates: String(reading.candidates.length) });
      return { kind: 'asked_back', question_id, candidates: reading.candidates };
    }
    if (reading?.kind === 'help') {
      this.record('help_given', now, question_id);
      return { kind: 'help', question_id };
    }
    if (reading?.kind === 'cannot_skip') {
      this.record('question_not_skipped', now, question_id);
      return { kind: 'cannot_skip', question_id };
    }
    return this.refuse(question, notUnderstood, now);
  }

  /** Adds an entry to the log, or the message to the one that says the same. False: the log is full. */
  private noteAnswer(message: Message<AnswerBody>, questionId: string, value: Json, saying: Saying, now: number): boolean {
    const former = this.answers()[questionId];
    if (former !== undefined && sameValue(former, value)) {
      const bytes = sizeOfSaying(saying);
      if (!this.logSize.fits(bytes)) return false;
      const entry = noteAgain(this.state, questionId, saying);
      this.logSize.add(bytes);
      if (entry !== null) this.messages.noteAnswer(message, entry.sequence);
      this.state.revision += 1;
      return true;
    }
    const entry = nextEntry(this.state, questionId, value, saying, now);
    if (!this.logSize.fits(entry)) return false;
    appendAnswer(this.rules, this.state, entry);
    this.logSize.add(entry);
    this.messages.noteAnswer(message, entry.sequence);
    this.record(former === undefined ? 'question_answered' : 'answer_amended', now, questionId);
    this.answersChanged(former !== undefined, now);
    this.state.revision += 1;
    return true;
  }

  /** The state that follows from other answers than before. */
  private answersChanged(backwards: boolean, now: number): void {
    if (this.state.state === 'started') this.move('in_progress', now);
    this.reach('engaged', now);
    if (backwards && (this.state.state === 'generating' || this.state.state === 'awaiting_approval')) this.move('in_progress', now);
    if (openQuestions(this.rules, this.state).length === 0) this.requestProposal(now);
    this.changed();
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
    this.record('answer_refused', now, question.id, { code: mistake.code });
    return { kind: 'refused', question_id: question.id, mistake };
  }

  // ---- uploads -----------------------------------------------------------------------------------------------------

  /** A session that has ended takes no upload; one that is told again is no news, and no mistake. */
  checkUpload(message: Message<UploadNote>): undefined {
    this.checkReader(message.actor);
    if (this.ended) throw this.wrongState('given an upload');
    if (!this.uploads.isNews(message.body)) return;
    if (!this.uploads.hasRoom) {
      throw new MessageRejected('wrong_state', `A session holds at most ${counts.uploads} uploads. Delete one that is not needed.`);
    }
    this.checkRoom('messages');
  }

  /** Somebody sent it, or deleted it. */
  receiveUpload(message: Message<UploadNote>, now: number): void {
    if (this.ended) return;
    if (message.actor.subject === this.state.owner) this.active(now);
    this.noteUpload(message.body, now);
  }

  /** Told by whoever received the upload or looked into it. A file that is gone answers nothing any more. */
  noteUpload(told: UploadNote, now: number): void {
    if (this.ended || !this.uploads.isNews(told)) return;
    const note = this.uploads.note(told);
    if (note === null) return;
    const { upload_id, kind, status, reason } = note;
    const reopened = isGone(note) && !this.decided ? withdrawFile(this.rules, this.state, upload_id) : [];
    this.record('upload', now, reopened[0] ?? '', { upload_id, kind, status, ...(reason === null ? {} : { reason }) });
    if (reopened.length > 0) this.fileIsGone(now);
    else this.changed();
    this.showQuestion(now);
  }

  /** As an amendment would: a proposal that was made of it does not stand, also while a person has taken the session over. */
  private fileIsGone(now: number): void {
    const { state, returns_to: returns } = this.state;
    if (state !== 'escalated') return this.answersChanged(true, now);
    if (returns === 'generating' || returns === 'awaiting_approval') this.state.returns_to = 'in_progress';
    this.changed();
  }

  // ---- cancel, escalate --------------------------------------------------------------------------------------------

  checkCancel(message: Message<CancelBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkReader(message.actor);
    if (this.ended || this.deciding) throw this.wrongState('cancelled');
    this.checkVersion(message);
  }

  cancel(message: Message<CancelBody>, now: number): void {
    if (!this.isNew(message.id)) return;
    this.active(now);
    this.end('cancelled', message.body.reason ?? 'cancelled by a person', now);
    this.remember(message, null);
  }

  /**
   * Asked for in Temporal itself, where nobody can be refused. A changeset that is being written is not cut in two: the session is
   * cancelled as soon as that has ended, unless it is completed by it.
   */
  cancelByOperator(now: number): void {
    if (this.ended || this.state.cancel_asked_at !== null) return;
    this.state.cancel_asked_at = now;
    this.record('session_cancel_requested', now, '', { actor: webUiActor });
    this.endIfCancelled(now);
  }

  private endIfCancelled(now: number): void {
    if (this.state.cancel_asked_at !== null && !this.ended && !this.deciding) this.end('cancelled', cancelledByOperator, now);
  }

  checkEscalate(message: Message<EscalateBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkReader(message.actor);
    if (this.ended || this.deciding || this.state.state === 'escalated') throw this.wrongState('escalated');
    this.checkVersion(message);
    this.checkRoom('messages');
  }

  /** A person takes over. `resume` returns the session to where it was. */
  escalate(message: Message<EscalateBody>, now: number): void {
    if (!this.isNew(message.id)) return;
    this.active(now);
    this.takeOver(message.body.urgency, now);
    this.remember(message, null);
  }

  private takeOver(urgency: string, now: number): void {
    this.state.returns_to = this.state.state;
    this.record('session_escalated', now, '', { urgency });
    this.move('escalated', now);
    this.showQuestion(now);
  }

  // ---- decisions -----------------------------------------------------------------------------------------------------

  checkDecision(message: Message<DecisionBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkApprover(message.actor);
    if (this.state.state !== 'awaiting_approval' || this.decided) throw this.wrongState('decided on');
    this.checkVersion(message);
    const { approved_items: approved, rejected_items: rejected } = message.body;
    if (approved.length + rejected.length === 0 && (this.state.proposal?.recommendations.length ?? 0) > 0) {
      throw new MessageRejected('invalid_request', 'The decision names no item.', [nothingDecided]);
    }
    checkDependencies(this.draft(message.body), message.body);
  }

  /** A decision is recorded here and carried out by the main loop; `decisionOutcome` tells how it ended. */
  decide(message: Message<DecisionBody>, ids: { readonly changeset: string; readonly approval: string }, now: number): void {
    if (!this.isNew(message.id)) return;
    const { changes, statuses, risk_score, rejects_all, needs_second_approver: second } = this.draft(message.body);
    this.state.decision = {
      changeset_id: ids.changeset, approval_id: second ? ids.approval : null, decided_by: message.actor.subject,
      decided_by_person: personOf(message.actor), decided_at: now, second_by: null,
      changes, statuses, reasons: message.body.reasons, risk_score, rejects_all, status: second ? 'recording' : 'applying',
    };
    this.active(now);
    this.remember(message, { kind: 'decision', changeset_id: ids.changeset });
    const rejected = Object.values(statuses).filter((status) => status === 'rejected').length;
    this.record('decision_taken', now, '', { changeset_id: ids.changeset, approved: String(changes.length), rejected: String(rejected) });
    this.reach('approval_decision', now);
    this.changed();
  }

  checkApproval(message: Message<ApprovalBody>): undefined {
    if (!this.isNew(message.id)) return;
    const decision = this.pendingApproval(message.body.approval_id);
    this.checkApprover(message.actor);
    if (isPerson(message.actor, decision.decided_by, decision.decided_by_person)) {
      throw new MessageRejected('same_person', 'The second approver is another person than the first.');
    }
    if (this.state.state !== 'awaiting_approval' || decision.status !== 'pending_second_approval') throw this.wrongState('approved');
    this.checkVersion(message);
  }

  /** The second approver's word. An escalated approval waits for a person, who may still decide after the return. */
  approve(message: Message<ApprovalBody>, now: number): void {
    if (!this.isNew(message.id)) return;
    const decision = this.pendingApproval(message.body.approval_id);
    this.active(now);
    this.remember(message, { kind: 'decision', changeset_id: decision.changeset_id });
    this.record('approval_given', now, '', { changeset_id: decision.changeset_id, decision: message.body.decision });
    if (message.body.decision === 'escalate') {
      this.takeOver('high', now);
      return;
    }
    const rejects = message.body.decision === 'reject';
    this.state.decision = {
      ...decision, second_by: message.actor.subject, second_by_person: personOf(message.actor), status: 'applying',
      rejects_all: decision.rejects_all || rejects,
    };
    this.changed();
  }

  /** Of the decision that this message spoke of: one that a later decision has followed was stale. null: the one that stands. */
  decisionOutcome(messageId: string | null = null): DecisionOutcome {
    const { decision } = this.state;
    if (decision === null) throw new MessageRejected('wrong_state', 'No decision was taken on this session.');
    const own = messageId === null ? undefined : this.seen(messageId)?.outcome;
    if (own?.kind === 'decision' && own.changeset_id !== decision.changeset_id) {
      return { kind: 'decided', changeset_id: own.changeset_id, approval_id: null, status: 'stale', changes: [], risk_score: 0 };
    }
    return {
      kind: 'decided', changeset_id: decision.changeset_id, approval_id: decision.approval_id, status: decision.status,
      changes: decision.changes,
      risk_score: decision.risk_score,
      missing_dependencies: missingDependencies(
        this.state.proposal?.recommendations ?? [], new Set(decision.changes.map((change) => change.recommendation_id)),
      ),
    };
  }

  /** What a decision would do, for a dry run. Throws as checkDecision does. */
  previewDecision(actor: Actor, body: DecisionBody, ifMatch: readonly number[] | null): DecisionDraft {
    this.checkApprover(actor);
    if (this.state.state !== 'awaiting_approval' || this.decided) throw this.wrongState('decided on');
    this.checkVersion({ if_match: ifMatch });
    const draft = this.draft(body);
    checkDependencies(draft, body);
    return draft;
  }

  private draft(body: DecisionBody): DecisionDraft {
    const { proposal } = this.state;
    if (proposal === null) throw this.wrongState('decided on');
    if (body.proposal_hash !== null && body.proposal_hash !== proposal.hash) {
      throw new MessageRejected(
        'stale_proposal', 'The proposal has changed since it was shown. Read it again and decide on what it says now.',
      );
    }
    const result = draftDecision(proposal.recommendations, body);
    if ('draft' in result) return result.draft;
    throw new MessageRejected('invalid_request', 'The decision names items or values that this proposal does not allow.', result.mistakes);
  }

  private pendingApproval(approvalId: string): Decision {
    const { decision } = this.state;
    if (decision?.approval_id !== approvalId) throw new MessageRejected('not_found', 'There is no such approval.');
    return decision;
  }

  // ---- checkpoints, resume, what the client saw ----------------------------------------------------------------------

  checkCheckpoint(message: Message<CheckpointBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkOwner(message.actor);
    if (this.ended) throw this.wrongState('saved');
    this.checkVersion(message);
    const { ui_state: uiState } = message.body;
    if (uiState !== undefined && jsonBytes(uiState) > bounds.ui_state) throw uiStateTooLarge();
    this.checkRoom('recordings');
    if (uiState !== undefined) this.checkUiStateRoom(uiState);
  }

  saveCheckpoint(message: Message<CheckpointBody>, now: number): CheckpointOutcome {
    const before = this.seen(message.id);
    if (before === undefined) {
      this.active(now);
      if (message.body.ui_state !== undefined) this.state.ui_state = message.body.ui_state;
      const made = this.checkpoint('manual', now, { label: message.body.label, force: message.body.force });
      // another device has not seen what was saved here
      if (made !== null) this.changed();
      this.remember(message, { kind: 'checkpoint', version: made?.version ?? 0 });
    }
    const noted = this.seen(message.id)?.outcome;
    const version = noted?.kind === 'checkpoint' ? noted.version : 0;
    const checkpoint = this.state.checkpoints.find((checkpoint) => checkpoint.version === version) ?? null;
    return { kind: 'checkpoint', version: this.state.checkpoint_version, checkpoint };
  }

  checkResume(message: Message<ResumeBody>): undefined {
    if (!this.isNew(message.id)) return;
    // the person who took an escalated session over returns it, as its owner may
    if (this.state.state === 'escalated') this.checkReader(message.actor);
    else this.checkOwner(message.actor);
    if (this.ended || this.deciding) throw this.wrongState('resumed');
    this.checkVersion(message);
    this.checkRoom('messages');
    const { version, current } = message.body;
    if (version === null) return;
    if (this.decided) throw this.wrongState('taken back to an earlier checkpoint');
    // of one whose UI state is no longer kept here the archive has it
    if (current === null && this.keptWhole(version) === null) {
      throw new MessageRejected('checkpoint_not_found', 'This session has no checkpoint of this version.');
    }
  }

  /** Goes on where the session stands, or at an earlier checkpoint: later answers become superseded, none is deleted. */
  resume(message: Message<ResumeBody>, now: number): ResumeOutcome {
    if (this.isNew(message.id)) {
      this.active(now);
      if (this.state.state === 'escalated') this.move(this.state.returns_to ?? 'in_progress', now);
      this.state.returns_to = null;
      if (message.body.version !== null) this.goBack(message.body.version, message.body, now);
      this.record('session_resumed', now);
      this.showQuestion(now);
      this.checkpoint('auto', now);
      this.remember(message, null);
    }
    const { version } = message.body;
    const { checkpoints } = this.state;
    const of = version === null ? checkpoints.at(-1) : checkpoints.find((checkpoint) => checkpoint.version === version);
    const answers = this.answers();
    return {
      kind: 'resumed', answers: jsonBytes(answers) <= bounds.resumed ? answers : null, ui_state: this.state.ui_state,
      checkpoint_version: version ?? this.state.checkpoint_version,
      checkpoint_created_at: of?.created_at ?? this.state.created_at,
    };
  }

  /** A checkpoint with its UI state, as far as both are kept here: the newest UI states are, and the hash tells which. */
  private keptWhole(version: number): { readonly checkpoint: Checkpoint; readonly uiState: Json } | null {
    const checkpoint = this.state.checkpoints.find((each) => each.version === version);
    if (checkpoint === undefined) return null;
    const counted = new Set(checkpoint.current);
    const answers = Object.fromEntries(
      this.state.answers.filter(({ sequence }) => counted.has(sequence)).map((entry) => [entry.question_id, entry.value]),
    );
    const uiState = uiStateAt(this.state, version);
    return hashOf({ answers, ui_state: uiState }) === checkpoint.hash ? { checkpoint, uiState } : null;
  }

  private goBack(version: number, body: ResumeBody, now: number): void {
    const question = this.currentQuestion();
    const kept = body.current === null ? this.keptWhole(version) : null;
    this.state.ui_state = kept?.uiState ?? body.ui_state ?? null;
    if (!restoreSequences(this.state, kept?.checkpoint.current ?? body.current ?? currentSequences(this.state))) return;
    // files that have gone since stay away
    for (const note of this.state.uploads) if (isGone(note)) withdrawFile(this.rules, this.state, note.upload_id);
    this.record('answers_restored', now, '', { version: String(version) });
    this.answersChanged(true, now);
    this.askNext(question);
  }

  checkClientEvent(message: Message<ClientEventBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkOwner(message.actor);
    if (this.ended) throw this.wrongState('added to');
    this.checkVersion(message);
    const { occurred_at: at } = message.body;
    if (at !== null && at < this.state.created_at) {
      throw new MessageRejected('invalid_request', 'occurred_at lies before the session.', [{
        pointer: '/occurred_at', code: 'outside_session', message: 'occurred_at lies before the session was created.',
        fix: 'Send the time at which the client saw it.',
      }]);
    }
    this.checkRoom('recordings', jsonBytes(message.body));
  }

  addClientEvent(message: Message<ClientEventBody>, now: number): void {
    if (!this.isNew(message.id)) return;
    this.active(now);
    const { event, properties, occurred_at: at } = message.body;
    this.note(event, Math.min(at ?? now, now), '', { ...properties, origin: 'client' });
    this.remember(message, null);
  }

  // ---- what the main loop brings back ----------------------------------------------------------------------------------

  /** A proposal for a request that an amendment has overtaken is dropped. */
  receiveProposal(number: number, proposed: Proposed, now: number): void {
    if (this.state.state !== 'generating' || number !== this.state.proposal_requests) return;
    const { recommendations, confidence } = proposed;
    // what the rules say in the model's place is for people to look at
    const decision = this.state.rules_propose === number ? 'needs_review' : proposed.decision;
    this.state.proposal = {
      number, recommendations, confidence, decision: decision === 'escalate' ? 'needs_review' : decision,
      hash: hashOf(recommendations as unknown as Json), proposed_at: now,
    };
    this.move('awaiting_approval', now);
    this.reach('recommendations_generated', now);
    // too uncertain for an approver alone: a person looks first, and returns it
    if (decision === 'escalate') this.takeOver('medium', now);
  }

  receiveChangeset(changesetId: string, result: ChangesetResult, now: number): void {
    const { decision } = this.state;
    if (decision?.changeset_id !== changesetId || !this.deciding) return;
    this.state.decision = { ...decision, status: result };
    this.record(`changeset_${result}`, now, '', { changeset_id: changesetId });
    if (result === 'applied') {
      this.end('completed', 'applied', now);
      this.reach('completed', now);
    } else if (result === 'rejected') {
      this.end('cancelled', 'the proposal was rejected', now);
    } else if (result === 'stale') {
      // a target changed since the proposal was made: nothing was applied, people decide anew on fresh before-images
      this.requestProposal(now);
    } else {
      this.changed();
    }
    this.endIfCancelled(now);
  }

  // ---- steps whose task is parked --------------------------------------------------------------------------------------

  /** The step of the work at hand has failed for now: an operator has its task. */
  park(parked: ParkedStep, now: number): void {
    this.state.parked = parked;
    this.record('task_parked', now, '', { task_id: parked.task_id, step: parked.step.kind, category: parked.category });
    this.changed();
  }

  /** A parked step that is overtaken: the session has ended, its answers were amended, or it has waited long enough. */
  overtaken(now: number): ParkedStep | null {
    const { parked } = this.state;
    return parked !== null && (!this.wants(parked) || (parked.fallback_at !== null && parked.fallback_at <= now)) ? parked : null;
  }

  /** Its task is told so by the caller. Where the proposal is still wanted the rules make it. */
  giveUp(parked: ParkedStep, now: number): void {
    if (this.state.parked?.task_id !== parked.task_id) return;
    if (this.wants(parked) && parked.step.kind === 'propose') this.state.rules_propose = parked.step.number;
    this.unpark('superseded', now);
  }

  /** What became of a parked task. One that this session does not wait for is ignored. */
  receiveTask(taskId: string, outcome: TaskOutcome, now: number): void {
    const { parked } = this.state;
    if (parked?.task_id !== taskId) return;
    const { step } = parked;
    if (outcome.kind === 'completed' && !isResultOf(step, outcome.output)) return;
    const wanted = this.wants(parked);
    this.unpark(outcome.kind, now);
    if (!wanted) return;
    if (outcome.kind === 'completed') this.receiveResult(step, outcome.output, now);
    else if (step.kind === 'propose' && step.provider === 'model') this.state.rules_propose = step.number;
    else if (step.kind === 'write_changeset') this.rollBack();
    else this.end(
      'error', step.kind === 'propose' ? 'the proposal was discarded by an operator' : 'the changeset was discarded by an operator', now,
    );
  }

  private receiveResult(step: ParkedStep['step'], output: Json, now: number): void {
    if (step.kind === 'propose') this.receiveProposal(step.number, output as unknown as Proposed, now);
    else if (step.kind === 'write_changeset') this.receiveChangeset(
      step.changeset_id, (output as unknown as { status: ChangesetResult }).status, now,
    );
    else this.receiveRollback(step.changeset_id, (output as unknown as { status: RollbackOutcome }).status, now);
  }

  /** What was applied of the changeset is undone first. */
  private rollBack(): void {
    if (this.state.decision === null) return;
    this.state.decision = { ...this.state.decision, status: 'rolling_back' };
    this.changed();
  }

  /** One that turns out to have been applied stays so. */
  receiveRollback(changesetId: string, result: RollbackOutcome, now: number): void {
    if (result === 'applied') {
      this.receiveChangeset(changesetId, 'applied', now);
    } else if (this.deciding && this.state.decision?.changeset_id === changesetId) {
      this.record('changeset_discarded', now, '', { changeset_id: changesetId });
      if (this.state.cancel_asked_at === null) this.end('error', 'the changeset was discarded by an operator', now);
      else this.end('cancelled', cancelledByOperator, now);
    }
  }

  private unpark(how: 'completed' | 'discarded' | 'superseded', now: number): void {
    this.record(`task_${how}`, now, '', { task_id: this.state.parked?.task_id ?? '' });
    this.state.parked = null;
    this.changed();
  }

  private wants({ step }: ParkedStep): boolean {
    const { state, returns_to: returns, proposal_requests: number, decision } = this.state;
    if (step.kind !== 'propose') return !this.ended && this.deciding && decision?.changeset_id === step.changeset_id;
    return step.number === number && (state === 'generating' || (state === 'escalated' && returns === 'generating'));
  }

  /** Marks the session abandoned or cancels it when its time is over. Returns when to look again, or null. */
  checkIdle(now: number, abandonedAfterMs: number, cancelAfterMs: number): number | null {
    const { state } = this;
    if (this.ended) return null;
    const idle = now - state.last_activity_at;
    if (idle >= cancelAfterMs && !this.deciding) {
      this.end('cancelled', 'idle for too long', now);
      return null;
    }
    if (idle >= abandonedAfterMs && state.abandoned_at === null) {
      state.abandoned_at = now;
      this.record('session_abandoned', now);
    }
    const next = state.abandoned_at === null ? abandonedAfterMs : cancelAfterMs;
    return Math.max(state.last_activity_at + next, now + 1_000);
  }
}

function checkDependencies({ missing_dependencies: missing }: DecisionDraft, body: DecisionBody): void {
  if (missing.length === 0 || body.accept_missing_dependencies === true) return;
  throw new MessageRejected(
    'dependency_rejected', missing.map(({ message }) => message).slice(0, 5).join(' '), dependencyMistakes(missing, body),
  );
}

function sameQuestion(one: QuestionThen | null, other: QuestionThen | null): boolean {
  return one?.question_id === other?.question_id && one?.entries === other?.entries;
}

const cancelledByOperator = `cancelled by ${webUiActor}`;

const notUnderstood: Mistake = {
  pointer: '/text', code: 'not_understood', message: 'The text does not answer the question.',
  fix: 'Answer in a few plain words, or choose one of the options.',
};

const sessionFull: Mistake = {
  pointer: '/value', code: 'session_full', message: `This session holds as many answers as it can (${stateParts.answers / 1_024} KB).`,
  fix: 'Go on with what was answered, or cancel this session and start another.',
};

function uiStateTooLarge(): MessageRejected {
  return new MessageRejected('invalid_request', 'The UI state is too large.', [{
    pointer: '/ui_state', code: 'too_large', message: `ui_state has at most ${bounds.ui_state} bytes of JSON.`, fix: 'Shorten it.',
  }]);
}

const nothingDecided: Mistake = {
  pointer: '/approved_items', code: 'nothing_decided', message: 'Neither approved_items nor rejected_items names an item.',
  fix: 'Name at least one recommendation_id.',
};
