/**
 * Until when workers have been there to flush what sessions gather. Beside the sign of life (worker-heartbeat.ts), which is gone
 * when they are: this stays, so that reports can say up to when they know.
 */
import type { Redis } from 'ioredis';

export interface FlushClock {
  /** When some worker was last seen that reaches the engine, epoch milliseconds; null: never, or it was forgotten. */
  readonly seenAt: number | null;
  /** Workers were away from then on, and what they left is being flushed now; null: nothing of that kind. */
  readonly awaySince: number | null;
}

const everyMs = 2_000;
/** A beat or two can get lost. */
const gapMs = 6_000;
/** The engine hands a dead worker's flush to another within 20 s (workflows/tasks.ts), whose timers are due at once. */
const catchUpMs = 60_000;
const keptSeconds = 30 * 86_400;

const keyOf = (taskQueue: string): string => `flush-clock:${taskQueue}`;

const beatScript = `
local now = tonumber(ARGV[1])
local seen = tonumber(redis.call('HGET', KEYS[1], 'seen') or ARGV[1])
local held = tonumber(redis.call('HGET', KEYS[1], 'held_until') or 0)
if now - seen > tonumber(ARGV[2]) then
  if held <= seen then redis.call('HSET', KEYS[1], 'away_since', seen) end
  redis.call('HSET', KEYS[1], 'held_until', now + tonumber(ARGV[3]))
end
redis.call('HSET', KEYS[1], 'seen', math.max(now, seen))
redis.call('EXPIRE', KEYS[1], ARGV[4])`;

/** Beats until stopped, while `isFlushing` says so. Returns the stopper. */
export function keepFlushClock(redis: Redis, taskQueue: string, isFlushing: () => Promise<boolean>): () => Promise<void> {
  const once = async (): Promise<void> => {
    if (await isFlushing()) await beatFlushClock(redis, taskQueue, Date.now());
  };
  let beating = once().catch(() => undefined);
  const timer = setInterval(() => { beating = once().catch(() => undefined); }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await beating;
  };
}

export async function beatFlushClock(redis: Redis, taskQueue: string, now: number): Promise<void> {
  await redis.eval(beatScript, 1, keyOf(taskQueue), now, gapMs, catchUpMs, keptSeconds);
}

/** Throws when Redis does not answer. */
export async function readFlushClock(redis: Redis, taskQueue: string, now: number): Promise<FlushClock> {
  const [seen, awaySince, heldUntil] = await redis.hmget(keyOf(taskQueue), 'seen', 'away_since', 'held_until');
  const isHeld = heldUntil != null && now < Number(heldUntil);
  return { seenAt: seen == null ? null : Number(seen), awaySince: isHeld && awaySince != null ? Number(awaySince) : null };
}

/** Up to when workers were there, by what the clock says now. */
export function workedUntil({ seenAt, awaySince }: FlushClock, now: number): number {
  const seenUntil = seenAt === null || now - seenAt <= gapMs ? now : seenAt;
  return Math.min(seenUntil, awaySince ?? now);
}
