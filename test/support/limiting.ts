/** A limiter of a test's own on a Redis of its own. */
import type { Redis } from 'ioredis';
import { Breaker } from '../../outside/breakers/breaker.ts';
import { readConfiguration } from '../../service/environment.ts';
import { limitSettings } from '../../service/settings.ts';
import { Limiter, type LimiterOptions } from '../../stores/redis/limits/limiter.ts';
import { resourcesOf, type Policy, type Resource, type Resources } from '../../stores/redis/limits/policy.ts';
import { openRedis } from '../../stores/redis/client.ts';

/** What is asked of one resource: one request. */
export const asked = (resource: Resource): readonly [{ readonly resource: Resource }] => [{ resource }];

export interface Limiting {
  readonly limiter: Limiter;
  readonly breaker: Breaker;
  readonly redis: Redis;
  /** [policy, outcome] of each decision. */
  readonly decisions: (readonly [policy: string, outcome: string])[];
  /** Of the process; it goes on by itself and by what is added here. */
  readonly clock: { ms: number };
  /** The time of Redis as the script reads it, for a limiter with `hasScriptClock`. */
  readonly setScriptClock: (ms: number) => Promise<void>;
}

/** Only scripts that are made with it read the time from a key. */
const scriptClock = "local now = tonumber(redis.call('GET', 'clock'))";

export type LimitingOptions = Partial<LimiterOptions> & {
  readonly openMs?: number;
  readonly timeoutMs?: number;
  readonly hasScriptClock?: boolean;
};

/** The table as the configuration makes it. */
export function resources(settings: Readonly<Record<string, string>> = {}): Resources {
  return resourcesOf(limitSettings(readConfiguration(settings)));
}

/** A resource with one quota, as the table makes them. */
export function quota(limit: number, windowSeconds: number, more: Partial<Resource> = {}): Resource {
  const slice = (windowSeconds * 1_000) / 60;
  const policy: Policy = { name: 'tried', unit: 'requests', quota: limit, windowSeconds, limit, slice, span: 60, shadow: false };
  const fallback = { limit: 50, windowSeconds: 3_600 };
  return {
    name: 'tried', policies: [policy], fallback, isNeverGivenBack: true, key: 'tried', plan: `tried=${limit}/${windowSeconds}`, ...more,
  };
}

export async function limitingOn(url: string, more: LimitingOptions = {}): Promise<Limiting> {
  const { openMs = 300_000, timeoutMs = 25, hasScriptClock = false, ...options } = more;
  const clock = { ms: 0 };
  const now = options.now ?? (() => performance.now() + clock.ms);
  const redis = openRedis({ url, timeoutMs, onError: () => undefined });
  await new Promise<void>((resolve) => { redis.once('ready', resolve); });
  const breaker = new Breaker({ name: 'limiter', failures: 5, openMs, now });
  const decisions: (readonly [string, string])[] = [];
  const onDecision = (policy: string, outcome: string): void => { decisions.push([policy, outcome]); };
  const limiter = new Limiter({
    redis, breaker, timeoutMs, now, onDecision, onStoreError: () => undefined, ...(hasScriptClock && { scriptTime: scriptClock }),
    ...options,
  });
  const setScriptClock = async (ms: number): Promise<void> => { await redis.set('clock', String(ms)); };
  return { limiter, breaker, redis, decisions, clock, setScriptClock };
}

type Send = (...values: unknown[]) => Promise<unknown>;

/** Puts itself between the limiter and its Redis: `between` gets each script that is sent, and what sends it. */
export function intercept({ redis }: Limiting, between: (send: () => Promise<unknown>) => Promise<unknown>): void {
  const sends = redis as unknown as Record<'eval' | 'evalsha', Send>;
  for (const name of ['eval', 'evalsha'] as const) {
    const send = sends[name].bind(redis);
    sends[name] = (...values) => between(() => send(...values));
  }
}

/** Outcomes of asking so often at once. */
export async function outcomes(times: number, ask: () => Promise<{ readonly outcome: string }>): Promise<Record<string, number>> {
  const verdicts = await Promise.all(Array.from({ length: times }, ask));
  return Object.fromEntries([...Map.groupBy(verdicts, ({ outcome }) => outcome)].map(([outcome, all]) => [outcome, all.length]));
}
