/**
 * Rate limits of subjects on resources: one command a decision, and for each resource a way to go on, or not, while Redis is away.
 * Of what may go on the process counts along, so that by itself it never lets more than a quota pass, whatever Redis does.
 */
import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Breaker } from '../../../outside/breakers/breaker.ts';
import { LruMap } from '../../../domain/lru-map.ts';
import type { LimitOutcome } from '../../../metrics/metrics.ts';
import { luaCommand, runLua, type LuaCommand } from './lua-command.ts';
import { amountOf, partsOf, type Cost, type Policy, type Resource } from './policy.ts';
import { countedOf, ProcessLimits, type Counted, type CountedRequest } from './process-limits.ts';
import { RedisClock } from './redis-clock.ts';
import { readAnswer, scriptsOf, type Answer, type WindowAnswer } from './script.ts';
import { limitOutcome, refusing, stricter, verdictOn, wholeSeconds, type PolicyVerdict, type Verdict } from './verdict.ts';

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

interface Compiled {
  readonly policies: readonly Policy[];
  readonly take: LuaCommand;
  readonly reserve: LuaCommand;
  readonly settle: LuaCommand;
  readonly counted: readonly Counted[];
}
interface Asked extends CountedRequest {
  readonly charges: readonly Charge[];
  readonly compiled: Compiled;
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

/** So many times the time-out may pass before Redis runs a command that is sent again: it has just answered. */
const patientTimes = 10;

export class Limiter {
  private readonly options: LimiterOptions;
  private readonly process = new ProcessLimits();
  private readonly denials = new LruMap<Denial>(rememberedDenials);
  private readonly clock = new RedisClock();
  private readonly compiled = new Map<string, Compiled>();

  constructor(options: LimiterOptions) {
    this.options = options;
  }

  /** Counts a request on all resources, or on none. Never throws. */
  async take(charges: readonly Charge[], subject: string): Promise<Verdict> {
    const asked = this.asked(charges, subject);
    return this.told(this.remembered(asked) ?? await this.decide(asked, null));
  }

  /** The same for what is only known afterwards: `settle` follows. The same id counts once. Never throws. */
  async reserve(charges: readonly Charge[], subject: string, reservation: NonNullable<Reservation>): Promise<Verdict> {
    const asked = this.asked(charges, subject);
    return this.told(await this.decide(asked, reservation));
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
    return this.decide(asked, null, true);
  }

  private asked(charges: readonly Charge[], subject: string): Asked {
    const compiled = this.planOf(charges);
    const hashed = hash('sha256', subject, 'base64url');
    const costs = charges.flatMap(({ resource, cost = oneRequest }) => resource.policies.map(({ unit }) => partsOf(unit, cost[unit] ?? 0)));
    // braces: all keys of a subject share a hash slot. The hash: no name stands in a key
    const keys = charges.map(({ resource }) => `limit:{${hashed}}:${resource.key}`);
    return { charges, compiled, costs, subject: hashed, keys, policies: compiled.policies, counted: compiled.counted };
  }

  private planOf(charges: readonly Charge[]): Compiled {
    const name = charges.map(({ resource }) => resource.plan).join(' ');
    const known = this.compiled.get(name);
    if (known !== undefined) return known;
    const scripts = scriptsOf(charges.map(({ resource }) => resource.policies), this.options.scriptTime);
    const compiled = {
      policies: charges.flatMap(({ resource }) => resource.policies), counted: charges.flatMap(({ resource }) => countedOf(resource)),
      take: luaCommand(scripts.take), reserve: luaCommand(scripts.reserve), settle: luaCommand(scripts.settle),
    };
    // bounded by the combinations that routes declare
    this.compiled.set(name, compiled);
    return compiled;
  }

  private async decide(asked: Asked, reservation: Reservation, looks = false): Promise<Verdict> {
    const askedMs = this.options.now();
    const before = this.process.look(asked, askedMs, false);
    // what the process alone knows to be over is counted nowhere
    const isOver = before.some((word) => word !== null && refusing([word]).length > 0);
    const answer = await this.askRedis(asked, looks || isOver ? null : reservation, looks || isOver);
    const verdict = answer === null ? this.withoutRedis(asked, !looks)
      : this.withRedis(asked, answer, isOver ? before : this.process.look(asked, this.options.now(), false));
    if (!looks && verdict.outcome === 'allowed') this.process.count(asked, askedMs, answer?.nowMs ?? null);
    return verdict;
  }

  /** null: Redis is not asked, or did not answer in time. */
  private async askRedis(asked: Asked, reservation: Reservation, looks: boolean): Promise<Answer | null> {
    const { breaker, now, onStoreError } = this.options;
    const pass = breaker.admit();
    if (pass === null) return null;
    const sentAt = now();
    try {
      const answer = await this.ask(asked, reservation, looks);
      pass.succeeded();
      if (!looks && answer.outcome === 'denied') this.remember(asked, answer.windows, sentAt);
      return answer;
    } catch (error) {
      pass.failed();
      onStoreError(error);
      // it may have been counted all the same; of a probe nothing more is sent
      if (reservation !== null && !pass.isProbe) this.end(asked, reservation.id, asked.costs.map(() => 0)).catch(() => undefined);
      return null;
    }
  }

  private async ask(asked: Asked, reservation: Reservation, looks: boolean): Promise<Answer> {
    const { timeoutMs, now } = this.options;
    const once = async (patienceMs: number): Promise<Answer> => {
      const sentAt = now();
      const deadline = this.clock.deadline(sentAt, patienceMs);
      const { keys, compiled, costs, subject } = asked;
      const reply = reservation === null
        ? await runLua(this.options.redis, compiled.take, keys, [deadline, looks ? 1 : 0, ...costs])
        : await runLua(
          this.options.redis, compiled.reserve, [...keys, recordKey(subject, reservation.id)],
          [deadline, reservation.leaseMs, ...costs, reservation.id],
        );
      const answer = readAnswer(reply as number[], costs);
      this.clock.learn(answer.nowMs, sentAt, now());
      return answer;
    };
    const answer = await once(timeoutMs);
    if (answer.outcome !== 'late') return answer;
    // it has counted nothing, and here it was heard in time: the machine was busy, or Redis's clock was set forward, known by now
    const again = await once(timeoutMs * patientTimes);
    if (again.outcome === 'late') throw new LateError();
    return again;
  }

  private end({ compiled, keys, subject }: Asked, id: string, costs: readonly number[]): Promise<unknown> {
    return runLua(this.options.redis, compiled.settle, [...keys, recordKey(subject, id)], [endedMs, ...costs, id]);
  }

  private remember({ charges, subject }: Asked, windows: readonly WindowAnswer[], sentAt: number): void {
    let index = 0;
    for (const { resource, cost = oneRequest } of charges) {
      for (const policy of resource.policies) {
        const window = windows[index];
        if (window?.fits === false && !policy.shadow && resource.isNeverGivenBack && cost === oneRequest) {
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
    return policies.length === 0 ? null : verdictOn(policies, 'remembered');
  }

  /** Redis's word, and that of the process where it is the stricter one. */
  private withRedis(asked: Asked, { windows }: Answer, words: readonly (PolicyVerdict | null)[]): Verdict {
    const policies = asked.policies.map((policy, n): PolicyVerdict => {
      const { fits = false, used = policy.limit, resetMs = 0 } = windows[n] ?? {};
      return { policy, fits, remaining: amountOf(policy.unit, policy.limit - used), resetSeconds: wholeSeconds(resetMs) };
    });
    const both = policies.map((word, n) => stricter(word, words[n] ?? null));
    return verdictOn(both, refusing(both).length > refusing(policies).length ? 'process' : 'redis');
  }

  private withoutRedis(asked: Asked, counts: boolean): Verdict {
    const waitSeconds = wholeSeconds(Math.max(this.options.breaker.waitMs(), 1));
    const words = this.process.look(asked, this.options.now(), true);
    const policies = asked.policies.map((policy, n): PolicyVerdict => {
      const word = words[n] ?? null;
      if (word === null) return { policy, fits: false, remaining: 0, resetSeconds: waitSeconds };
      return { ...word, remaining: Math.max(0, word.remaining - (word.fits && counts ? amountOf(policy.unit, asked.costs[n] ?? 0) : 0)) };
    });
    const isCritical = asked.policies.some(({ shadow }, n) => words[n] === null && !shadow);
    if (isCritical) return { outcome: 'unavailable', source: 'process', policies, retryAfterSeconds: waitSeconds };
    return verdictOn(policies, 'process');
  }

  private told(verdict: Verdict): Verdict {
    for (const { policy, fits } of verdict.policies) {
      // where another policy refuses, one that fits has decided nothing
      if (verdict.outcome === 'allowed' || !fits) this.options.onDecision(policy.name, limitOutcome(verdict, policy, fits));
    }
    return verdict;
  }
}

/** Two clocks that do not agree for the time of one command: as good as no answer. */
class LateError extends Error {
  override readonly name = 'LateError';
}

function denialKey(subject: string, policy: Policy): string {
  return `${subject} ${policy.name} ${policy.limit}`;
}

function recordKey(subject: string, id: string): string {
  return `limit:{${subject}}:reserved:${id}`;
}
