/** The delivery of events as the configuration has it. */
import type { Logger } from 'pino';
import { outsideBreaker } from '../../outside/breakers/configured.ts';
import { guardedPost, judgePost } from '../../outside/breakers/guarded-post.ts';
import type { Breakers } from '../../outside/breakers/registry.ts';
import type { Configuration } from '../../service/configuration.ts';
import { createPost, type Post } from '../../outside/request.ts';
import type { Database } from '../../stores/postgres/database.ts';
import { startDelivery, type DeliveryOptions, type RunningDelivery } from './delivery.ts';

/** What a receiver says beside its status is not kept. */
const maxAnswerBytes = 64_000;

/** Where events go: with a breaker of its own, and signed. */
export interface EventReceiver { readonly url: string; readonly post: Post; readonly isShut: () => boolean }

/** null without EVENT_WEBHOOK_URL. */
export function configuredReceiver(configuration: Configuration, { breakers, now }: { readonly breakers: Breakers; readonly now: () => number }): EventReceiver | null {
  const { EVENT_WEBHOOK_URL: url, EVENT_WEBHOOK_SECRET: secret, GANGWAY_EVENT_TIMEOUT_MS: timeoutMs } = configuration;
  if (url === undefined || secret === undefined) return null;
  const breaker = outsideBreaker(breakers, configuration, { name: 'event_delivery', timeoutMs, judge: judgePost });
  const post = createPost({ secret, timeoutMs, maxAnswerBytes, allowPrivate: configuration.GANGWAY_ALLOW_PRIVATE_URLS === 'true', now });
  return { url, post: guardedPost(breaker, post), isShut: () => breaker.isShut() };
}

export function startConfiguredDelivery(
  configuration: Configuration, { url, post, isShut }: EventReceiver,
  { db, log, now, park }: { readonly db: Database; readonly log: Logger; readonly now: () => number; readonly park: DeliveryOptions['park'] },
): RunningDelivery {
  return startDelivery({
    db, url, log, post, isPaused: isShut, park, now, timeoutMs: configuration.GANGWAY_EVENT_TIMEOUT_MS,
    parallel: configuration.GANGWAY_EVENT_PARALLEL, pollMs: configuration.GANGWAY_EVENT_POLL_MS, keepDays: configuration.GANGWAY_EVENT_KEEP_DAYS,
    tries: configuration.GANGWAY_EVENT_TRIES, firstDelayMs: configuration.GANGWAY_EVENT_FIRST_DELAY_MS, capMs: configuration.GANGWAY_EVENT_DELAY_CAP_SECONDS * 1_000,
    retryAfterCapMs: configuration.GANGWAY_EVENT_RETRY_AFTER_SECONDS * 1_000, random: () => Math.random(),
  });
}
