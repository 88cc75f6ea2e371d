/** Alerts as the configuration has them. */
import type { AlertThresholds } from '../../domain/alert.ts';
import { outsideBreaker } from '../../outside/breakers/configured.ts';
import { guardedPost, judgePost } from '../../outside/breakers/guarded-post.ts';
import type { Breakers } from '../../outside/breakers/registry.ts';
import type { Configuration } from '../../service/configuration.ts';
import { createPost, type Post } from '../../outside/request.ts';
import type { BackoffOptions } from '../../domain/back-off.ts';
import type { AlertChannel } from './channel.ts';
import { judgeMail, mailChannel } from './mail.ts';
import { slackChannel } from './slack.ts';
import { webhookChannel } from './webhook.ts';

export interface Alerting {
  readonly thresholds: AlertThresholds;
  /** Without one, alerts are kept and logged all the same. */
  readonly channels: readonly AlertChannel[];
  /** For a message that a channel did not take. */
  readonly backoff: BackoffOptions;
  readonly publicUrl: string | null;
  /** Days that an alert stays after its end. */
  readonly keepDays: number;
}

const timeoutMs = 10_000;
/** What a receiver says beside its status is not kept. */
const maxAnswerBytes = 64_000;
/** Ten tries over some four hours: 1, 2, 4 … minutes, then one an hour. */
const backoff = { tries: 10, firstDelayMs: 60_000, capMs: 3_600_000, retryAfterCapMs: 3_600_000 };

interface AlertingServices { readonly breakers: Breakers; readonly now: () => number; readonly random: () => number }

export function configuredAlerting(configuration: Configuration, { breakers, now, random }: AlertingServices): Alerting {
  const guarded = (name: string, secret: string | null): Post => {
    const post = createPost({ secret, timeoutMs, maxAnswerBytes, allowPrivate: configuration.GANGWAY_ALLOW_PRIVATE_URLS === 'true', now });
    return guardedPost(outsideBreaker(breakers, configuration, { name, timeoutMs, judge: judgePost }), post);
  };
  const { ALERT_WEBHOOK_URL: webhook, ALERT_WEBHOOK_SECRET: secret, SLACK_WEBHOOK_URL: slack } = configuration;
  return {
    thresholds: {
      capacity: configuration.GANGWAY_DLQ_CAPACITY, sharePercent: configuration.GANGWAY_DLQ_ALERT_SHARE, ageHours: configuration.GANGWAY_DLQ_ALERT_AGE_HOURS,
    },
    channels: [
      ...(webhook === undefined || secret === undefined ? [] : [webhookChannel({ url: webhook, timeoutMs, post: guarded('alert_webhook', secret) })]),
      ...(slack === undefined ? [] : [slackChannel({ url: slack, timeoutMs, post: guarded('alert_slack', null) })]),
      ...mail(configuration, breakers),
    ],
    backoff: { ...backoff, random }, publicUrl: configuration.PUBLIC_URL ?? null, keepDays: configuration.GANGWAY_DLQ_KEEP_DAYS,
  };
}

function mail(configuration: Configuration, breakers: Breakers): AlertChannel[] {
  const { SMTP_URL: url, GANGWAY_ALERT_MAIL_TO: to, GANGWAY_ALERT_MAIL_FROM: from } = configuration;
  if (url === undefined || to === undefined || from === undefined) return [];
  return [mailChannel({
    url, from, to: to.split(',').map((address) => address.trim()), timeoutMs, passwordNeedsTls: configuration.GANGWAY_ALLOW_PRIVATE_URLS !== 'true',
    breaker: outsideBreaker(breakers, configuration, { name: 'alert_mail', timeoutMs, judge: judgeMail }),
  })];
}
