/** Answers in words: what each reading does to a session, and what it leaves alone. */
import { describe, expect, test } from '@jest/globals';
import { bounds } from './bounds.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import type { Actor, AnswerBody, AnswerOutcome, Message } from './message.ts';
import { OnboardingSession } from './session.ts';
import type { Asked, Reading } from './session-state.ts';
import type { StoredState } from './session-upgrade.ts';

const question = (id: string, required = true): QuestionRule => ({
  id, type: 'number', required, pii: false, when: null, options: [], min: 1, max: 1_000, pattern: null,
});
const rules: FlowRules = { id: 'test', version: 1, questions: [question('users'), question('floors', false), question('doors')] };
const ana: Actor = { tenant: 'acme', subject: 'ana', roles: ['user'] };
const start = {
  session_id: '6f9f0c5e-0000-4000-8000-000000000001', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time',
  correlation_id: 'c', client_context: {},
} as const;
let sent = 0;
const message = (body: AnswerBody, id = `m${sent += 1}`): Message<AnswerBody> => ({
  id, fingerprint: JSON.stringify(body).slice(0, 16), actor: ana, correlation_id: 'c', if_match: null, body,
});
const opened = (): OnboardingSession => OnboardingSession.open(rules, start, 0);
const type = (session: OnboardingSession, id: string, value: Json) => session.answer(message({ question_id: id, value }), null, 1).outcome;
const say = (session: OnboardingSession, reading: Reading | null, asked: Asked = session.asked(), id?: string): AnswerOutcome =>
  session.answer(message({ text: 'words' }, id), reading, 1, asked).outcome;
const eventsOf = (session: OnboardingSession): string[] => session.state.recent.map(({ event }) => event);

describe('words without a value', () => {
  test.each<[Reading, string]>([
    [{ question_id: 'users', kind: 'ambiguous', candidates: [5, 50] }, 'question_clarified'],
    [{ question_id: 'users', kind: 'help' }, 'help_given'],
    [{ question_id: 'users', kind: 'cannot_skip' }, 'question_not_skipped'],
  ])('%j change nothing that can be seen and are %s, no refusal; their repeat gets the same, also after a restore', (reading, event) => {
    const session = opened();
    const { revision: _, last_activity_at: __, counters: ___, ...before } = session.view();
    const outcome = say(session, reading, session.asked(), 'once');
    expect(session.view()).toMatchObject(before);
    expect([session.state.refusals, session.state.asked['users'], eventsOf(session).at(-1)]).toEqual([0, 2, event]);
    for (const again of [session, OnboardingSession.restore(rules, session.state)]) {
      const state = JSON.stringify(again.state);
      expect(say(again, null, again.asked(), 'once')).toEqual(outcome);
      expect(JSON.stringify(again.state)).toBe(state);
    }
  });

  test('that are not understood are a refusal, and that say more than can be kept are not understood', () => {
    const session = opened();
    const candidates = Array.from({ length: bounds.offered }, (_, at) => at);
    expect(say(session, null)).toMatchObject({ kind: 'refused', mistake: { code: 'not_understood' } });
    expect(say(session, { question_id: 'users', kind: 'ambiguous', candidates })).toMatchObject({ kind: 'refused' });
    expect([session.state.refusals, session.state.offered]).toEqual([2, null]);
  });
});

describe('what was offered', () => {
  const offer: Reading = { question_id: 'users', kind: 'ambiguous', candidates: [5, 50] };
  const offered = { question_id: 'users', candidates: [5, 50] };

  test('is there for the next words, in the next run as well', () => {
    const session = opened();
    say(session, offer);
    expect(session.asked().offered).toEqual(offered);
    expect(OnboardingSession.restore(rules, session.state).asked().offered).toEqual(offered);
  });

  test.each<[string, (session: OnboardingSession) => unknown]>([
    ['an answer', (session) => type(session, 'users', 7)], ['a refusal', (session) => say(session, null)],
    ['help', (session) => say(session, { question_id: 'users', kind: 'help' })],
  ])('is gone after %s', (_what, next) => {
    const session = opened();
    say(session, offer);
    next(session);
    expect(session.asked().offered).toBeNull();
  });

  test('is unknown in a state from before it was kept', () => {
    const { offered: _, ...before } = JSON.parse(JSON.stringify(opened().state)) as StoredState & { offered: unknown };
    expect(OnboardingSession.restore(rules, before as StoredState).state.offered).toBeNull();
  });
});

describe('words with a value', () => {
  test('of the question that was answered last amend it, and the question that is asked stays', () => {
    const session = opened();
    type(session, 'users', 24);
    expect(say(session, { question_id: 'users', kind: 'value', value: 30 })).toEqual({
      kind: 'accepted', accepted: [{ question_id: 'users', value: 30 }],
    });
    expect([session.answers(), session.currentQuestion()?.id]).toEqual([{ users: 30 }, 'floors']);
  });

  test('do not amend what was amended while they were read', () => {
    const session = opened();
    type(session, 'users', 24);
    const asked = session.asked();
    type(session, 'users', 40);
    expect(say(session, { question_id: 'users', kind: 'value', value: 30 }, asked)).toMatchObject({ kind: 'not_asked', overtaken: true });
    expect(session.answers()).toEqual({ users: 40 });
  });

  test('of what is asked count also when the question before was amended while they were read', () => {
    const session = opened();
    type(session, 'users', 24);
    const asked = session.asked();
    type(session, 'users', 40);
    expect(say(session, { question_id: 'floors', kind: 'value', value: 3 }, asked)).toMatchObject({ kind: 'accepted' });
  });

  test('that were recorded before readings had kinds are values', () => {
    const recorded = { question_id: 'users', value: 24 };
    expect(say(opened(), recorded)).toEqual({ kind: 'accepted', accepted: [recorded] });
  });

  test('are told to the repeat of each message with what was left out of it, also after a restore', () => {
    const session = opened();
    const remarks = (words: string) => ({ left_out: [words], corrected: [] });
    const saying = (id: string, words: string | null) => {
      const reading = { question_id: 'users', value: 24, ...(words === null ? {} : { remarks: remarks(words) }) };
      return say(session, reading, session.asked(), id);
    };
    // each is about the question that was answered last
    const first = [saying('a', 'next Monday'), saying('b', null), saying('c', 'on Sundays')];
    const told = (words: string) => ({ accepted: [{ remarks: remarks(words) }] });
    expect(first).toMatchObject([told('next Monday'), {}, told('on Sundays')]);
    for (const again of [session, OnboardingSession.restore(rules, session.state)]) {
      expect(['a', 'b', 'c'].map((id) => say(again, null, again.asked(), id))).toEqual(first);
    }
    expect(session.state.answers).toHaveLength(1);
  });
});
