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

/** A time-out passes in so many steps. */
const timeoutSteps = 5;

/**
 * Its own time-out in the place of ioredis's, in steps, before each of which what has arrived is read. A process that was busy
 * hears its timers before its sockets, and all at once: however long it heard nothing, two steps of it count at most, or a burst
 * of requests would look like a Redis that does not answer.
 */
class FairRedis extends Redis {
  timeoutMs = 0;

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    const stepMs = this.timeoutMs / timeoutSteps;
    let leftMs = this.timeoutMs;
    let isSettled = false;
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const from = performance.now();
      timer = setTimeout(() => {
        setImmediate(() => {
          leftMs -= Math.min(performance.now() - from, 2 * stepMs);
          if (leftMs <= 0) command.reject(new Error('Command timed out'));
          else if (!isSettled) wait();
        });
      }, Math.min(stepMs, leftMs));
    };
    wait();
    const settled = (): void => {
      isSettled = true;
      clearTimeout(timer);
    };
    command.promise.then(settled, settled);
    return super.sendCommand(command, stream);
  }
}
