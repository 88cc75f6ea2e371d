/**
 * Delivers the outbox: one loop a worker. It claims due events, one of each session, sends them side by side, and notes what
 * came of each. Sessions never wait for it, and several workers share the work.
 */
import type { Logger } from 'pino';
import type { Attempt } from '../../domain/attempts.ts';
import {
  claimEvents, dropEvent, forgetDelivered, markDelivered, markUndelivered, releaseEvent, type ClaimedEvent,
} from '../../stores/postgres/outgoing-events.ts';
import { OutgoingRequestError, type OutgoingAnswer, type Post } from '../../outside/request.ts';
import type { Database, Scope } from '../../stores/postgres/database.ts';
import type { Prepare } from './reminder.ts';
import { requestOf } from './event-request.ts';
import { nextDelay, type BackOff } from '../../domain/back-off.ts';
import { workerName } from '../worker-name.ts';

export interface DeliverySettings extends Omit<BackOff, 'random'> {
  /** Events under way at once. */
  readonly parallel: number;
  readonly pollMs: number;
  /** Deadline of one try; a claim lasts a little longer. */
  readonly timeoutMs: number;
  readonly keepDays: number;
}

export interface DeliveryOptions extends DeliverySettings, Pick<BackOff, 'random'> {
  readonly db: Database;
  readonly url: string;
  readonly post: Post;
  /** The event as it is sent now; null: not any more. */
  readonly prepare: Prepare;
  readonly log: Logger;
  /** Takes an event whose tries are exhausted. Rejects while it cannot; then the event is tried again. */
  readonly park: (event: ClaimedEvent, attempts: readonly Attempt[], reason: string) => Promise<void>;
  readonly now: () => number;
  /** Events stay where they are meanwhile: the receiver's breaker is open. */
  readonly isPaused?: () => boolean;
}

export interface RunningDelivery {
  /** Breaks off what is under way; it is sent again later. */
  stop(): Promise<void>;
}

const claimMarginMs = 10_000;
const sweepMs = 60_000;

export function startDelivery(options: DeliveryOptions): RunningDelivery {
  const stopping = new AbortController();
  const ended = run(options, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

async function run(options: DeliveryOptions, stopping: AbortSignal): Promise<void> {
  const db = options.db.asSystem();
  let sweptAt = -Infinity;
  while (!stopping.aborted) {
    try {
      const claimed = options.isPaused?.() === true ? [] : await claimEvents(db, options.parallel, options.timeoutMs + claimMarginMs);
      await Promise.all(claimed.map((event) => deliver(options, db, event, stopping)));
      if (performance.now() - sweptAt > sweepMs) {
        sweptAt = performance.now();
        await forgetDelivered(db, options.keepDays);
      }
      if (claimed.length > 0) continue;
    } catch (error) {
      options.log.debug(
        { err: { type: error instanceof Error ? error.name : typeof error } }, 'events are delivered later: PostgreSQL does not answer',
      );
    }
    await pause(options.pollMs, stopping);
  }
}

async function deliver(options: DeliveryOptions, db: Scope, event: ClaimedEvent, stopping: AbortSignal): Promise<void> {
  const { event_id, session_id } = event;
  const at = options.now();
  const prepared = await options.prepare(event);
  if (prepared === null) return dropEvent(db, event.position);
  const sent = await attempt(options.post, requestOf(options.url, prepared, stopping));
  if (sent === 'delivered') return markDelivered(db, event.position);
  // not the receiver's doing, or not even sent: no try is counted
  if (stopping.aborted || sent.reason === 'breaker_open') return releaseEvent(db, event.position);
  const retryInMs = nextDelay(options, event.attempts + 1, sent.retryAfterMs);
  const failed: Attempt = {
    number: event.attempts + 1, at, category: 'external_api', error: sent.reason,
    delay_seconds: retryInMs === null ? null : retryInMs / 1_000, worker: workerName,
  };
  options.log[retryInMs === null ? 'warn' : 'debug'](
    { event_id, session_id, attempts: failed.number, reason: sent.reason },
    retryInMs === null ? 'an event is parked' : 'an event is tried again',
  );
  // while the engine is away the event goes on being tried: none is parked nowhere
  const parked = retryInMs === null && await options.park(event, [...event.tried, failed], sent.reason).then(() => true, () => false);
  await markUndelivered(db, event.position, failed, parked ? null : retryInMs ?? options.capMs);
}

/** Why somebody did not take what was sent, as a word or a status; never a text of theirs. */
export interface Undelivered { readonly reason: string; readonly retryAfterMs: number | null }

/** One POST; everything but 2xx is a no. */
export async function attempt(post: Post, request: Parameters<Post>[0]): Promise<'delivered' | Undelivered> {
  let answer: OutgoingAnswer;
  try {
    answer = await post(request);
  } catch (error) {
    if (error instanceof OutgoingRequestError) return { reason: error.reason, retryAfterMs: null };
    throw error;
  }
  if (answer.status >= 200 && answer.status < 300) return 'delivered';
  return { reason: `status ${answer.status}`, retryAfterMs: answer.retryAfterMs };
}

function pause(ms: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stopping.addEventListener('abort', done);
    if (stopping.aborted) done();
  });
}
