/** What of a session's history is told to EVENT_WEBHOOK_URL: changes of state, decisions, what became of changesets. */
import { derivedId } from '../../domain/derived-id.ts';
import type { SessionEvent, SessionState } from '../../domain/session-state.ts';
import { reminderEvent } from './reminder.ts';
import type { OutgoingEvent } from '../../stores/postgres/outgoing-events.ts';

export function outgoingEventsOf(state: SessionState, events: readonly SessionEvent[]): OutgoingEvent[] {
  return events.filter(({ event }) => event === 'state_changed' || event === 'decision_taken' || event === 'reminder_due'
    || event.startsWith('changeset_')).map((event) => ({
    // of the session and its own number: a flush that is repeated adds nothing
    event_id: derivedId(state.session_id, event.sequence), event: event.event === 'reminder_due' ? reminderEvent : event.event,
    occurred_at: new Date(event.at), tenant: state.tenant,
    session_id: state.session_id,
    data: event.event === 'reminder_due' ? reminderOf(event) : { ...event.properties, ...changesetOf(state, event) },
  }));
}

/** The link comes when it is sent. */
function reminderOf({ properties: { number, silent_since: since } }: SessionEvent): { number: number; silent_since: string } {
  return { number: Number(number), silent_since: new Date(Number(since)).toISOString() };
}

/** An event of an earlier decision, which the session no longer holds, comes without. */
function changesetOf({ decision }: SessionState, event: SessionEvent): { changeset_id?: string } {
  const belongs = decision !== null && event.event !== 'state_changed' && event.at >= decision.decided_at;
  return belongs ? { changeset_id: decision.changeset_id } : {};
}
