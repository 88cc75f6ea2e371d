/** What the events of sessions say of reminders: which were due, who came back, and which must not be sent any more. */
import type { SessionEvent, SessionState } from '../../domain/session-state.ts';
import type { ReminderNote, ReturnNote } from '../../stores/postgres/interventions.ts';

interface Told { readonly state: Pick<SessionState, 'session_id' | 'tenant'>; readonly events: readonly SessionEvent[] }

export interface RemindersIn {
  readonly reminders: readonly ReminderNote[];
  readonly returns: readonly ReturnNote[];
  /** Sessions whose person is back, that have ended or go on without one, or where reminders were switched off. */
  readonly unwanted: readonly string[];
}

export function remindersIn(all: readonly Told[]): RemindersIn {
  const told = all.flatMap(({ state: { session_id, tenant }, events }) => events.map((event) => ({ session_id, tenant, ...event })));
  return {
    reminders: told.filter(({ event }) => event === 'reminder_due' || event === 'reminder_held_out').map((each) => ({
      session_id: each.session_id, tenant: each.tenant, silent_since: silentSince(each), at: new Date(each.at),
      arm: each.event === 'reminder_due' ? 'sent' : 'held_out',
    })),
    returns: told.filter(({ event }) => event === 'person_returned').map((each) => ({
      session_id: each.session_id, silent_since: silentSince(each), at: new Date(each.at),
    })),
    unwanted: [...new Set(told.filter(({ event, properties }) => event === 'person_returned' || event === 'state_changed'
      || (event === 'reminders_switched' && properties['enabled'] === 'false')).map(({ session_id }) => session_id))],
  };
}

function silentSince({ properties }: SessionEvent): Date {
  return new Date(Number(properties['silent_since']));
}
