/** Names of what a session records. What a client adds (POST /sessions/{id}/events/) has any name and is marked as the client's. */
import type { StageName } from './lifecycle.ts';
import { stages } from './lifecycle.ts';

export const sessionEventNames = [
  'session_started', 'question_shown', 'question_answered', 'answer_amended', 'answer_refused', 'question_clarified', 'help_given',
  'question_not_skipped', 'answers_restored', 'stage_reached', 'state_changed', 'checkpoint_created', 'upload', 'session_resumed',
  'session_escalated', 'session_cancel_requested', 'session_abandoned', 'risk_level_changed', 'reminders_switched', 'reminder_due',
  'reminder_held_out', 'person_returned', 'decision_taken', 'approval_given', 'changeset_pending_second_approval', 'changeset_applied',
  'changeset_rejected', 'changeset_stale', 'changeset_discarded', 'task_parked', 'task_completed', 'task_discarded', 'task_superseded',
] as const;
export type SessionEventName = (typeof sessionEventNames)[number];

const own: ReadonlySet<string> = new Set([...sessionEventNames, ...stages satisfies readonly StageName[]]);

/** The service records it, or counts it as a stage: nobody else's event of this name is the same. */
export function isOwnEventName(name: string): boolean {
  return own.has(name);
}
