/** The outbox: events wait here, written in the transaction of what they tell of, until somebody has delivered them. */
import type { Attempt } from '../../domain/attempts.ts';
import type { Queries } from './database.ts';

/** Ids and shapes only, never an answer. */
export interface OutgoingEvent {
  readonly event_id: string;
  readonly event: string;
  readonly occurred_at: Date;
  readonly tenant: string;
  readonly session_id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ClaimedEvent extends OutgoingEvent {
  /** Order of writing, over all sessions. */
  readonly position: string;
  /** Failed tries so far. */
  readonly attempts: number;
  /** The same, each with its time and error. */
  readonly tried: readonly Attempt[];
}

export async function queueEvents(tx: Queries, events: readonly OutgoingEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx.query(
    `INSERT INTO outgoing_events (event_id, event, occurred_at, tenant, session_id, data)
     SELECT e.* FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::uuid[], $6::jsonb[]) AS e
     ON CONFLICT (event_id) DO NOTHING`,
    [
      events.map((event) => event.event_id), events.map((event) => event.event), events.map((event) => event.occurred_at),
      events.map((event) => event.tenant), events.map((event) => event.session_id), events.map((event) => JSON.stringify(event.data)),
    ],
  );
}

/**
 * Due events, at most one of each session: the oldest that is pending, so that none overtakes another. They are the caller's
 * for `leaseMs`; after that somebody else may send them again.
 */
export async function claimEvents(db: Queries, limit: number, leaseMs: number): Promise<ClaimedEvent[]> {
  return db.query<ClaimedEvent>(
    `WITH due AS MATERIALIZED (
       SELECT position FROM outgoing_events AS event
       WHERE status = 'pending' AND next_attempt_at <= now() AND NOT EXISTS (
         SELECT FROM outgoing_events AS earlier WHERE earlier.session_id = event.session_id AND earlier.status = 'pending'
           AND earlier.position < event.position)
       ORDER BY next_attempt_at, position LIMIT $1 FOR UPDATE SKIP LOCKED)
     UPDATE outgoing_events AS event SET next_attempt_at = now() + make_interval(secs => $2) FROM due WHERE event.position = due.position
     RETURNING event.position, event.event_id, event.event, event.occurred_at, event.tenant, event.session_id, event.data, event.attempts,
       event.tried`,
    [limit, leaseMs / 1_000],
  );
}

export async function markDelivered(db: Queries, position: string): Promise<void> {
  await db.query(
    "UPDATE outgoing_events SET status = 'delivered', delivered_at = now(), attempts = attempts + 1, last_error = NULL WHERE position = $1",
    [position],
  );
}

/** `retryInMs` null: no try is left, and its parked task has it. */
export async function markUndelivered(db: Queries, position: string, attempt: Attempt, retryInMs: number | null): Promise<void> {
  await db.query(
    `UPDATE outgoing_events SET attempts = attempts + 1, last_error = $2, status = CASE WHEN $3::float8 IS NULL THEN 'parked' ELSE status
       END,
       next_attempt_at = now() + make_interval(secs => coalesce($3::float8, 0)), tried = tried || $4::jsonb WHERE position = $1
         AND status = 'pending'`,
    [position, attempt.error, retryInMs === null ? null : retryInMs / 1_000, JSON.stringify([attempt])],
  );
}

/** An event that is not to be sent any more. */
export async function dropEvent(db: Queries, position: string): Promise<void> {
  await db.query('DELETE FROM outgoing_events WHERE position = $1', [position]);
}

/** Reminders of these sessions that still wait, for their turn or for an operator. */
export async function dropReminders(tx: Queries, sessionIds: readonly string[]): Promise<void> {
  if (sessionIds.length === 0) return;
  await tx.query(
    "DELETE FROM outgoing_events WHERE session_id = ANY($1) AND event = 'session.reminder_due' AND status <> 'delivered'", [sessionIds],
  );
}

type StoredEvent = OutgoingEvent & { readonly position: string; readonly status: 'pending' | 'delivered' | 'parked' };

export async function findEvent(db: Queries, eventId: string): Promise<StoredEvent | null> {
  const [row] = await db.query<OutgoingEvent & { position: string; status: 'pending' | 'delivered' | 'parked' }>(
    'SELECT position, event_id, event, occurred_at, tenant, session_id, data, status FROM outgoing_events WHERE event_id = $1', [eventId],
  );
  return row ?? null;
}

/** Gives a claimed event back untried. */
export async function releaseEvent(db: Queries, position: string): Promise<void> {
  await db.query("UPDATE outgoing_events SET next_attempt_at = now() WHERE position = $1 AND status = 'pending'", [position]);
}

/** Old delivered events go, a bounded number a time. Parked ones stay. */
export async function forgetDelivered(db: Queries, keepDays: number, limit = 1_000): Promise<void> {
  await db.query(
    `DELETE FROM outgoing_events WHERE position IN (
       SELECT position FROM outgoing_events WHERE status = 'delivered' AND delivered_at < now() - make_interval(days => $1)
         ORDER BY delivered_at LIMIT $2)`,
    [keepDays, limit],
  );
}
