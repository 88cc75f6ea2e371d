/** Redis by ioredis, tuned so that a dead or frozen server costs at most the command time-out, never a queue. */
import { Redis } from 'ioredis';

export interface RedisOptions { readonly url: string; readonly timeoutMs: number; readonly onError: (error: Error) => void }

/**
 * No offline queue and no resending: a command that could not be sent now fails now, and one that timed out is not
 * repeated behind the caller's back.
 */
export function openRedis(options: RedisOptions): Redis {
  const redis = new Redis(options.url, {
    enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 500, commandTimeout: options.timeoutMs,
    autoResendUnfulfilledCommands: false, retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
  });
  redis.on('error', options.onError);
  return redis;
}
