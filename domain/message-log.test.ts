/** Repeats: whatever was said since, in whichever run, each gets the answer of the first and changes nothing. */
import { expect, test } from '@jest/globals';
import { bounds, stateParts } from './bounds.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import { jsonBytes, type Json } from './json.ts';
import type { Actor, AnswerBody, Message } from './message.ts';
import { OnboardingSession } from './session.ts';
import type { StoredState } from './session-upgrade.ts';

const question = (id: string): QuestionRule => ({
  id, type: 'number', required: true, pii: false, when: null, options: [], min: 1, max: 100_000, pattern: null,
});
const rules: FlowRules = { id: 'test', version: 1, questions: [question('expected_users'), question('floors')] };
const ana: Actor = { tenant: 'acme', subject: 'ana', roles: ['user'] };
const start = {
  session_id: '6f9f0c5e-0000-4000-8000-000000000001', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time',
  correlation_id: 'c', client_context: {},
} as const;
const message = (id: string, value: Json): Message<AnswerBody> => ({
  id, fingerprint: String(JSON.stringify(value)).padEnd(16, '.'), actor: ana, correlation_id: 'c', if_match: null,
  body: { question_id: 'expected_users', value },
});
const store = (session: OnboardingSession): void => { while (session.hasUnsaved) session.saved(Infinity, Infinity); };
const say = (session: OnboardingSession, sent: Message<AnswerBody>) => {
  store(session);
  session.checkAnswer(sent);
  return session.answer(sent, null, 1_790_000_000_000);
};

test('of 2,400 amendments, with refusals and unchanged ones between them, every repeat gets the first answer and none counts twice, also ' +
  'after a restore', () => {
  const session = OnboardingSession.open(rules, start, 0);
  const sent = Array.from({ length: 2_400 }, (_, at) => message(`m${at}`, at % 40 === 7 ? 'no number' : 1 + Math.floor(at / 2)));
  const first = sent.map((each) => say(session, each));
  expect(new Set(first.map(({ outcome }) => outcome.kind))).toEqual(new Set(['accepted', 'refused']));
  const carried = JSON.parse(JSON.stringify(session.state));
  for (const again of [session, OnboardingSession.restore(rules, carried)]) {
    store(again);
    const before = JSON.stringify(again.state);
    expect(sent.map((each) => say(again, each))).toEqual(first);
    expect(JSON.stringify(again.state)).toBe(before);
  }
});

test('another body under a used id is told by the fingerprint of the first, however long ago that was', () => {
  const session = OnboardingSession.open(rules, start, 0);
  const first = message('m', 5);
  say(session, first);
  for (let at = 0; at < 1_000; at += 1) say(session, message(`n${at}`, 10 + at));
  const other = OnboardingSession.restore(rules, session.state).answer(message('m', 6), null, 1);
  expect(other.fingerprint).toBe(first.fingerprint);
});

test('a log that is full refuses the next answer, and still knows every message that it took', () => {
  const session = OnboardingSession.open(rules, start, 0);
  const sent: Message<AnswerBody>[] = [];
  for (;;) {
    const next = message(`m${sent.length}`, 1 + sent.length % 90_000);
    const { outcome } = say(session, next);
    if (outcome.kind === 'refused') {
      expect(outcome.mistake).toMatchObject({ code: 'session_full', message: expect.stringContaining('512 KB') });
      break;
    }
    sent.push(next);
  }
  expect(sent.length).toBeGreaterThan(2_400);
  expect(jsonBytes(session.state.answers)).toBeLessThanOrEqual(stateParts.answers);
  const length = session.state.answers.length;
  for (const each of sent) expect(say(session, each).outcome.kind).toBe('accepted');
  expect(session.state.answers).toHaveLength(length);
  // the same value once more would have to be noted too
  expect(say(session, message('again', 1 + (sent.length - 1) % 90_000)).outcome.kind).toBe(
    jsonBytes(session.state.answers) > stateParts.answers - 40 ? 'refused' : 'accepted',
  );
});

test('a state of the first form is read: its messages are known, former values are offered, and more than a flush takes goes in parts', () => {
  const made = OnboardingSession.open(rules, start, 0);
  say(made, message('old', 5));
  store(made);
  const { former: _, seen: __, ...kept } = JSON.parse(JSON.stringify(made.state));
  const [entry] = kept.answers;
  delete entry.messages;
  const events = Array.from({ length: 996 }, (_, at) => ({
    sequence: at + 1, at: 1, event: 'opened help', question_id: '', properties: { page: 'y'.repeat(2_000) },
  }));
  const first = {
    ...kept, format: 1, former: { expected_users: 5 }, answers: [{ ...entry, superseded: true }], unsaved: { events, checkpoints: [] },
    recent: events.slice(-50), event_sequence: 996,
    seen: [
      ['old', { fingerprint: 'f-old', outcome: { kind: 'accepted', accepted: [{ question_id: 'expected_users', value: 5 }] } }],
      [
        'bad',
        {
          fingerprint: 'f-bad',
          outcome: {
            kind: 'refused', question_id: 'expected_users', mistake: { pointer: '/value', code: 'wrong_type', message: 'm', fix: 'f' },
          },
        },
      ],
      ['saved', { fingerprint: '', outcome: { kind: 'done', note: 3 } }],
    ],
  } as StoredState;
  const session = OnboardingSession.restore(rules, first);
  expect(session.view().question).toEqual({ id: 'expected_users', suggested: 5 });
  expect(session.answer(message('old', 5), null, 1)).toEqual({
    fingerprint: 'f-old', outcome: { kind: 'accepted', accepted: [{ question_id: 'expected_users', value: 5 }] },
  });
  expect(session.answer(message('bad', 'x'), null, 1)).toMatchObject({
    fingerprint: 'f-bad', outcome: { kind: 'refused', mistake: { code: 'wrong_type' } },
  });
  expect([session.isNew('saved'), session.isNew('fresh')]).toEqual([false, true]);
  expect(session.fitsNextRun).toBe(false);
  const sequences: number[] = [];
  while (session.hasUnsavedUpTo(996)) {
    const part = session.unsaved();
    expect(jsonBytes(part)).toBeLessThanOrEqual(bounds.flush);
    sequences.push(...part.events.map((event) => event.sequence));
    session.saved(part.events.at(-1)?.sequence ?? 0, 0);
  }
  expect(sequences).toEqual(events.map((event) => event.sequence));
  expect(session.fitsNextRun).toBe(true);
});
