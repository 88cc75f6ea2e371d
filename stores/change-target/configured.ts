/** The change target that the configuration names. */
import { outsideBreaker } from '../../outside/breakers/configured.ts';
import { guardedPost, judgePost } from '../../outside/breakers/guarded-post.ts';
import type { Breakers } from '../../outside/breakers/registry.ts';
import type { Configuration } from '../../service/configuration.ts';
import { createPost } from '../../outside/request.ts';
import { createHttpTarget, maxTargetAnswerBytes } from './http.ts';
import type { ChangeTarget } from './port.ts';
import { createTablesTarget } from './tables.ts';

/** The built-in tables without CHANGE_TARGET_URL. */
export function configuredChangeTarget(configuration: Configuration, breakers: Breakers, now: () => number): ChangeTarget {
  const { CHANGE_TARGET_URL: url, CHANGE_TARGET_SECRET: secret, GANGWAY_CHANGE_TARGET_TIMEOUT_MS: timeoutMs } = configuration;
  if (url === undefined || secret === undefined) return createTablesTarget();
  const post = createPost({ secret, timeoutMs, maxAnswerBytes: maxTargetAnswerBytes, allowPrivate: configuration.GANGWAY_ALLOW_PRIVATE_URLS === 'true', now });
  return createHttpTarget(url, guardedPost(outsideBreaker(breakers, configuration, { name: 'change_target', timeoutMs, judge: judgePost }), post));
}
