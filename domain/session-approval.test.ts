import { describe, expect, test } from '@jest/globals';
import type { FlowRules } from './flow.ts';
import type { Actor, ApprovalBody, DecisionBody, Message } from './message.ts';
import type { Recommendation } from './recommendation.ts';
import { changeRisk, needsSecondApprover } from './changeset.ts';
import { OnboardingSession } from './session.ts';
import { codeOf } from '../test/support/rejection.ts';

const rules: FlowRules = {
  id: 'test', version: 1,
  questions: [
    { id: 'users', type: 'number', required: true, pii: false, integer: false, when: null, options: [], min: 1, max: 1000, pattern: null },
  ],
};
const person = (subject: string, ...roles: Actor['roles']): Actor => ({ tenant: 'acme', subject, roles });
const message = <Body>(body: Body, id: string, actor: Actor): Message<Body> => ({
  id, fingerprint: id, actor, correlation_id: 'c', if_match: null, body,
});

const items: Recommendation[] = Array.from({ length: 12 }, (_, at) => ({
  recommendation_id: `6f9f0c5e-0000-4000-8000-0000000000${String(at).padStart(2, '0')}`, rule_id: `r${at}`, target: `shift:s${at}`,
  target_type: 'shift', target_key: `s${at}`,
  operation: 'create', before: null, after: { name: 'A', starts_at: '09:00', ends_at: '17:00', headcount: 1 }, confidence: 0.9,
  rationale: '', depends_on: [], status: 'pending',
}));

function decided(owner: { owner?: string; owner_person?: string } = {}, first = person('ben', 'approver')): OnboardingSession {
  const session = OnboardingSession.open(
    rules,
    {
      session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
      ...owner,
    },
    0,
  );
  session.answer(message({ question_id: 'users', value: 5 }, 'm', person('ana', 'user')), null, 1);
  session.receiveProposal(1, { recommendations: items, confidence: 0.9, decision: 'ready' }, 2);
  const body: DecisionBody = {
    approved_items: items.map((item) => item.recommendation_id), rejected_items: [], reasons: {}, modifications: {}, proposal_hash: null,
  };
  const sent = message(body, 'd', first);
  session.checkDecision(sent);
  session.decide(sent, { changeset: 'cs', approval: 'ap' }, 3);
  return session;
}

const approval = (
  actor: Actor, decision: ApprovalBody['decision'] = 'approve', id = `${actor.subject}-${decision}`,
): Message<ApprovalBody> => message({ approval_id: 'ap', decision, reason: null }, id, actor);

describe('a cancellation by an operator, whom nobody can refuse', () => {
  const cancelled = (): OnboardingSession => {
    const session = decided();
    session.cancelByOperator(4);
    session.cancelByOperator(5);
    expect([session.state.state, session.deciding]).toEqual(['awaiting_approval', true]);
    return session;
  };

  test('waits for a changeset that is being written, whatever comes of it but its application', () => {
    for (const result of ['pending_second_approval', 'stale'] as const) {
      const session = cancelled();
      session.receiveChangeset('cs', result, 6);
      expect(session.state).toMatchObject({ state: 'cancelled', end_reason: 'cancelled by temporal-ui', ended_at: 6 });
    }
    const applied = cancelled();
    applied.receiveChangeset('cs', 'applied', 6);
    expect(applied.state.state).toBe('completed');
  });

  test('of one whose changeset is discarded then ends it as cancelled and not in error, in a later run as well', () => {
    const session = OnboardingSession.restore(rules, cancelled().state);
    session.receiveRollback('cs', 'rolled_back', 7);
    expect(session.state).toMatchObject({ state: 'cancelled', end_reason: 'cancelled by temporal-ui' });
  });

  test('is recorded once, with who it was', () => {
    const asked = cancelled().state.recent.filter(({ event }) => event === 'session_cancel_requested');
    expect(asked).toMatchObject([{ properties: { actor: 'temporal-ui' } }]);
  });
});

describe('two approvers', () => {
  test('risk over 0.7 or more than ten changes need two different people', () => {
    expect([needsSecondApprover(0.7, 10), needsSecondApprover(0.71, 1), needsSecondApprover(0, 11)]).toEqual([false, true, true]);
    const of = (count: number, deletes = 0): { operation: 'create' | 'delete' }[] => Array.from({ length: count }, (_, at) => ({
      operation: at < deletes ? 'delete' : 'create',
    }));
    expect([changeRisk(of(5), false), changeRisk(of(6), false), changeRisk(of(11), false), changeRisk(of(21), false)])
      .toEqual([0, 0.2, 0.3, 0.4]);
    expect([changeRisk(of(5, 1), false), changeRisk(of(5, 2), true), changeRisk(of(5, 5), true), changeRisk(of(21, 21), true)])
      .toEqual([0.15, 0.5, 0.5, 0.9]);
  });

  test('a repeat of a decision that came to nothing is told so, though another one has been taken since', () => {
    const session = decided();
    session.receiveChangeset('cs', 'stale', 4);
    session.receiveProposal(2, { recommendations: items, confidence: 0.9, decision: 'ready' }, 5);
    const body: DecisionBody = {
      approved_items: items.map((item) => item.recommendation_id), rejected_items: [], reasons: {}, modifications: {}, proposal_hash: null,
    };
    session.decide(message(body, 'later', person('cy', 'approver')), { changeset: 'cs2', approval: 'ap2' }, 6);
    session.receiveChangeset('cs2', 'pending_second_approval', 7);
    expect(session.decisionOutcome('d')).toMatchObject({ changeset_id: 'cs', status: 'stale', changes: [] });
    expect(session.decisionOutcome('later')).toMatchObject({ changeset_id: 'cs2', status: 'pending_second_approval', approval_id: 'ap2' });
  });

  test('a decision is recorded first, waits, and is applied when another approver agrees', () => {
    const session = decided();
    expect(session.state.decision?.status).toBe('recording');
    session.receiveChangeset('cs', 'pending_second_approval', 4);
    expect(session.decisionOutcome()).toMatchObject({ status: 'pending_second_approval', approval_id: 'ap' });
    expect(session.state.state).toBe('awaiting_approval');
    const second = approval(person('eve', 'approver'));
    session.checkApproval(second);
    session.approve(second, 5);
    expect(session.work()).toMatchObject({ kind: 'write_changeset', decision: { status: 'applying', second_by: 'eve' } });
    session.receiveChangeset('cs', 'applied', 6);
    expect(session.state.state).toBe('completed');
  });

  test('neither the owner nor the first approver is the second one, and a stranger sees nothing', () => {
    const session = decided();
    session.receiveChangeset('cs', 'pending_second_approval', 4);
    expect(codeOf(() => session.checkApproval(approval(person('ana', 'admin'))))).toBe('same_person');
    expect(codeOf(() => session.checkApproval(approval(person('ben', 'approver'))))).toBe('same_person');
    expect(codeOf(() => session.checkApproval(approval(person('eve', 'user'))))).toBe('forbidden');
    expect(codeOf(() => session.checkApproval(approval({ ...person('eve', 'approver'), tenant: 'other' })))).toBe('not_found');
    const ofAnother = message({ approval_id: 'other', decision: 'approve', reason: null } as const, 'x', person('eve', 'approver'));
    expect(codeOf(() => session.checkApproval(ofAnother))).toBe('not_found');
  });

  test('a person is one with each credential, as owner and as approver, and no other for having the same name', () => {
    const key = (id: string, person: string): Actor => ({ tenant: 'acme', subject: `key:${id}`, person, roles: ['approver'] });
    const session = decided({ owner: 'key:a', owner_person: 'acme/ana' }, key('b', 'acme/ben'));
    session.receiveChangeset('cs', 'pending_second_approval', 4);
    const refused = [
      person('ana', 'admin'), key('c', 'acme/ana'), person('ben', 'approver'), key('d', 'acme/ben'),
      { ...person('ben', 'platform'), person: 'acme/ben' },
    ];
    for (const actor of refused) expect([actor, codeOf(() => session.checkApproval(approval(actor)))]).toEqual([actor, 'same_person']);
    for (const elsewhere of ['other/ana', 'other/ben']) {
      expect(codeOf(() => session.checkApproval(approval({ ...person(elsewhere.slice(6), 'platform'), person: elsewhere }))))
        .toBe('allowed');
    }
  });

  test('a session and a decision from before persons were known go by the credential', () => {
    const session = decided({}, { tenant: 'acme', subject: 'key:b', roles: ['approver'] });
    session.receiveChangeset('cs', 'pending_second_approval', 4);
    const old = JSON.parse(JSON.stringify(session.state)) as { decision: { decided_by_person?: string } };
    delete old.decision.decided_by_person;
    const restored = OnboardingSession.restore(rules, old as typeof session.state);
    const refused: Actor[] = [
      person('ana', 'admin'), { ...person('key:b', 'approver'), person: 'acme/ben' },
      { ...person('key:c', 'approver'), person: 'acme/ana' },
    ];
    for (const actor of refused) expect([actor, codeOf(() => restored.checkApproval(approval(actor)))]).toEqual([actor, 'same_person']);
    expect(codeOf(() => restored.checkApproval(approval(person('eve', 'approver'))))).toBe('allowed');
  });

  test('a veto rejects it whole, once: whoever comes after is told', () => {
    const session = decided();
    session.receiveChangeset('cs', 'pending_second_approval', 4);
    session.approve(approval(person('eve', 'approver'), 'reject'), 5);
    expect(session.state.decision).toMatchObject({ status: 'applying', rejects_all: true });
    expect(codeOf(() => session.checkApproval(approval(person('gus', 'approver'))))).toBe('wrong_state');
    session.receiveChangeset('cs', 'rejected', 6);
    expect(session.state.state).toBe('cancelled');
  });

  test('an escalated approval waits for a person and can be given after the return', () => {
    const session = decided();
    session.receiveChangeset('cs', 'pending_second_approval', 4);
    session.approve(approval(person('eve', 'approver'), 'escalate'), 5);
    expect(session.state.state).toBe('escalated');
    expect(codeOf(() => session.checkApproval(approval(person('gus', 'approver'))))).toBe('wrong_state');
    session.resume(message({ version: null, current: null }, 'r', person('ana', 'user')), 6);
    expect(session.state.state).toBe('awaiting_approval');
    expect(codeOf(() => session.checkApproval(approval(person('gus', 'approver'))))).toBe('allowed');
  });
});
