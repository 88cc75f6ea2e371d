/** Alerts for a Slack channel, by an incoming webhook: {text, blocks}. Its address is its secret, so requests are not signed. */
import { attempt } from '../../outbox/delivery.ts';
import { channelAnswerBytes, channelTimeoutMs, type AlertChannelOf, type AlertMessage } from '../channel.ts';

export function slackChannel({ url }: { readonly url: string }): AlertChannelOf {
  return (outside) => {
    const { post } = outside.receiver({
      name: 'alert_slack', secret: null, timeoutMs: channelTimeoutMs, maxAnswerBytes: channelAnswerBytes,
    });
    return {
      name: 'slack', timeoutMs: channelTimeoutMs,
      tell: (message, signal) => attempt(post, { url: new URL(url), body: JSON.stringify(payloadOf(message)), signal }),
    };
  };
}

function payloadOf({ words, place }: AlertMessage) {
  const where = place.console === null ? escaped(place.api) : `<${place.console}|Open the console> · ${escaped(place.api)}`;
  return {
    // what notifications show
    text: escaped(words.title),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: words.title, emoji: false } },
      { type: 'section', text: { type: 'mrkdwn', text: escaped(words.lines.join('\n')) } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: where }] },
    ],
  };
}

/** A name must not become a link, or a mention of everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
