/** A place where alerts are told. */
import type { AlertWords, ToldAlert } from '../../domain/alert-message.ts';
import type { ChannelName } from '../../stores/postgres/alerts.ts';
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
  readonly name: ChannelName;
  /** Deadline of one message. */
  readonly timeoutMs: number;
  /** Never throws for what the other side does or fails to do. `breaker_open`: nothing was sent. */
  tell(message: AlertMessage, signal: AbortSignal): Promise<'delivered' | Undelivered>;
}
