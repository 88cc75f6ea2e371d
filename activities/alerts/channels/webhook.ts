/** Alerts for programs: in the envelope that outgoing events have, signed alike. */
import { nobody } from '../../../domain/alert.ts';
import { attempt } from '../../outbox/delivery.ts';
import { channelAnswerBytes, channelTimeoutMs, type AlertChannelOf, type AlertMessage } from '../channel.ts';
import { placeLines } from '../place.ts';

export function webhookChannel({ url, secret }: { readonly url: string; readonly secret: string }): AlertChannelOf {
  return (outside) => {
    const { post } = outside.receiver({ name: 'alert_webhook', secret, timeoutMs: channelTimeoutMs, maxAnswerBytes: channelAnswerBytes });
    return {
      name: 'webhook', timeoutMs: channelTimeoutMs,
      tell: (message, signal) => attempt(post, {
        url: new URL(url), body: JSON.stringify(envelopeOf(message)), headers: { 'idempotency-key': message.message_id }, signal,
      }),
    };
  };
}

function envelopeOf({ message_id, alert_id, alert, words, place }: AlertMessage) {
  const { says, tenant, kind, facts, raised_at, resolved_at } = alert;
  return {
    event_id: message_id, event: `alert_${says}`, occurred_at: iso(resolved_at ?? raised_at), tenant: tenant === nobody ? null : tenant,
    data: {
      alert_id, kind, raised_at: iso(raised_at), recovered_at: resolved_at === null ? null : iso(resolved_at), title: words.title,
      text: [...words.lines, ...placeLines(place)].join('\n'), console_url: place.console, facts: withTimes(facts),
    },
  };
}

/** Times inside are epoch ms; outside they are RFC 3339. */
function withTimes(facts: AlertMessage['alert']['facts']): Readonly<Record<string, unknown>> {
  const times = new Set(['first_seen', 'oldest_open_parked_at', 'blind_since']);
  return Object.fromEntries(Object.entries(facts).map(([name, value]: [string, unknown]) => [
    name, times.has(name) && typeof value === 'number' ? iso(value) : value,
  ]));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
