/** The delivery of events as the configuration has it. */
import type { Logger } from 'pino';
import { outsideBreaker } from '../../stores/breakers/configured.ts';
import { guardedPost, judgePost } from '../../stores/breakers/guarded-post.ts';
import type { Breakers } from '../../stores/breakers/registry.ts';
import type { Configuration } from '../../stores/configuration.ts';
import { createPost } from '../../stores/outgoing-request.ts';
import type { Database } from '../../stores/postgres.ts';
import { startDelivery, type RunningDelivery } from './delivery.ts';

/** What a receiver says beside its status is not kept. */
const maxAnswerBytes = 64_000;

/** null without EVENT_WEBHOOK_URL. */
export function startConfiguredDelivery(
  configuration: Configuration, { db, breakers, log, now }: { readonly db: Database; readonly breakers: Breakers; readonly log: Logger; readonly now: () => number },
): RunningDelivery | null {
  const { EVENT_WEBHOOK_URL: url, EVENT_WEBHOOK_SECRET: secret, GANGWAY_EVENT_TIMEOUT_MS: timeoutMs } = configuration;
  if (url === undefined || secret === undefined) return null;
  const breaker = outsideBreaker(breakers, configuration, { name: 'event_delivery', timeoutMs, judge: judgePost });
  const post = createPost({ secret, timeoutMs, maxAnswerBytes, allowPrivate: configuration.GANGWAY_ALLOW_PRIVATE_URLS === 'true', now });
  return startDelivery({
    db, url, log, timeoutMs, post: guardedPost(breaker, post), isPaused: () => breaker.isShut(),
    parallel: configuration.GANGWAY_EVENT_PARALLEL, pollMs: configuration.GANGWAY_EVENT_POLL_MS, keepDays: configuration.GANGWAY_EVENT_KEEP_DAYS,
    tries: configuration.GANGWAY_EVENT_TRIES, firstDelayMs: configuration.GANGWAY_EVENT_FIRST_DELAY_MS, capMs: configuration.GANGWAY_EVENT_DELAY_CAP_SECONDS * 1_000,
    retryAfterCapMs: configuration.GANGWAY_EVENT_RETRY_AFTER_SECONDS * 1_000, random: () => Math.random(),
  });
}
