import { expect, test } from '@jest/globals';
import type { FlowRules } from './flow.ts';
import type { ReminderPlan } from './reminders.ts';
import { OnboardingSession } from './session.ts';

const rules: FlowRules = {
  id: 'test', version: 1, questions: [{
    id: 'a', type: 'number', required: true, pii: false, when: null, options: [], min: 1, max: 9, pattern: null,
  }],
};
const actor = { tenant: 'acme', subject: 'ana', roles: ['user'] } as const;
const start = {
  session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
} as const;

function refused(session: OnboardingSession, at: number): void {
  session.answer({
    id: `m${at}`, fingerprint: '', actor, correlation_id: 'c', if_match: null, body: { question_id: 'a', value: 'x' },
  }, null, at);
}

test('the list has to learn at once of another standing score, and of somebody active whom it shows as inactive; of nothing else', () => {
  const session = OnboardingSession.open(rules, start, 0);
  expect([session.misleads(0), session.misleads(1e9), session.listedUntil]).toEqual([false, false, 119_000]);
  session.saved(Infinity, Infinity);
  refused(session, 50_000);
  // put twice now: 15 points
  expect(session.misleads(50_000)).toBe(true);
  session.saved(Infinity, Infinity);
  expect([session.misleads(50_000), session.hasUnsaved]).toEqual([false, false]);
  refused(session, 60_000);
  session.saved(Infinity, Infinity, { ...session.listing, last_activity_at: 50_000 });
  expect([session.hasUnsaved, session.misleads(168_999), session.misleads(169_000)]).toEqual([true, false, true]);
});

test('levels are recorded once each, up and down, with what would help', () => {
  const session = OnboardingSession.open(rules, start, 0);
  const levels = (): unknown[] => session.state.recent.filter(({ event }) => event === 'risk_level_changed').map(
    ({ properties }) => [properties['from'], properties['level'], properties['score'], properties['action']],
  );
  session.checkRisk(300_000);
  expect(levels()).toEqual([]);
  for (const at of [300_001, 400_000, 700_000]) session.checkRisk(at);
  expect(levels()).toEqual([['low', 'medium', '20', 'send_reminder']]);
  for (const at of [700_001, 700_002, 700_003, 700_004, 700_005, 700_006]) refused(session, at);
  session.checkRisk(700_006);
  session.checkRisk(700_007);
  expect(levels().slice(1)).toEqual([['medium', 'high', '50', 'offer_live_chat']]);
});

test('whether a person is reminded is the flow\'s word until it is their own, which is no activity', () => {
  const plan: ReminderPlan = { afterMs: [1_000], fromHour: 0, toHour: 24, heldOutPercent: 0 };
  const due = (session: OnboardingSession): boolean => session.reminderAt(0, plan) !== null;
  const choose = (session: OnboardingSession, enabled: boolean): unknown => session.setReminders({
    id: `m-${enabled}`, fingerprint: '', actor, correlation_id: 'c', if_match: null, body: { enabled },
  }, 10);
  for (const [reminders, isDue] of [[undefined, true], [true, true], [false, false]] as const) {
    const session = OnboardingSession.open({ ...rules, ...(reminders === undefined ? {} : { reminders }) }, start, 0);
    expect([reminders, due(session)]).toEqual([reminders, isDue]);
    for (const enabled of [!isDue, isDue]) {
      choose(session, enabled);
      expect([reminders, enabled, due(session), session.state.last_activity_at]).toEqual([reminders, enabled, enabled, 0]);
    }
  }
});
