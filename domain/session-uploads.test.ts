/** What a session knows of its uploads: what answers a file question, and what a file that is gone leaves behind. */
import { describe, expect, test } from '@jest/globals';
import { bounds, counts, stateParts } from './bounds.ts';
import { parseExpression } from './expression.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import { jsonBytes, type Json } from './json.ts';
import type { Actor, AnswerBody, AnswerOutcome, DecisionBody, Message } from './message.ts';
import { isUploadNote } from './message-shape.ts';
import { OnboardingSession } from './session.ts';
import type { UploadNote } from './upload.ts';
import { codeOf } from '../test/support/rejection.ts';

const question = (id: string, type: QuestionRule['type'], extra: Partial<QuestionRule> = {}): QuestionRule => ({
  id, type, required: true, pii: false, when: null, options: [], min: null, max: null, pattern: null, ...extra,
});
const when = (text: string): QuestionRule['when'] => parseExpression(text).expression;
const rules: FlowRules = {
  id: 'survey', version: 1,
  questions: [
    question('damaged', 'boolean'), question('photo', 'file', { when: when('damaged == true') }),
    question('caption', 'text', { when: when('photo != null') }), question('plan', 'file', { required: false }),
  ],
};
const ana: Actor = { tenant: 'acme', subject: 'ana', roles: ['user'] };
const ben: Actor = { tenant: 'acme', subject: 'ben', roles: ['approver'] };
const dee: Actor = { tenant: 'acme', subject: 'dee', roles: ['admin'] };
const start = {
  session_id: '6f9f0c5e-0000-4000-8000-000000000001', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time',
  correlation_id: 'c', client_context: {},
} as const;
let sent = 0;
const message = <Body>(body: Body, actor = ana): Message<Body> => ({
  id: `m${sent += 1}`, fingerprint: JSON.stringify(body), actor, correlation_id: 'c', if_match: null, body,
});
const uuid = (at: number): string => `6f9f0c5e-0000-4000-8000-${String(at).padStart(12, '0')}`;
const note = (at: number, status: UploadNote['status'], more: Partial<UploadNote> = {}): UploadNote => ({
  upload_id: uuid(at), object_id: uuid(1_000 + at), kind: 'photo', status, reason: null, ...more,
});
const rejected = (at: number): UploadNote => note(at, 'rejected', { reason: 'infected' });
const answer = (session: OnboardingSession, question_id: string, value: Json): AnswerOutcome => {
  const answering: Message<AnswerBody> = message({ question_id, value });
  session.checkAnswer(answering);
  return session.answer(answering, null, 2_000).outcome;
};
const events = (session: OnboardingSession) => session.state.recent.filter(({ event }) => event === 'upload');
const current = (session: OnboardingSession): string | null => session.view().question?.id ?? null;

/** Everything answered with upload 1 as the photo, and a proposal made of it. */
function surveyed(): OnboardingSession {
  const session = OnboardingSession.open(rules, start, 1_000);
  session.noteUpload(note(1, 'quarantined'), 1_000);
  answer(session, 'damaged', true);
  answer(session, 'photo', uuid(1));
  answer(session, 'caption', 'the roof');
  answer(session, 'plan', null);
  session.receiveProposal(session.state.proposal_requests, { recommendations: [], confidence: 0.9, decision: 'ready' }, 3_000);
  expect(session.state.state).toBe('awaiting_approval');
  return session;
}

describe('a file question', () => {
  test('takes an upload of this session that is quarantined or clean, and says what is wrong with any other', () => {
    const session = OnboardingSession.open(rules, start, 1_000);
    answer(session, 'damaged', true);
    session.noteUpload(note(1, 'quarantined'), 1_000);
    session.noteUpload(note(2, 'quarantined'), 1_000);
    session.noteUpload(rejected(2), 1_000);
    session.noteUpload(note(3, 'quarantined'), 1_000);
    session.noteUpload(note(3, 'deleted'), 1_000);
    const wrong = [[9, 'unknown_upload'], [2, 'upload_rejected'], [3, 'upload_deleted']] as const;
    for (const [at, code] of wrong) {
      expect(answer(session, 'photo', uuid(at))).toMatchObject({
        kind: 'refused', question_id: 'photo', mistake: { pointer: '/value', code },
      });
    }
    expect(answer(session, 'photo', uuid(2))).toMatchObject({ mistake: { message: 'This file was not taken: infected.' } });
    expect(session.state.refusals).toBe(4);
    expect(answer(session, 'photo', uuid(1).toUpperCase())).toMatchObject({ kind: 'accepted', accepted: [{ value: uuid(1) }] });
    session.noteUpload(note(4, 'clean'), 1_000);
    expect(answer(session, 'photo', uuid(4))).toMatchObject({ kind: 'accepted' });
  });

  test('whose file is rejected later is open again with the reason, and asks for another; nothing of it is offered', () => {
    const session = surveyed();
    session.noteUpload(rejected(1), 4_000);
    expect(events(session).at(-1)).toMatchObject({
      event: 'upload', question_id: 'photo', properties: { upload_id: uuid(1), kind: 'photo', status: 'rejected', reason: 'infected' },
    });
    expect(session.view()).toMatchObject({ state: 'in_progress' });
    expect(session.view().question).toEqual({ id: 'photo', lost: 'rejected' });
    // nothing that was said is deleted
    expect(session.state.answers.map(({ question_id: id, superseded }) => [id, superseded])).toEqual([
      ['damaged', false], ['photo', true], ['caption', true], ['plan', false],
    ]);
    session.noteUpload(note(2, 'quarantined'), 5_000);
    answer(session, 'photo', uuid(2));
    // what hung on it is asked again with what it was
    expect(session.view().question).toEqual({ id: 'caption', suggested: 'the roof' });
    answer(session, 'caption', 'the roof');
    expect(session.state).toMatchObject({ state: 'generating', proposal_requests: 2 });
  });

  test('whose file is deleted is open again as well; a file that answers nothing changes nothing but the event', () => {
    const session = surveyed();
    session.noteUpload(note(2, 'quarantined'), 4_000);
    session.noteUpload(rejected(2), 4_000);
    expect(session.state.state).toBe('awaiting_approval');
    expect(events(session).at(-1)).toMatchObject({ question_id: '', properties: { status: 'rejected' } });
    session.noteUpload(note(1, 'deleted'), 4_000);
    expect(current(session)).toBe('photo');
  });

  test('is not opened again after a decision, and none of it is lost when the session ends', () => {
    const session = surveyed();
    const deciding: Message<DecisionBody> = message({
      approved_items: [], rejected_items: [], reasons: {}, modifications: {}, proposal_hash: null,
    }, ben);
    session.checkDecision(deciding);
    session.decide(deciding, { changeset: 'cs', approval: 'ap' }, 4_000);
    session.noteUpload(rejected(1), 5_000);
    expect(events(session).at(-1)).toMatchObject({ question_id: '', properties: { status: 'rejected' } });
    expect(session.answers()).toMatchObject({ photo: uuid(1) });
    session.receiveChangeset('cs', 'applied', 6_000);
    const before = JSON.stringify(session.state);
    session.noteUpload(note(7, 'clean'), 7_000);
    expect(JSON.stringify(session.state)).toBe(before);
    expect(codeOf(() => session.checkUpload(message(note(8, 'quarantined'))))).toBe('wrong_state');
  });

  test('is opened again while a person has taken the session over, and its proposal does not stand after the return', () => {
    const session = surveyed();
    session.escalate(message({ reason: 'a call', urgency: 'low' as const }), 4_000);
    session.noteUpload(rejected(1), 5_000);
    expect(session.state).toMatchObject({ state: 'escalated', returns_to: 'in_progress' });
    session.resume(message({ version: null, current: null }), 6_000);
    expect(session.view()).toMatchObject({ state: 'in_progress', question: { id: 'photo' } });
  });

  test('a checkpoint from before a file was rejected does not bring it back', () => {
    const session = surveyed();
    const saved = session.saveCheckpoint(message({ ui_state: undefined, label: null, force: true }), 3_000).version;
    session.noteUpload(rejected(1), 4_000);
    session.resume(message({ version: saved, current: null }), 5_000);
    expect(session.answers()).toEqual({ damaged: true, plan: null });
    expect(current(session)).toBe('photo');
  });

  test('a text that reads like the id of a rejected upload stands', () => {
    const session = surveyed();
    answer(session, 'caption', uuid(1));
    session.noteUpload(note(1, 'clean'), 4_000);
    session.noteUpload(note(1, 'deleted'), 4_000);
    expect(session.state.former).toMatchObject({ caption: expect.any(Number) });
  });
});

describe('what a session is told of an upload', () => {
  test('counts once, and a word that comes late or of a former try never goes back behind a later one', () => {
    const session = OnboardingSession.open(rules, start, 1_000);
    const tell = (told: UploadNote): number => {
      session.noteUpload(told, 1_000);
      return events(session).length;
    };
    expect([tell(note(1, 'quarantined')), tell(note(1, 'quarantined'))]).toEqual([1, 1]);
    const delayed = note(1, 'quarantined', { reason: 'delayed' });
    expect([tell(delayed), tell(delayed), tell(note(1, 'quarantined'))]).toEqual([2, 2, 2]);
    expect([tell(note(1, 'clean')), tell(note(1, 'quarantined')), tell(note(1, 'rejected')), tell(note(1, 'clean'))]).toEqual([3, 3, 3, 3]);
    expect(tell(note(1, 'deleted'))).toBe(4);
    // sent again under its id: another file
    const again = { object_id: uuid(2_000) };
    expect([tell(note(1, 'quarantined', again)), tell(note(1, 'rejected'))]).toEqual([5, 5]);
    expect([tell(note(1, 'clean', again)), session.state.uploads]).toEqual([6, [note(1, 'clean', again)]]);
    // its verdict may be the first that is heard of it
    expect(tell(note(2, 'rejected'))).toBe(7);
  });

  test('may come from the owner and from an admin; for anybody else there is no such session', () => {
    const session = OnboardingSession.open(rules, start, 1_000);
    const from = (actor: Actor): string => codeOf(() => session.checkUpload(message(note(1, 'deleted'), actor)));
    expect([from(ana), from(dee), from(ben), from({ ...dee, tenant: 'other' })]).toEqual(['allowed', 'allowed', 'not_found', 'not_found']);
  });

  test('is a sign of life where it comes from its owner, and none where it is a verdict', () => {
    const session = OnboardingSession.open(rules, start, 1_000);
    session.receiveUpload(message(note(1, 'quarantined')), 5_000);
    session.noteUpload(note(1, 'clean'), 6_000);
    session.receiveUpload(message(note(1, 'deleted'), dee), 7_000);
    expect([session.state.last_activity_at, events(session).length]).toEqual([5_000, 3]);
  });

  test(`is kept of ${counts.uploads} uploads within its bytes; those that are gone make room, and one more is refused`, () => {
    const session = OnboardingSession.open(rules, start, 1_000);
    const long = { kind: 'document', reason: '\u0939'.repeat(500) } as const;
    for (let at = 1; at <= counts.uploads; at += 1) {
      const told = note(at, 'quarantined', { kind: 'document' });
      expect(codeOf(() => session.checkUpload(message(told)))).toBe('allowed');
      session.noteUpload(told, 1_000);
    }
    expect(codeOf(() => session.checkUpload(message(note(999, 'quarantined'))))).toBe('wrong_state');
    session.noteUpload(note(999, 'clean'), 1_000);
    expect(session.state.uploads.length).toBe(counts.uploads);
    for (let at = 1; at <= counts.uploads; at += 1) session.noteUpload(note(at, 'rejected', long), 1_000);
    expect(jsonBytes(session.state.uploads)).toBeLessThanOrEqual(stateParts.uploads);
    expect(jsonBytes(session.state)).toBeLessThanOrEqual(bounds.state);
    session.saved(session.state.event_sequence, session.state.checkpoint_version);
    expect(codeOf(() => session.checkUpload(message(note(999, 'quarantined'))))).toBe('allowed');
    session.noteUpload(note(999, 'quarantined'), 1_000);
    expect(session.state.uploads.map(({ upload_id: id }) => id).slice(-1)).toEqual([uuid(999)]);
    expect(session.state.uploads.length).toBe(counts.uploads);
    expect(OnboardingSession.restore(rules, session.state).state).toEqual(session.state);
  });

  test('has the shape of it, else it is nothing', () => {
    expect(isUploadNote(note(1, 'clean'))).toBe(true);
    const wrong: unknown[] = [
      null, 'x', {}, { ...note(1, 'clean'), upload_id: 'x'.repeat(1_000) }, { ...note(1, 'clean'), status: 'receiving' },
      { ...note(1, 'clean'), kind: 'film' }, { ...note(1, 'clean'), reason: 7 }, { ...note(1, 'clean'), object_id: undefined },
    ];
    expect(wrong.filter(isUploadNote)).toEqual([]);
  });
});
