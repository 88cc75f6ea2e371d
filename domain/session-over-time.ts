/**
 * What time brings to a session while nobody does anything: levels of abandonment risk, and reminders. Looked at by the workflow's one
 * timer and after each message.
 */
import { assessRisk, interventions, levelChangesAt, waitingFor } from './abandonment-risk.ts';
import type { Message, RemindersBody } from './message.ts';
import { personName } from './person.ts';
import { armOf, nextReminder, type ReminderArm, type ReminderPlan } from './reminders.ts';
import { SessionCore } from './session-core.ts';

export class SessionOverTime extends SessionCore {
  /** Records the level of abandonment risk when it was crossed, with what would help. */
  checkRisk(now: number): void {
    const { risk_level: from } = this.state;
    if (levelChangesAt(this.riskSource(), from, now) !== now) return;
    const { score, level, leading: [factor] } = assessRisk(this.riskSource(), now);
    this.state.risk_level = level;
    this.record('risk_level_changed', now, '', {
      from, level, score: String(score), ...(factor === undefined ? {} : { factor, ...interventions[factor] }),
    });
  }

  /** When the level of abandonment risk is crossed next if nobody does anything; null: never. */
  riskChangesAt(now: number): number | null {
    return levelChangesAt(this.riskSource(), this.state.risk_level, now);
  }

  checkReminders(message: Message<RemindersBody>): undefined {
    if (!this.isNew(message.id)) return;
    this.checkOwner(message.actor);
    if (this.ended) throw this.wrongState('reminded of');
    this.checkVersion(message);
    this.checkRoom('messages');
  }

  /** The person's own choice. It is no activity: whoever wants no reminders has not come back by saying so. */
  setReminders(message: Message<RemindersBody>, now: number): void {
    if (!this.isNew(message.id)) return;
    const { enabled } = message.body;
    if (enabled !== this.state.reminders.enabled) {
      this.state.reminders = { ...this.state.reminders, enabled };
      this.record('reminders_switched', now, '', { enabled: String(enabled) });
    }
    this.remember(message, null);
  }

  /** When the person is to be reminded next; null: not in this silence. */
  reminderAt(now: number, plan: ReminderPlan): number | null {
    return this.nextReminder(now, plan)?.at ?? null;
  }

  /** Whether it may be done and that it was is one step: nothing that a person does comes in between. */
  remind(now: number, plan: ReminderPlan): void {
    const next = this.nextReminder(now, plan);
    if (next === null || next.at > now) return;
    const { last_activity_at: since, reminders } = this.state;
    this.state.reminders = { ...reminders, silent_since: since, number: next.number };
    this.record(this.reminderArm(plan) === 'sent' ? 'reminder_due' : 'reminder_held_out', now, '', {
      number: String(next.number), silent_since: String(since),
    });
  }

  /** Somebody who was reminded, or would have been, is there again. */
  get hasReturned(): boolean {
    const { reminders: { number, silent_since: since }, last_activity_at: active } = this.state;
    return number > 0 && active > since && !this.ended && this.state.state !== 'escalated';
  }

  noteReturn(now: number): void {
    if (!this.hasReturned) return;
    const { reminders } = this.state;
    this.state.reminders = { ...reminders, number: 0 };
    this.record('person_returned', now, '', { silent_since: String(reminders.silent_since) });
  }

  private nextReminder(now: number, plan: ReminderPlan): { number: number; at: number } | null {
    if (waitingFor(this.riskSource()) !== 'person') return null;
    const zone = this.state.client_context['timezone'];
    return nextReminder({ ...this.state, timezone: typeof zone === 'string' ? zone : 'UTC' }, plan, now);
  }

  private reminderArm(plan: ReminderPlan): ReminderArm {
    const { tenant, owner, owner_person: person } = this.state;
    return armOf(person ?? personName(tenant, owner), plan);
  }
}
