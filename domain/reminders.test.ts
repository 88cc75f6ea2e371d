import { describe, expect, test } from '@jest/globals';
import { armOf, nextReminder, withinHours, type ReminderPlan } from './reminders.ts';

const hour = 3_600_000;
const plan: ReminderPlan = { afterMs: [24 * hour, 72 * hour], fromHour: 8, toHour: 20, heldOutPercent: 10 };
const at = (text: string): number => Date.parse(text);
const fresh = { enabled: true, silent_since: 0, number: 0 };

describe('the hours of a person\'s clock', () => {
  test.each([
    ['2026-11-25T08:00:00Z', 'UTC', '2026-11-25T08:00:00Z'], ['2026-11-25T19:59:59.999Z', 'UTC', '2026-11-25T19:59:59.999Z'],
    ['2026-11-25T20:00:00Z', 'UTC', '2026-11-26T08:00:00Z'], ['2026-11-25T07:59:59.999Z', 'UTC', '2026-11-25T08:00:00Z'],
    // India is half an hour off: 20:00 there is 14:30
    ['2026-11-25T14:29:59Z', 'Asia/Kolkata', '2026-11-25T14:29:59Z'], ['2026-11-25T14:30:00Z', 'Asia/Kolkata', '2026-11-26T02:30:00Z'],
    // the clocks go back in the night to 25 October and forward in the one to 29 March
    ['2026-10-24T20:30:00Z', 'Europe/Berlin', '2026-10-25T07:00:00Z'], ['2026-03-28T22:00:00Z', 'Europe/Berlin', '2026-03-29T06:00:00Z'],
    ['2026-11-25T10:00:00Z', 'America/Los_Angeles', '2026-11-25T16:00:00Z'],
  ])('%s in %s becomes %s', (from, zone, expected) => {
    expect(new Date(withinHours(at(from), zone, plan)).toISOString()).toBe(new Date(expected).toISOString());
  });
});

describe('the next reminder', () => {
  const since = at('2026-11-25T12:00:00Z');
  const source = (reminders = fresh) => ({ last_activity_at: since, reminders, timezone: 'UTC' });

  test('comes after 24 h of silence, then after 72 h, then none; switched off none at all', () => {
    expect(nextReminder(source(), plan, since)).toEqual({ number: 1, at: since + 24 * hour });
    const once = { enabled: true, silent_since: since, number: 1 };
    expect(nextReminder(source(once), plan, since + 24 * hour)).toEqual({ number: 2, at: since + 72 * hour });
    expect(nextReminder(source({ ...once, number: 2 }), plan, since + 99 * hour)).toBeNull();
    expect(nextReminder(source({ ...fresh, enabled: false }), plan, since)).toBeNull();
  });

  test('of a new silence is the first again, and of two that were missed the last one is meant', () => {
    const former = { enabled: true, silent_since: since - 1, number: 2 };
    expect(nextReminder(source(former), plan, since)?.number).toBe(1);
    expect(nextReminder(source(), plan, since + 100 * hour)).toEqual({ number: 2, at: since + 100 * hour });
  });
});

test('a tenth of the people is held out, by who they are', () => {
  const people = Array.from({ length: 10_000 }, (_, n) => `acme/person-${n}`);
  const heldOut = people.filter((person) => armOf(person, plan) === 'held_out');
  expect(heldOut.length).toBeGreaterThan(900);
  expect(heldOut.length).toBeLessThan(1_100);
  expect(heldOut.every((person) => armOf(person, plan) === 'held_out')).toBe(true);
  expect(people.some((person) => armOf(person, { ...plan, heldOutPercent: 0 }) === 'held_out')).toBe(false);
});
