import type { OutgoingEvent } from '../../stores/postgres/outgoing-events.ts';
import type { Post } from '../../outside/request.ts';

/** An event as its receiver gets it. The key is the event's id: a repeat has the same one. */
export function requestOf(url: string, event: OutgoingEvent, signal: AbortSignal): Parameters<Post>[0] {
  const { event_id, event: name, occurred_at, tenant, session_id, data } = event;
  const body = JSON.stringify({ event_id, event: name, occurred_at: occurred_at.toISOString(), tenant, session_id, data });
  return { url: new URL(url), body, headers: { 'idempotency-key': event_id }, signal };
}
