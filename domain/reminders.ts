/**
 * Reminders after silence: when the next one is due by the person's clock, and who gets none so that their effect can be measured.
 * Silence begins with the last activity; whoever comes back and leaves again is reminded again.
 */
import { hashOf } from './checkpoint.ts';

export interface ReminderPlan {
  /** After so much silence, milliseconds, in rising order; each once a silence. */
  readonly afterMs: readonly number[];
  /** Hours of the person's clock: from the first until before the second. */
  readonly fromHour: number;
  readonly toHour: number;
  /** Of all people, by hash. */
  readonly heldOutPercent: number;
}

/** What a session keeps of it. */
export interface RemindersState {
  /** The person's own choice; before that the flow's. */
  readonly enabled: boolean;
  /** The last activity before the silence that was reminded of last. */
  readonly silent_since: number;
  /** Reminders of that silence, the newest by its number; of somebody held out those that there would have been. */
  readonly number: number;
}

export type ReminderArm = 'sent' | 'held_out';

export interface ReminderSource {
  readonly last_activity_at: number;
  readonly reminders: RemindersState;
  readonly timezone: string;
}

/** The next one of this silence, or null when there is none any more. Of several that are due at once the last one is meant. */
export function nextReminder({ last_activity_at: since, reminders, timezone }: ReminderSource, plan: ReminderPlan, now: number): {
  readonly number: number;
  readonly at: number;
} | null {
  if (!reminders.enabled) return null;
  const done = reminders.silent_since === since ? reminders.number : 0;
  const open = plan.afterMs.map((ms, at) => ({ number: at + 1, at: since + ms })).filter(({ number }) => number > done);
  const due = open.findLast(({ at }) => at <= now) ?? open[0];
  return due === undefined ? null : { number: due.number, at: withinHours(Math.max(due.at, now), timezone, plan) };
}

/** The same in every session of a person. */
export function armOf(person: string, { heldOutPercent }: ReminderPlan): ReminderArm {
  return Number.parseInt(hashOf(`reminders of ${person}`).slice(0, 8), 16) % 100 < heldOutPercent ? 'held_out' : 'sent';
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** This moment, or when the hours begin the next time by the clock of that place. */
export function withinHours(at: number, timezone: string, { fromHour, toHour }: Pick<ReminderPlan, 'fromHour' | 'toHour'>): number {
  const clock = clockOf(timezone);
  const now = clock(at);
  if (now.hour >= fromHour && now.hour < toHour) return at;
  const next = at + ((fromHour - now.hour + 24) % 24) * hourMs - now.sinceHourMs;
  // the clocks may be changed in between
  const there = clock(next);
  return next + (fromHour - there.hour) * hourMs - there.sinceHourMs;
}

function clockOf(timezone: string): (at: number) => { readonly hour: number; readonly sinceHourMs: number } {
  const format = new Intl.DateTimeFormat('en', { timeZone: timezone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    return { hour: parts['hour'] ?? 0, sinceHourMs: (parts['minute'] ?? 0) * minuteMs + (at % minuteMs) };
  };
}
