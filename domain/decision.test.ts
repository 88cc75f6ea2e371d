/** What is approved without what it depends on: refused, unless it is said, and never silently. */
import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../test/support/rejection.ts';
import { missingDependencies } from './decision.ts';
import type { FlowRules } from './flow.ts';
import { MessageRejected, type Actor, type DecisionBody, type Message, type Mistake } from './message.ts';
import type { Recommendation } from './recommendation.ts';
import { OnboardingSession } from './session.ts';

const rules: FlowRules = {
  id: 'test', version: 1,
  questions: [
    { id: 'users', type: 'number', required: true, pii: false, integer: false, when: null, options: [], min: 1, max: 1000, pattern: null },
  ],
};
const ana: Actor = { tenant: 'acme', subject: 'ana', roles: ['user'] };
const ben: Actor = { tenant: 'acme', subject: 'ben', roles: ['approver'] };
const message = <Body>(body: Body, id: string, actor: Actor): Message<Body> => ({
  id, fingerprint: id, actor, correlation_id: 'c', if_match: null, body,
});

const item = (id: string, dependsOn: readonly string[] = [], operation: Recommendation['operation'] = 'create'): Recommendation => {
  const values = { name: 'A', starts_at: '09:00', ends_at: '17:00', headcount: 1 };
  return {
    recommendation_id: id, rule_id: id, target: `shift:${id}`, target_type: 'shift', target_key: id, operation, depends_on: dependsOn,
    confidence: 0.9, rationale: '', status: 'pending',
    before: operation === 'create' ? null : values, after: operation === 'delete' ? null : values,
  };
};

function proposing(...items: readonly Recommendation[]): OnboardingSession {
  const session = OnboardingSession.open(
    rules,
    { session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {} }, 0,
  );
  session.answer(message({ question_id: 'users', value: 5 }, 'm', ana), null, 1);
  session.receiveProposal(1, { recommendations: items, confidence: 0.9, decision: 'ready' }, 2);
  return session;
}

const body = (approved: readonly string[], rest: Partial<DecisionBody> = {}): DecisionBody => ({
  approved_items: approved, rejected_items: [], reasons: {}, modifications: {}, proposal_hash: null, ...rest,
});

function mistakesOf(act: () => unknown): readonly Mistake[] {
  try {
    act();
  } catch (error) {
    if (error instanceof MessageRejected) return error.mistakes;
    throw error;
  }
  return [];
}

describe('an item that is approved without what it depends on', () => {
  const unit = item('unit');
  const [shift, desk] = [item('shift', ['unit']), item('desk', ['unit', 'shift'])];

  test('is refused with both names, whether the other one is rejected or not named at all, in a dry run as in earnest', () => {
    for (const decision of [body(['shift'], { rejected_items: ['unit'] }), body(['shift'])]) {
      const session = proposing(unit, shift);
      expect(codeOf(() => session.checkDecision(message(decision, 'd', ben)))).toBe('dependency_rejected');
      expect(codeOf(() => session.previewDecision(ben, decision, null))).toBe('dependency_rejected');
      const [mistake, ...others] = mistakesOf(() => session.checkDecision(message(decision, 'd', ben)));
      expect(others).toEqual([]);
      expect(mistake).toMatchObject({ pointer: '/approved_items/0', code: 'dependency_rejected' });
      expect(mistake?.message).toContain('shift:shift');
      expect(mistake?.message).toContain('shift:unit');
    }
  });

  test('every missing one is named at once', () => {
    const session = proposing(unit, shift, desk);
    expect(mistakesOf(() => session.checkDecision(message(body(['desk']), 'd', ben))).map(({ message: text }) => text)).toEqual([
      expect.stringContaining('depends on shift:unit'), expect.stringContaining('depends on shift:shift'),
    ]);
  });

  test('is taken when it is said, with a warning before and after', () => {
    const session = proposing(unit, shift);
    const said = message(body(['shift'], { accept_missing_dependencies: true }), 'd', ben);
    const warning = [{ recommendation_id: 'shift', depends_on: 'unit' }];
    expect(session.previewDecision(ben, said.body, null).missing_dependencies).toMatchObject(warning);
    expect(codeOf(() => session.checkDecision(said))).toBe('allowed');
    session.decide(said, { changeset: 'cs', approval: 'ap' }, 3);
    expect(session.decisionOutcome().missing_dependencies).toMatchObject(warning);
  });

  test('is taken without a word where the other one is approved too, or exists already', () => {
    const existing = [item('unit', [], 'update'), item('unit', [], 'delete')];
    expect(codeOf(() => proposing(unit, shift).checkDecision(message(body(['unit', 'shift']), 'd', ben)))).toBe('allowed');
    for (const known of existing) {
      expect(codeOf(() => proposing(known, shift).checkDecision(message(body(['shift']), 'd', ben)))).toBe('allowed');
    }
    expect(missingDependencies([unit, shift], new Set(['unit', 'shift']))).toEqual([]);
  });

  test('a decision that was recorded before there was the rule comes out at a replay as it did', () => {
    const session = proposing(unit, shift);
    // a replay runs the handling of a recorded message, without its check
    session.decide(message(body(['shift']), 'd', ben), { changeset: 'cs', approval: 'ap' }, 3);
    expect(session.state.decision).toMatchObject({ statuses: { unit: 'rejected', shift: 'approved' }, status: 'applying' });
  });
});
