import { expect, test } from '@jest/globals';
import type { FlowRules } from './flow.ts';
import type { Message } from './message.ts';
import { erasedEvent, erasedState, erasedView } from './erased-session.ts';
import { OnboardingSession } from './session.ts';

const question = { required: true, pii: false, when: null, options: [], min: null, max: null, pattern: null };
const rules: FlowRules = {
  id: 'desk', version: 1,
  questions: [{ ...question, id: 'name', type: 'text', max: 200 }, { ...question, id: 'place', type: 'text', max: 200 }],
};

function message<Body>(id: string, body: Body): Message<Body> {
  const actor = { tenant: 'acme', subject: 'ana-secret', roles: ['user'] } as const;
  return { id, fingerprint: id, actor, correlation_id: 'secret-c', if_match: null, body };
}

test('of an erased session nothing stays that the person said, sent or is called, and everything that is counted', () => {
  const session = OnboardingSession.open(rules, {
    session_id: '0b0e7a52-6f1c-4d0a-9a3e-0c8f5b7f2d11', tenant: 'acme', owner: 'ana-secret', owner_person: 'acme/ana-secret',
    language: 'en', segment: 'first_time', correlation_id: 'secret-c', client_context: { device: 'phone', user_agent: 'secret agent' },
  }, 1_000);
  session.answer(message('m1', { question_id: 'name', value: 'secret name' }), null, 2_000);
  session.answer(message('m2', { question_id: 'name', value: 'secret other' }), null, 3_000);
  session.addClientEvent(message('m3', { event: 'opened_help', properties: { text: 'secret text' }, occurred_at: null }), 3_500);
  session.saveCheckpoint(message('m5', { ui_state: { tab: 'secret tab' }, label: 'secret label', force: true }), 4_000);
  session.cancel(message('m4', { reason: 'secret reason' }), 5_000);
  const { state } = session;
  const before = JSON.stringify(state);
  expect(before).toContain('secret');
  const erased = erasedState(state, 'erased:1');
  const view = erasedView(session.view(), 'erased:1');
  expect(JSON.stringify([erased, view])).not.toContain('secret');
  expect(JSON.stringify(session.unsaved().events.map(erasedEvent))).not.toContain('secret');
  // and the session that was given is as it was
  expect(JSON.stringify(state)).toBe(before);
  expect(erased).toMatchObject({
    session_id: state.session_id, tenant: 'acme', revision: state.revision + 1, created_at: 1_000, ended_at: 5_000, state: 'cancelled',
    stages: state.stages, refusals: state.refusals, asked: state.asked, client_context: { device: 'phone' }, segment: 'first_time',
  });
  expect(erased.answers.map(({ question_id: id, answered_at: at }) => [id, at])).toEqual([['name', 2_000], ['name', 3_000]]);
  expect(view).toMatchObject({ answers_count: session.view().answers_count, flow: { id: 'desk', version: 1 }, stage: 'engaged' });
});
