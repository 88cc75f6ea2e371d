/** Reminders among everything that can come in between: seeded sequences of what people, approvers and the clock do. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FlowRules, QuestionRule } from './flow.ts';
import { MessageRejected } from './message.ts';
import type { ReminderPlan } from './reminders.ts';
import { OnboardingSession } from './session.ts';
import type { SessionEvent } from './session-state.ts';

const hour = 3_600_000;
const plan: ReminderPlan = { afterMs: [24 * hour, 72 * hour], fromHour: 8, toHour: 20, heldOutPercent: 0 };
const question = (id: string): QuestionRule => ({
  id, type: 'text', required: true, pii: false, integer: false, when: null, options: [], min: null, max: 5, pattern: null,
});
const rules: FlowRules = { id: 'test', version: 1, questions: [question('a'), question('b'), question('c')] };
const actor = { tenant: 'acme', subject: 'ana', roles: ['user'] } as const;
const start = Date.parse('2026-11-25T12:00:00Z');

type Step = { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reload' | 'answer' | 'refused' | 'cancel' | 'escalate' | 'resume' }
  | { readonly kind: 'switch'; readonly enabled: boolean };

const steps = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 * hour }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'reload' as const }) },
  { weight: 3, arbitrary: fc.constantFrom({ kind: 'answer' as const }, { kind: 'refused' as const }) },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'cancel' as const }, { kind: 'escalate' as const }, { kind: 'resume' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('switch' as const), enabled: fc.boolean() }) },
), { minLength: 3, maxLength: 25 });

/** What somebody who only looks on knows: from it follows which reminders are right. */
interface Seen {
  lastActivity: number;
  enabled: boolean;
  isOpen: boolean;
  readonly reminded: { at: number; silence: number; number: string }[];
}

function play(all: readonly Step[], zone: string): Seen {
  let session = OnboardingSession.open(rules, {
    session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c',
    client_context: { timezone: zone },
  }, start);
  let now = start;
  const seen: Seen = { lastActivity: start, enabled: true, isOpen: true, reminded: [] };
  let looked = session.state.event_sequence;
  const newEvents = (): SessionEvent[] => {
    const events = session.state.recent.filter(({ sequence }) => sequence > looked);
    looked = session.state.event_sequence;
    return events;
  };
  /** As the workflow's timer: at every moment at which something is due, and after every message. */
  const look = (): void => {
    session.checkRisk(now);
    session.noteReturn(now);
    session.remind(now, plan);
    for (const { event, at, properties } of newEvents()) {
      if (event !== 'reminder_due') continue;
      const local = Number(new Intl.DateTimeFormat('en', { timeZone: zone, hour: 'numeric', hourCycle: 'h23' }).format(at));
      expect([seen.enabled, seen.isOpen]).toEqual([true, true]);
      expect(local).toBeGreaterThanOrEqual(8);
      expect(local).toBeLessThan(20);
      expect(at - seen.lastActivity).toBeGreaterThanOrEqual((properties['number'] === '1' ? 24 : 72) * hour);
      seen.reminded.push({ at, silence: seen.lastActivity, number: properties['number'] ?? '' });
    }
  };
  const message = <Body>(body: Body, id: string) => ({ id, fingerprint: id, actor, correlation_id: 'c', if_match: null, body });
  for (const [at, step] of all.entries()) {
    if (step.kind === 'wait') {
      const until = now + step.ms;
      for (let due = session.reminderAt(now, plan); due !== null && due <= until; due = session.reminderAt(now, plan)) {
        now = Math.max(due, now);
        look();
      }
      now = until;
      look();
    } else if (step.kind === 'reload') {
      // another run, or brought back from the archive
      session = OnboardingSession.restore(rules, session.state);
      look();
    } else {
      try {
        act(session, step, message, `m${at}`, now);
        if (step.kind === 'switch') seen.enabled = step.enabled;
        else seen.lastActivity = now;
        seen.isOpen = ['started', 'in_progress'].includes(session.state.state);
      } catch (error) {
        if (!(error instanceof MessageRejected)) throw error;
      }
      look();
    }
  }
  return seen;
}

function act(
  session: OnboardingSession, step: Exclude<Step, { kind: 'wait' }>, message: <Body>(body: Body, id: string) => {
    id: string; fingerprint: string; actor: typeof actor; correlation_id: string; if_match: null; body: Body;
  }, id: string, now: number,
): void {
  if (step.kind === 'answer' || step.kind === 'refused') {
    const sent = message({ question_id: null, value: step.kind === 'answer' ? 'x' : 'too long' }, id);
    session.checkAnswer(sent);
    session.answer(sent, null, now);
  } else if (step.kind === 'cancel') {
    const sent = message({ reason: null }, id);
    session.checkCancel(sent);
    session.cancel(sent, now);
  } else if (step.kind === 'escalate') {
    const sent = message({ reason: 'help', urgency: 'low' as const }, id);
    session.checkEscalate(sent);
    session.escalate(sent, now);
  } else if (step.kind === 'resume') {
    const sent = message({ version: null, current: null }, id);
    session.checkResume(sent);
    session.resume(sent, now);
  } else if (step.kind === 'switch') {
    const sent = message({ enabled: step.enabled }, id);
    session.checkReminders(sent);
    session.setReminders(sent, now);
  }
}

test('in 1,000 seeded interleavings no reminder is wrong: none too early, outside the hours, after an answer, an end or a withdrawal, ' +
  'none twice, and none is left out', () => {
  let sent = 0;
  fc.assert(fc.property(steps, fc.constantFrom('UTC', 'Asia/Kolkata', 'America/Los_Angeles', 'Europe/Berlin'), (all, zone) => {
    const { reminded } = play(all, zone);
    const once = reminded.map(({ silence, number }) => `${silence}-${number}`);
    expect(new Set(once).size).toBe(once.length);
    sent += reminded.length;
  }), { numRuns: 1_000, seed: 20_261_129 });
  // not for want of any
  expect(sent).toBeGreaterThan(1_000);
});

test('a person who stays away gets both, and nothing more', () => {
  const { reminded } = play([{ kind: 'wait', ms: 24 * hour - 1 }, { kind: 'wait', ms: 1 }, { kind: 'wait', ms: 500 * hour }], 'UTC');
  expect(reminded.map(({ at, number }) => [at - start, number])).toEqual([[24 * hour, '1'], [72 * hour, '2']]);
});
