import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { validateAnswer } from './answer.ts';
import { applicable, type FlowRules, type QuestionRule } from './flow.ts';
import { parseExpression } from './expression.ts';
import type { Json } from './json.ts';
import { stages } from './lifecycle.ts';
import { MessageRejected, type Actor, type AnswerBody, type DecisionBody, type Message } from './message.ts';
import type { Recommendation } from './recommendation.ts';
import { OnboardingSession, type Proposed } from './session.ts';
import { codeOf } from '../test/support/rejection.ts';

const question = (id: string, type: QuestionRule['type'], when: string | null = null, extra: Partial<QuestionRule> = {}): QuestionRule => ({
  id, type, required: true, pii: false, integer: false, when: when === null ? null : parseExpression(when).expression, options: [],
  min: null, max: null, pattern: null, ...extra,
});

const rules: FlowRules = {
  id: 'test', version: 1,
  questions: [
    question('kind', 'single_choice', null, { options: ['office', 'shop'] }),
    question('users', 'number', null, { min: 1, max: 1000 }),
    question('counter', 'boolean', "kind == 'shop'"),
    question('note', 'text', 'counter == true', { required: false }),
  ],
};

const ana: Actor = { tenant: 'acme', subject: 'ana', roles: ['user'] };
const ben: Actor = { tenant: 'acme', subject: 'ben', roles: ['approver'] };
const start = {
  session_id: '6f9f0c5e-0000-4000-8000-000000000001', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time',
  correlation_id: 'c', client_context: {},
} as const;

const message = <Body>(body: Body, id: string, actor: Actor = ana, ifMatch: readonly number[] | null = null): Message<Body> => ({
  id, fingerprint: JSON.stringify(body), actor, correlation_id: 'c', if_match: ifMatch, body,
});

/** Sends as the engine does: the check first, and a rejection leaves nothing behind. */
function send(session: OnboardingSession, sent: Message<AnswerBody>, now: number): unknown {
  try {
    session.checkAnswer(sent);
  } catch (error) {
    if (error instanceof MessageRejected) return error.code;
    throw error;
  }
  return session.answer(sent, null, now).outcome;
}

const sendable: fc.Arbitrary<AnswerBody> = fc.record({
  question_id: fc.constantFrom('kind', 'users', 'counter', 'note', 'nothing', null),
  value: fc.oneof(
    fc.constantFrom<Json>('office', 'shop', 'castle', true, false, null, '', 'a note', 1, 12, 0, 1001, { a: 1 }, [1]),
    fc.integer({ min: 1, max: 1000 }),
  ),
});

const sampleItem: Recommendation = {
  recommendation_id: '6f9f0c5e-0000-4000-8000-00000000000a', rule_id: 'r', target: 'shift:a', target_type: 'shift', target_key: 'a',
  operation: 'create', before: null,
  after: { name: 'A', starts_at: '09:00', ends_at: '17:00', headcount: 1 }, confidence: 0.9, rationale: 'because', depends_on: [],
  status: 'pending',
};

const proposedOf = (recommendations: readonly Recommendation[]): Proposed => ({ recommendations, confidence: 0.9, decision: 'ready' });
const ids = { changeset: 'cs', approval: 'ap' };

const answered = (): OnboardingSession => {
  const session = OnboardingSession.open(rules, start, 1_000);
  send(session, message({ question_id: 'kind', value: 'office' }, 'm1'), 2_000);
  send(session, message({ question_id: 'users', value: 5 }, 'm2'), 3_000);
  return session;
};

const awaiting = (): OnboardingSession => {
  const session = answered();
  session.receiveProposal(session.state.proposal_requests, proposedOf([sampleItem]), 4_000);
  return session;
};

const decision = (extra: Partial<DecisionBody> = {}): DecisionBody => ({
  approved_items: [sampleItem.recommendation_id], rejected_items: [], reasons: {}, modifications: {}, proposal_hash: null, ...extra,
});

describe('the fold', () => {
  test('any sequence of answers, amendments, duplicates and retries folds to the same state as the sequence without duplicates', () => {
    const plan = fc.array(fc.record({ body: sendable, repeats: fc.array(fc.nat({ max: 6 }), { maxLength: 3 }) }), { maxLength: 25 });
    fc.assert(fc.property(plan, (steps) => {
      const once = OnboardingSession.open(rules, start, 0);
      const often = OnboardingSession.open(rules, start, 0);
      steps.forEach(({ body, repeats }, at) => {
        const now = 1_000 * (at + 1);
        const first = send(once, message(body, `m${at}`), now);
        expect(send(often, message(body, `m${at}`), now)).toEqual(first);
        // a retry of this or of an earlier message, also one that was refused, gets the first outcome and changes nothing
        for (const back of repeats) {
          const earlier = Math.max(0, at - back);
          const state = JSON.stringify(often.state);
          const again = send(often, message(steps[earlier]?.body ?? body, `m${earlier}`), now + 500);
          expect(JSON.stringify(often.state)).toBe(state);
          if (earlier === at) expect(again).toEqual(first);
        }
      });
      expect(often.state).toEqual(once.state);
      expect(often.view()).toEqual(once.view());
    }), { numRuns: 300 });
  });

  test('a session restored from its state as JSON goes on exactly like the one that was never interrupted', () => {
    fc.assert(fc.property(fc.array(sendable, { maxLength: 20 }), fc.array(sendable, { maxLength: 20 }), (before, after) => {
      const whole = OnboardingSession.open(rules, start, 0);
      before.forEach((body, at) => { send(whole, message(body, `a${at}`), at); });
      const restored = OnboardingSession.restore(rules, JSON.parse(JSON.stringify(whole.state)));
      after.forEach((body, at) => {
        const sent = message(body, `b${at}`);
        expect(send(restored, sent, 100 + at)).toEqual(send(whole, sent, 100 + at));
      });
      expect(restored.state).toEqual(whole.state);
    }), { numRuns: 200 });
  });

  test('whatever is sent, current answers belong to applicable questions and are valid, and nothing that was said is deleted', () => {
    fc.assert(fc.property(fc.array(sendable, { maxLength: 40 }), (bodies) => {
      const session = OnboardingSession.open(rules, start, 0);
      let length = 0;
      bodies.forEach((body, at) => {
        send(session, message(body, `m${at}`), at);
        expect(session.state.answers.length).toBeGreaterThanOrEqual(length);
        length = session.state.answers.length;
        const current = session.answers();
        const asked = new Map(applicable(rules, current).map((each) => [each.id, each]));
        for (const [id, value] of Object.entries(current)) {
          const rule = asked.get(id);
          expect(rule).toBeDefined();
          if (rule !== undefined) expect(validateAnswer(rule, value).ok).toBe(true);
        }
        const view = session.view();
        expect(view.progress_percent).toBeGreaterThanOrEqual(10);
        expect(view.question === null).toBe(session.state.state === 'generating');
      });
    }), { numRuns: 200 });
  });

  test('stages are reached in order and never un-reached, and every visible change raises the version', () => {
    fc.assert(fc.property(fc.array(sendable, { maxLength: 30 }), (bodies) => {
      const session = OnboardingSession.open(rules, start, 0);
      bodies.forEach((body, at) => {
        const before = session.view();
        send(session, message(body, `m${at}`), at + 1);
        const after = session.view();
        expect(stages.indexOf(after.stage)).toBeGreaterThanOrEqual(stages.indexOf(before.stage));
        const seen = (view: typeof after) => JSON.stringify([view.state, view.question, view.answers_count, session.answers()]);
        if (seen(before) !== seen(after)) expect(after.version).toBeGreaterThan(before.version);
        expect(after.revision).toBeGreaterThanOrEqual(before.revision);
      });
    }), { numRuns: 200 });
  });
});

describe('what is shown', () => {
  const shownIn = (session: OnboardingSession): string[] =>
    session.state.unsaved.events.filter(({ event }) => event === 'question_shown').map((event) => event.question_id);

  test('whatever is sent, the question that was recorded as shown last is the current one, and none is recorded twice in a row', () => {
    fc.assert(fc.property(fc.array(sendable, { maxLength: 25 }), (bodies) => {
      const session = OnboardingSession.open(rules, start, 0);
      bodies.forEach((body, at) => {
        const before = session.currentQuestion()?.id ?? null;
        const count = shownIn(session).length;
        send(session, message(body, `m${at}`), at);
        const now = session.currentQuestion()?.id ?? null;
        expect(session.state.shown).toBe(now);
        expect(shownIn(session).slice(count)).toEqual(now === null || now === before ? [] : [now]);
      });
    }), { numRuns: 300 });
  });

  test('a question is shown again when a person gives the session back, and when a checkpoint is restored', () => {
    const session = OnboardingSession.open(rules, start, 0);
    send(session, message({ question_id: 'kind', value: 'office' }, 'm1'), 1);
    session.escalate(message({ reason: 'help', urgency: 'low' }, 'm2'), 2);
    session.resume(message({ version: null, current: null, ui_state: null }, 'm3'), 3);
    expect(shownIn(session)).toEqual(['kind', 'users', 'users']);
    session.resume(message({ version: 1, current: [], ui_state: null }, 'm4'), 4);
    expect(shownIn(session)).toEqual(['kind', 'users', 'users', 'kind']);
  });

  test('a session from before showing was recorded does not record what it showed then', () => {
    const before = OnboardingSession.open(rules, start, 0);
    const { shown, ...older } = before.state;
    const restored = OnboardingSession.restore(rules, older as never);
    expect([shown, restored.state.shown]).toEqual(['kind', 'kind']);
    send(restored, message({ question_id: 'kind', value: 'office' }, 'm1'), 1);
    expect(shownIn(restored)).toEqual(['kind', 'users']);
  });
});

describe('answers', () => {
  test('an answer that closes a branch supersedes the answers in it, and offers them again when the branch returns', () => {
    const session = OnboardingSession.open(rules, start, 0);
    send(session, message({ question_id: 'kind', value: 'shop' }, 'm1'), 1);
    send(session, message({ question_id: 'users', value: 7 }, 'm2'), 2);
    send(session, message({ question_id: 'counter', value: true }, 'm3'), 3);
    send(session, message({ question_id: 'kind', value: 'office' }, 'm4'), 4);
    expect(session.answers()).toEqual({ kind: 'office', users: 7 });
    send(session, message({ question_id: 'kind', value: 'shop' }, 'm5'), 5);
    expect(session.view().question).toEqual({ id: 'counter', suggested: true });
    expect(session.state.answers.filter((entry) => entry.question_id === 'counter').map((entry) => entry.superseded)).toEqual([true]);
  });

  test('an equal valid answer given twice is accepted and changes nothing, also after the last question', () => {
    const session = answered();
    const before = session.view();
    expect(send(session, message({ question_id: 'users', value: 5 }, 'again'), 9_000)).toMatchObject({ kind: 'accepted' });
    expect(session.view()).toMatchObject({ version: before.version, state: 'generating' });
    expect(session.state.proposal_requests).toBe(1);
    expect(session.state.asked).toEqual({ kind: 1, users: 1 });
  });

  test('a refusal is counted and remembered but changes no answer', () => {
    const session = OnboardingSession.open(rules, start, 0);
    expect(send(session, message({ question_id: 'kind', value: 'castle' }, 'm1'), 1)).toMatchObject({
      kind: 'refused', question_id: 'kind', mistake: { code: 'not_an_option' },
    });
    expect(session.state).toMatchObject({ refusals: 1, asked: { kind: 2 }, answers: [] });
  });

  test('a question that is neither current nor asked before is not asked', () => {
    const session = OnboardingSession.open(rules, start, 0);
    expect(send(session, message({ question_id: 'counter', value: true }, 'm1'), 1)).toEqual({ kind: 'not_asked', question_id: 'counter' });
  });

  test('an amendment while a proposal waits for approval makes a new one, and the old one can no longer be decided on', () => {
    const session = awaiting();
    const old = session.state.proposal?.hash ?? '';
    send(session, message({ question_id: 'users', value: 9 }, 'amend'), 5_000);
    expect(session.state).toMatchObject({ state: 'generating', proposal: null, proposal_requests: 2 });
    session.receiveProposal(1, proposedOf([sampleItem]), 5_500);
    expect(session.state.state).toBe('generating');
    session.receiveProposal(2, proposedOf([{ ...sampleItem, after: { ...sampleItem.after, headcount: 2 } }]), 6_000);
    expect(() => session.checkDecision(message(decision({ proposal_hash: old }), 'd', ben))).toThrow(
      expect.objectContaining({ code: 'stale_proposal' }),
    );
  });
});

describe('who may', () => {
  test('a stranger and another tenant see no session, whatever they send', () => {
    const session = awaiting();
    for (const actor of [{ ...ana, subject: 'eve' }, { ...ana, tenant: 'other' }, { ...ben, tenant: 'other' }]) {
      expect(codeOf(() => session.checkAnswer(message({ question_id: 'users', value: 1 }, 'x', actor)))).toBe('not_found');
      expect(codeOf(() => session.checkCancel(message({ reason: null }, 'x', actor)))).toBe('not_found');
    }
    expect(codeOf(() => session.checkDecision(message(decision(), 'x', { ...ben, tenant: 'other' })))).toBe('not_found');
  });

  test('the owner never decides, also as an approver or admin', () => {
    const session = awaiting();
    expect(codeOf(() => session.checkDecision(message(decision(), 'x', { ...ana, roles: ['admin'] })))).toBe('same_person');
    expect(codeOf(() => session.checkDecision(message(decision(), 'x', { ...ana, subject: 'eve' })))).toBe('forbidden');
    expect(codeOf(() => session.checkDecision(message(decision(), 'x', ben)))).toBe('allowed');
  });

  test('a stale version is refused before anything changes, and a repeat of a known message is not', () => {
    const session = answered();
    expect(codeOf(() => session.checkAnswer(message({ question_id: 'users', value: 6 }, 'new', ana, [1])))).toBe('precondition_failed');
    expect(codeOf(() => session.checkAnswer(message({ question_id: 'users', value: 5 }, 'm2', ana, [1])))).toBe('allowed');
  });

  test('an ended session takes nothing', () => {
    const session = awaiting();
    session.cancel(message({ reason: 'enough' }, 'c'), 9_000);
    expect(session.state).toMatchObject({ state: 'cancelled', ended_at: 9_000 });
    expect(codeOf(() => session.checkAnswer(message({ question_id: 'users', value: 1 }, 'x')))).toBe('wrong_state');
    expect(codeOf(() => session.checkCancel(message({ reason: null }, 'y')))).toBe('wrong_state');
    expect(codeOf(() => session.checkCancel(message({ reason: null }, 'c')))).toBe('allowed');
  });
});

describe('decisions', () => {
  test('an applied decision completes the session, a wholly rejected one ends it, and a stale one asks anew', () => {
    const applied = awaiting();
    applied.decide(message(decision(), 'd', ben), ids, 5_000);
    applied.receiveChangeset('cs', 'applied', 6_000);
    expect(applied.state).toMatchObject({ state: 'completed', ended_at: 6_000 });
    expect(applied.stage()).toBe('completed');

    const rejected = awaiting();
    rejected.decide(message(decision({ approved_items: [], rejected_items: [sampleItem.recommendation_id] }), 'd', ben), ids, 5_000);
    rejected.receiveChangeset('cs', 'rejected', 6_000);
    expect(rejected.state.state).toBe('cancelled');
    expect(rejected.stage()).toBe('approval_decision');

    const stale = awaiting();
    stale.decide(message(decision(), 'd', ben), ids, 5_000);
    stale.receiveChangeset('cs', 'stale', 6_000);
    expect(stale.work()).toMatchObject({ kind: 'propose', number: 2 });
    expect(stale.decisionOutcome()).toMatchObject({ status: 'stale' });
  });

  test('once a decision is taken no answer, cancellation or second decision comes in between', () => {
    const session = awaiting();
    session.decide(message(decision(), 'd', ben), ids, 5_000);
    for (const attempt of [
      () => session.checkAnswer(message({ question_id: 'users', value: 1 }, 'x')),
      () => session.checkCancel(message({ reason: null }, 'x')),
      () => session.checkDecision(message(decision(), 'other', ben)),
    ]) expect(attempt).toThrow(expect.objectContaining({ code: 'wrong_state' }));
  });
});

describe('idle time', () => {
  const day = 86_400_000;
  test('after seven idle days a session counts as abandoned, any answer revives it, after ninety it is cancelled', () => {
    const session = OnboardingSession.open(rules, start, 0);
    expect(session.checkIdle(7 * day - 1, 7 * day, 90 * day)).toBe(7 * day + 999);
    expect(session.checkIdle(7 * day, 7 * day, 90 * day)).toBe(90 * day);
    expect(session.state).toMatchObject({ state: 'started', abandoned_at: 7 * day });
    send(session, message({ question_id: 'kind', value: 'office' }, 'm'), 8 * day);
    expect(session.state).toMatchObject({ abandoned_at: null, state: 'in_progress' });
    expect(session.checkIdle(98 * day, 7 * day, 90 * day)).toBeNull();
    expect(session.state).toMatchObject({ state: 'cancelled', ended_at: 98 * day });
  });
});

describe('checkpoints', () => {
  test('nothing new is not saved twice, a change of stage always is, and the newest fifty are kept', () => {
    const session = answered();
    const before = session.state.checkpoint_version;
    expect(session.checkpoint('auto', 5_000)).not.toBeNull();
    expect(session.checkpoint('auto', 6_000)).toBeNull();
    expect(session.state.checkpoint_version).toBe(before + 1);
    for (let at = 0; at < 60; at += 1) {
      send(session, message({ question_id: 'users', value: 100 + at }, `n${at}`), 7_000 + at);
      session.checkpoint('auto', 8_000 + at);
    }
    expect(session.state.checkpoints.length).toBe(50);
    expect(session.state.checkpoints.at(-1)?.version).toBe(session.state.checkpoint_version);
  });

  test('saving removes exactly what was stored', () => {
    const session = OnboardingSession.open(rules, start, 0);
    const stored = session.unsaved();
    // an answer comes in while the copies are being written
    send(session, message({ question_id: 'kind', value: 'office' }, 'm'), 1);
    session.saved(stored.events.at(-1)?.sequence ?? 0, stored.checkpoints.at(-1)?.version ?? 0);
    const left = session.unsaved();
    expect(left.events.map((event) => event.event)).toEqual([
      'question_answered', 'state_changed', 'stage_reached', 'checkpoint_created', 'question_shown',
    ]);
    expect(left.checkpoints.map((each) => each.kind)).toEqual(['stage']);
  });
});
