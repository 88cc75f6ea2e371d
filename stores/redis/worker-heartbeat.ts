/** A sign of life of the workers of a task queue. The engine lists dead pollers for over a minute, so it cannot tell. */
import type { Redis } from 'ioredis';

const everyMs = 2_000;
const ttlSeconds = 6;

const keyOf = (taskQueue: string): string => `worker:${taskQueue}`;

/** Beats until stopped, as long as the worker runs. Returns the stopper. */
export function beat(redis: Redis, taskQueue: string, isRunning: () => boolean): () => Promise<void> {
  const once = (): void => {
    if (isRunning()) redis.set(keyOf(taskQueue), Date.now(), 'EX', ttlSeconds).catch(() => undefined);
  };
  once();
  const timer = setInterval(once, everyMs);
  timer.unref();
  return () => { clearInterval(timer); return Promise.resolve(); };
}

/** Whether some worker beat lately. Throws when Redis does not answer. */
export async function isBeating(redis: Redis, taskQueue: string): Promise<boolean> {
  return await redis.exists(keyOf(taskQueue)) === 1;
}
