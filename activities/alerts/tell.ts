/** Tells one channel what is due on it, one message after the other. */
import type { Logger } from 'pino';
import { alertWords } from '../../domain/alert-message.ts';
import { derivedId } from '../../domain/derived-id.ts';
import { claimMessage, markTold, markUntold, releaseMessage, withdrawMessages, type ClaimedMessage } from '../../stores/postgres/alerts.ts';
import type { Database, Scope } from '../../stores/postgres/database.ts';
import type { Stuck } from '../stuck.ts';
import type { Alerting } from './alerting.ts';
import { nextDelay } from '../../domain/back-off.ts';
import type { AlertChannel, AlertMessage } from './channel.ts';
import { placeOf } from './place.ts';

export interface RaiseOptions extends Alerting {
  readonly db: Database;
  readonly stuck: Stuck;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Messages of one channel in one round; the rest stays due. */
const messagesMax = 100;
/** No further message is begun after this, so that a round ends in good time. */
const roundMs = 30_000;
const leaseMarginMs = 10_000;

/**
 * Stops at the first message that is not taken: a channel that is down costs one time-out a round, not one a message. The
 * message waits for its next try meanwhile, so that the following round begins with others.
 */
export async function tellChannel(options: RaiseOptions, db: Scope, channel: AlertChannel): Promise<{ told: number; failed: number }> {
  await withdrawMessages(db, channel.name);
  const until = performance.now() + roundMs;
  let told = 0;
  while (told < messagesMax && performance.now() < until && !options.signal.aborted) {
    const claimed = await claimMessage(db, channel.name, channel.timeoutMs + leaseMarginMs);
    if (claimed === null) break;
    const took = await tellOne(options, db, channel, claimed);
    if (!took) return { told, failed: 1 };
    told += 1;
  }
  return { told, failed: 0 };
}

async function tellOne(
  { backOff, publicUrl, log, signal }: RaiseOptions, db: Scope, channel: AlertChannel, claimed: ClaimedMessage,
): Promise<boolean> {
  const { position, alert_id, attempts, tenant, kind, says } = claimed;
  const answer = await channel.tell(messageOf(claimed, publicUrl), signal);
  if (answer === 'delivered') {
    await markTold(db, position);
    return true;
  }
  // not the channel's doing, or not even sent: no try is counted
  if (signal.aborted || answer.reason === 'breaker_open') {
    await releaseMessage(db, position);
    return false;
  }
  const retryInMs = nextDelay(backOff, attempts, answer.retryAfterMs);
  log.warn(
    { tenant, alert: kind, alert_id, says, channel: channel.name, attempts, reason: answer.reason },
    retryInMs === null ? 'an alert is given up on a channel' : 'an alert is told again later',
  );
  await markUntold(db, position, answer.reason, retryInMs);
  return false;
}

function messageOf(claimed: ClaimedMessage, publicUrl: string | null): AlertMessage {
  const { alert_id, says } = claimed;
  return {
    alert_id, message_id: derivedId(alert_id, says), first_message_id: derivedId(alert_id, 'raised'),
    alert: claimed, words: alertWords(claimed), place: placeOf(claimed, publicUrl),
  };
}
