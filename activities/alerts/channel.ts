/** A place where alerts are told. */
import type { AlertWords, ToldAlert } from '../../domain/alert-message.ts';
import type { Outside } from '../../outside/outside.ts';
import type { Undelivered } from '../outbox/delivery.ts';

export interface AlertMessage {
  /** The same at each repeat and on every channel. */
  readonly message_id: string;
  readonly alert_id: string;
  /** message_id of the alert's beginning. */
  readonly first_message_id: string;
  readonly alert: ToldAlert;
  readonly words: AlertWords;
  readonly place: AlertPlace;
}

/** Where to look. */
export interface AlertPlace {
  /** The console; null without PUBLIC_URL. */
  readonly console: string | null;
  /** Path and query for the API. */
  readonly api: string;
}

export interface AlertChannel {
  /** Its messages stand in the table under this name. */
  readonly name: string;
  /** Deadline of one message. */
  readonly timeoutMs: number;
  /** Never throws for what the other side does or fails to do. `breaker_open`: nothing was sent. */
  tell(message: AlertMessage, signal: AbortSignal): Promise<'delivered' | Undelivered>;
}

/** Deadline of one message, milliseconds. */
export const channelTimeoutMs = 10_000;
/** What a receiver says beside its status is not kept, and no more of it is taken, bytes. */
export const channelAnswerBytes = 64_000;

/** A channel as it is configured. */
export type AlertChannelOf = (outside: Outside) => AlertChannel;
