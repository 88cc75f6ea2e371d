/** Rate limits of subjects on resources: one command a decision, and for each resource a way to go on, or not, while Redis is away. */
import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Breaker } from '../../../outside/breakers/breaker.ts';
import { LruMap } from '../../../domain/lru-map.ts';
import type { LimitOutcome } from '../../../metrics/metrics.ts';
import { FallbackCounter } from './fallback.ts';
import { luaCommand, runLua, type LuaCommand } from './lua-command.ts';
import { amountOf, partsOf, type Cost, type Policy, type Resource } from './policy.ts';
import { RedisClock } from './redis-clock.ts';
import { readAnswer, scriptsOf, type Answer, type WindowAnswer } from './script.ts';

export interface LimiterOptions {
  readonly redis: Redis;
  readonly breaker: Breaker;
  /** The time-out of one command, which `redis` keeps by itself. */
  readonly timeoutMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly onDecision: (policy: string, outcome: LimitOutcome) => void;
  readonly onStoreError: (error: unknown) => void;
  /** Lua that sets `now`; for tests. */
  readonly scriptTime?: string;
}

/** What is asked of one resource; without a cost it is one request. */
export interface Charge { readonly resource: Resource; readonly cost?: Cost }

export interface PolicyVerdict {
  readonly policy: Policy;
  /** Whether the request is within it; one in shadow mode denies nothing. */
  readonly fits: boolean;
  readonly remaining: number;
  /** Until more is free; of a policy that denies, until the request fits. Whole, at least 1. */
  readonly resetSeconds: number;
}

export interface Verdict {
  /** `unavailable`: a critical resource whose limit cannot be known now. */
  readonly outcome: 'allowed' | 'denied' | 'unavailable';
  readonly source: 'redis' | 'process' | 'remembered';
  readonly policies: readonly PolicyVerdict[];
  /** Whole seconds, 0 for what is allowed. */
  readonly retryAfterSeconds: number;
}

interface Compiled {
  readonly policies: readonly Policy[];
  readonly take: LuaCommand;
  readonly reserve: LuaCommand;
  readonly settle: LuaCommand;
}
interface Asked {
  readonly charges: readonly Charge[];
  readonly compiled: Compiled;
  readonly costs: readonly number[];
  readonly subject: string;
  readonly keys: readonly string[];
}
/** Until when a policy denies, and until when that is believed without asking again. */
interface Denial { readonly untilMs: number; readonly believedMs: number }
type Reservation = { readonly id: string; readonly leaseMs: number } | null;

const oneRequest: Cost = { requests: 1 };
/** A denial is remembered for this long at most: what Redis forgot is not held against anybody for long. */
const rememberedMs = 10_000;
const rememberedDenials = 50_000;
/** The end of a reservation is remembered for this long: a reservation that was still under way comes to nothing. */
const endedMs = 60_000;

export class Limiter {
  private readonly options: LimiterOptions;
  private readonly fallback = new FallbackCounter();
  private readonly denials = new LruMap<Denial>(rememberedDenials);
  private readonly clock = new RedisClock();
  private readonly compiled = new Map<string, Compiled>();

  constructor(options: LimiterOptions) {
    this.options = options;
  }

  /** Counts a request on all resources, or on none. Never throws. */
  async take(charges: readonly Charge[], subject: string): Promise<Verdict> {
    const asked = this.asked(charges, subject);
    return this.told(this.remembered(asked) ?? await this.decide(asked, null) ?? this.inProcess(asked, true));
  }

  /** The same for what is only known afterwards: `settle` follows. The same id counts once. Never throws. */
  async reserve(charges: readonly Charge[], subject: string, reservation: NonNullable<Reservation>): Promise<Verdict> {
    const asked = this.asked(charges, subject);
    return this.told(await this.decide(asked, reservation) ?? this.inProcess(asked, true));
  }

  /** The real cost of what was reserved; no cost releases it. Without Redis the reservation stands as it is. Never throws. */
  async settle(charges: readonly Charge[], subject: string, id: string): Promise<void> {
    const asked = this.asked(charges, subject);
    const pass = this.options.breaker.admit();
    if (pass === null) return;
    try {
      await this.end(asked, id, asked.costs);
      pass.succeeded();
    } catch (error) {
      pass.failed();
      this.options.onStoreError(error);
    }
  }

  /** What `take` would decide now. Counts nothing and remembers nothing. */
  async look(charges: readonly Charge[], subject: string): Promise<Verdict> {
    const asked = this.asked(charges, subject);
    return await this.decide(asked, null, true) ?? this.inProcess(asked, false);
  }

  private asked(charges: readonly Charge[], subject: string): Asked {
    const compiled = this.planOf(charges);
    const hashed = hash('sha256', subject, 'base64url');
    const costs = charges.flatMap(({ resource, cost = oneRequest }) => resource.policies.map(({ unit }) => partsOf(unit, cost[unit] ?? 0)));
    // braces: all keys of a subject share a hash slot. The hash: no name stands in a key
    return { charges, compiled, costs, subject: hashed, keys: charges.map(({ resource }) => `limit:{${hashed}}:${resource.key}`) };
  }

  private planOf(charges: readonly Charge[]): Compiled {
    const name = charges.map(({ resource }) => resource.plan).join(' ');
    const known = this.compiled.get(name);
    if (known !== undefined) return known;
    const scripts = scriptsOf(charges.map(({ resource }) => resource.policies), this.options.scriptTime);
    const compiled = {
      policies: charges.flatMap(({ resource }) => resource.policies),
      take: luaCommand(scripts.take), reserve: luaCommand(scripts.reserve), settle: luaCommand(scripts.settle),
    };
    // bounded by the combinations that routes declare
    this.compiled.set(name, compiled);
    return compiled;
  }

  /** null: Redis is not asked, or did not answer in time. */
  private async decide(asked: Asked, reservation: Reservation, looks = false): Promise<Verdict | null> {
    const { breaker, now, onStoreError } = this.options;
    const pass = breaker.admit();
    if (pass === null) return null;
    const sentAt = now();
    try {
      const answer = await this.ask(asked, reservation, looks, sentAt);
      pass.succeeded();
      const verdict = verdictOf(asked, answer);
      if (!looks && verdict.outcome === 'denied') this.remember(asked, verdict, answer.windows, sentAt);
      return verdict;
    } catch (error) {
      pass.failed();
      onStoreError(error);
      // it may have been counted all the same; of a probe nothing more is sent
      if (reservation !== null && !pass.isProbe) this.end(asked, reservation.id, asked.costs.map(() => 0)).catch(() => undefined);
      return null;
    }
  }

  private async ask(asked: Asked, reservation: Reservation, looks: boolean, sentAt: number): Promise<Answer> {
    const { timeoutMs, now } = this.options;
    const once = async (): Promise<Answer> => {
      const deadline = this.clock.deadline(sentAt, timeoutMs);
      const { keys, compiled, costs, subject } = asked;
      const reply = reservation === null
        ? await runLua(this.options.redis, compiled.take, keys, [deadline, looks ? 1 : 0, ...costs])
        : await runLua(
          this.options.redis, compiled.reserve, [...keys, recordKey(subject, reservation.id)], [deadline, reservation.leaseMs, ...costs],
        );
      const answer = readAnswer(reply as number[], costs);
      this.clock.learn(answer.nowMs, now());
      return answer;
    };
    const answer = await once();
    if (answer.outcome !== 'late') return answer;
    // an answer that is here in time is not late: Redis's clock was set forward, which is known now
    const again = await once();
    if (again.outcome === 'late') throw new LateError();
    return again;
  }

  private end({ compiled, keys, subject }: Asked, id: string, costs: readonly number[]): Promise<unknown> {
    return runLua(this.options.redis, compiled.settle, [...keys, recordKey(subject, id)], [endedMs, ...costs]);
  }

  private remember({ charges, subject }: Asked, { policies }: Verdict, windows: readonly WindowAnswer[], sentAt: number): void {
    let index = 0;
    for (const { resource, cost = oneRequest } of charges) {
      for (const policy of resource.policies) {
        const window = windows[index];
        if (window !== undefined && policies[index]?.fits === false && !policy.shadow && resource.isNeverGivenBack && cost === oneRequest) {
          this.denials.set(denialKey(subject, policy), {
            untilMs: sentAt + window.resetMs, believedMs: sentAt + Math.min(window.resetMs, rememberedMs),
          });
        }
        index += 1;
      }
    }
  }

  /** Refused without a round trip: nothing that was counted can have left before that time. */
  private remembered({ charges, subject }: Asked): Verdict | null {
    const now = this.options.now();
    const policies: PolicyVerdict[] = [];
    for (const { resource } of charges) {
      for (const policy of resource.policies) {
        const denial = this.denials.get(denialKey(subject, policy));
        if (denial !== undefined && denial.believedMs > now) {
          policies.push({ policy, fits: false, remaining: 0, resetSeconds: wholeSeconds(denial.untilMs - now) });
        }
      }
    }
    return policies.length === 0 ? null : { outcome: 'denied', source: 'remembered', policies, retryAfterSeconds: longest(policies) };
  }

  private inProcess({ charges, subject }: Asked, counts: boolean): Verdict {
    const now = this.options.now();
    const wait = wholeSeconds(Math.max(this.options.breaker.waitMs(), 1));
    const policies = charges.flatMap(({ resource }) => resource.policies.map((policy): PolicyVerdict => {
      if (resource.fallback === null) return { policy, fits: false, remaining: 0, resetSeconds: wait };
      const { fits, used, resetMs } = this.fallback.look(`${subject} ${resource.key}`, resource.fallback, now);
      return {
        policy, fits, remaining: Math.max(0, resource.fallback.limit - used - (fits && counts ? 1 : 0)),
        resetSeconds: wholeSeconds(resetMs),
      };
    }));
    if (charges.some(({ resource }) => resource.fallback === null && resource.policies.some((policy) => !policy.shadow))) {
      return { outcome: 'unavailable', source: 'process', policies, retryAfterSeconds: wait };
    }
    const denying = refusing(policies);
    if (denying.length > 0) return { outcome: 'denied', source: 'process', policies, retryAfterSeconds: longest(denying) };
    if (counts) {
      for (const { resource } of charges) {
        if (resource.fallback !== null) this.fallback.count(`${subject} ${resource.key}`, resource.fallback, now);
      }
    }
    return { outcome: 'allowed', source: 'process', policies, retryAfterSeconds: 0 };
  }

  private told(verdict: Verdict): Verdict {
    for (const { policy, fits } of verdict.policies) {
      // where another policy refuses, one that fits has decided nothing
      if (verdict.outcome === 'allowed' || !fits) this.options.onDecision(policy.name, outcomeOf(verdict, policy, fits));
    }
    return verdict;
  }
}

/** Two clocks that do not agree for the time of one command: as good as no answer. */
class LateError extends Error {
  override readonly name = 'LateError';
}

function verdictOf({ compiled }: Asked, { outcome, windows }: Answer): Verdict {
  const policies = compiled.policies.map((policy, index): PolicyVerdict => {
    const { fits = false, used = policy.limit, resetMs = 0 } = windows[index] ?? {};
    return { policy, fits, remaining: amountOf(policy.unit, policy.limit - used), resetSeconds: wholeSeconds(resetMs) };
  });
  const denying = refusing(policies);
  const isDenied = outcome === 'denied' || denying.length > 0;
  return { outcome: isDenied ? 'denied' : 'allowed', source: 'redis', policies, retryAfterSeconds: isDenied ? longest(denying) : 0 };
}

/** Those that a request breaks; one in shadow mode is none of them. */
export function refusing(policies: readonly PolicyVerdict[]): readonly PolicyVerdict[] {
  return policies.filter(({ fits, policy }) => !fits && !policy.shadow);
}

function outcomeOf({ outcome, source }: Verdict, { shadow }: Policy, fits: boolean): LimitOutcome {
  if (!fits && shadow) return 'shadow_denied';
  if (outcome === 'unavailable') return 'unavailable';
  if (source === 'process') return fits ? 'fallback_allowed' : 'fallback_denied';
  return fits ? 'allowed' : 'denied';
}

function denialKey(subject: string, policy: Policy): string {
  return `${subject} ${policy.name} ${policy.limit}`;
}

function recordKey(subject: string, id: string): string {
  return `limit:{${subject}}:reserved:${id}`;
}

function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function longest(policies: readonly PolicyVerdict[]): number {
  return Math.max(1, ...policies.map(({ resetSeconds }) => resetSeconds));
}
