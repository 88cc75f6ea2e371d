/** The newest events of a session, for readers that come back. */
import type { SessionEvent, SessionState } from './session-state.ts';

/** Events after a sequence, oldest first. `complete` is false when that sequence was never reached, or some after it are no longer kept. */
export function eventsAfter(state: Pick<SessionState, 'recent' | 'event_sequence'>, after: number): {
  readonly events: readonly SessionEvent[];
  readonly complete: boolean;
} {
  const { recent, event_sequence: last } = state;
  const complete = after <= last && (after === last || (recent[0]?.sequence ?? last + 1) <= after + 1);
  return { events: recent.filter((event) => event.sequence > after), complete };
}
