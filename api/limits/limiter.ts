/** Rate limits: one Redis script a request, sliding windows in 60 slices, and a way to go on while Redis is away. */
import type { Redis } from 'ioredis';
import type { Breaker } from './breaker.ts';
import { FallbackCounter, type Verdict } from './fallback.ts';
import type { Policy } from './policy.ts';

/**
 * A window is cut into 60 slices; the oldest one counts whole until it has left the window, so that no window of the
 * stated length ever holds more than the limit. Redis's clock decides, not that of a process.
 * KEYS[1] counter; ARGV limit, window in ms. Returns allowed, remaining, ms until the oldest counted slice leaves.
 */
const script = `
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slice = window / 60
local current = math.floor(now / slice)
local used, oldest = 0, current
local slices = redis.call('HGETALL', KEYS[1])
for i = 1, #slices, 2 do
  local at = tonumber(slices[i])
  if at < current - 60 then redis.call('HDEL', KEYS[1], slices[i])
  else
    used = used + tonumber(slices[i + 1])
    if at < oldest then oldest = at end
  end
end
local allowed = 0
if used < limit then
  redis.call('HINCRBY', KEYS[1], current, 1)
  redis.call('PEXPIRE', KEYS[1], window + math.ceil(slice))
  used = used + 1
  allowed = 1
end
return { allowed, limit - used, math.ceil((oldest + 61) * slice - now) }`;

export interface LimiterOptions { readonly redis: Redis; readonly breaker: Breaker; readonly now: () => number; readonly onStoreError: (error: unknown) => void }

type Command = (key: string, limit: number, windowMs: number) => Promise<[allowed: number, remaining: number, resetMs: number]>;

export class Limiter {
  private readonly options: LimiterOptions;
  private readonly fallback = new FallbackCounter();
  private readonly command: Command;

  constructor(options: LimiterOptions) {
    this.options = options;
    options.redis.defineCommand('gangwayLimit', { numberOfKeys: 1, lua: script });
    const redis = options.redis as Redis & { gangwayLimit: Command };
    this.command = (key, limit, windowMs) => redis.gangwayLimit(key, limit, windowMs);
  }

  /** Counts one request of a subject. Never throws: without Redis the process counts. */
  async take(policy: Policy, subject: string): Promise<Verdict> {
    const { breaker, now } = this.options;
    // braces: all counters of one subject share a hash slot
    const key = `limit:{${subject}}:${policy.name}`;
    if (!breaker.admits()) return this.fallback.take(key, policy, now());
    try {
      const [allowed, remaining, resetMs] = await this.command(key, policy.limit, policy.windowSeconds * 1_000);
      breaker.succeeded();
      return { allowed: allowed === 1, remaining, resetSeconds: Math.max(1, Math.ceil(resetMs / 1_000)) };
    } catch (error) {
      breaker.failedOnce();
      this.options.onStoreError(error);
      return this.fallback.take(key, policy, now());
    }
  }
}

/** IETF draft 11: what the policy is, what is left, and when more will be. */
export function limitHeaders(policy: Policy, verdict: Verdict): Record<string, string> {
  return {
    'RateLimit-Policy': `"${policy.name}";q=${policy.limit};w=${policy.windowSeconds}`,
    RateLimit: `"${policy.name}";r=${Math.max(0, verdict.remaining)};t=${verdict.resetSeconds}`,
  };
}
