/** The change target that the configuration names. */
import type { Configuration } from '../configuration.ts';
import { createPost } from '../outgoing-request.ts';
import { createHttpTarget, maxTargetAnswerBytes } from './http.ts';
import type { ChangeTarget } from './port.ts';
import { createTablesTarget } from './tables.ts';

/** The built-in tables without CHANGE_TARGET_URL. */
export function configuredChangeTarget(configuration: Configuration, now: () => number): ChangeTarget {
  const { CHANGE_TARGET_URL: url, CHANGE_TARGET_SECRET: secret } = configuration;
  if (url === undefined || secret === undefined) return createTablesTarget();
  return createHttpTarget(url, createPost({
    secret, timeoutMs: configuration.GANGWAY_CHANGE_TARGET_TIMEOUT_MS, maxAnswerBytes: maxTargetAnswerBytes,
    allowPrivate: configuration.GANGWAY_ALLOW_PRIVATE_URLS === 'true', now,
  }));
}
