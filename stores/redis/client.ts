/** Redis by ioredis, tuned so that a dead or frozen server costs at most the command time-out, never a queue. */
import { Redis, type Command } from 'ioredis';

export interface RedisOptions { readonly url: string; readonly timeoutMs: number; readonly onError: (error: Error) => void }

/**
 * No offline queue and no resending: a command that could not be sent now fails now, and one that timed out is not
 * repeated behind the caller's back.
 */
export function openRedis(options: RedisOptions): Redis {
  const redis = new FairRedis(options.url, {
    enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 500,
    autoResendUnfulfilledCommands: false, retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
  });
  redis.timeoutMs = options.timeoutMs;
  redis.on('error', options.onError);
  return redis;
}

/**
 * Its own time-out in the place of ioredis's: a process that was busy hears its timers before its sockets. So what has arrived
 * by then is read first, or a burst of requests would look like a Redis that does not answer.
 */
class FairRedis extends Redis {
  timeoutMs = 0;

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    const timer = setTimeout(() => {
      setImmediate(() => { command.reject(new Error('Command timed out')); });
    }, this.timeoutMs);
    const clear = (): void => { clearTimeout(timer); };
    command.promise.then(clear, clear);
    return super.sendCommand(command, stream);
  }
}
