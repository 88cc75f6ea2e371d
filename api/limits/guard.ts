/** The limiter at the door: asks once for all that a request is counted on, sets the headers, and refuses. */
import type { Context } from 'koa';
import { holds, type Actor } from '../../domain/message.ts';
import type { Limiter } from '../../stores/redis/limits/limiter.ts';
import type { ResourceName, Resources } from '../../stores/redis/limits/policy.ts';
import { personSubject } from '../../stores/redis/limits/subject.ts';
import { refusing, type Verdict } from '../../stores/redis/limits/verdict.ts';
import { Problem } from '../problem.ts';
import type { RouteLimit } from '../route.ts';
import { exemptHeaders, limitHeaders } from './headers.ts';

export interface LimitGuardOptions {
  readonly limiter: Limiter;
  readonly resources: Resources;
  /** For measuring what limits cost; never off outside a bench. */
  readonly isOff: boolean;
}

export class LimitGuard {
  private readonly options: LimitGuardOptions;

  constructor(options: LimitGuardOptions) {
    this.options = options;
  }

  /** Counts the request of a person on everything it names. Throws 429, and 503 where a limit must not be guessed. */
  person(ctx: Context, actor: Actor, limits: readonly RouteLimit[]): Promise<void> {
    const names = limits.map((name): ResourceName => (name === 'api' && holds(actor, 'admin') ? 'api_admin' : name));
    return this.count(ctx, names, personSubject(actor.tenant, actor.subject));
  }

  /** Counts a request that nobody vouches for. */
  stranger(ctx: Context, address: string): Promise<void> {
    return this.count(ctx, ['anonymous'], address);
  }

  /** Counts a request by its address because its credential cannot be looked up now: no guess, but no person either. */
  unknown(ctx: Context, address: string): Promise<void> {
    return this.count(ctx, ['api'], address);
  }

  exempt(ctx: Context): void {
    ctx.set(exemptHeaders);
  }

  private async count(ctx: Context, names: readonly ResourceName[], subject: string): Promise<void> {
    const { limiter, resources, isOff } = this.options;
    if (isOff) return;
    const verdict = await limiter.take(names.map((name) => ({ resource: resources[name] })), subject);
    ctx.set(limitHeaders(verdict.policies));
    if (verdict.outcome !== 'allowed') throw refusal(verdict);
  }
}

/** The limiter's word as a problem. */
export function refusal({ outcome, policies, retryAfterSeconds }: Verdict): Problem {
  const violated = refusing(policies).map(({ policy }) => policy);
  const extras = {
    headers: { 'Retry-After': String(retryAfterSeconds) }, members: { violated_policies: violated.map(({ name }) => name) },
  };
  if (outcome === 'unavailable') {
    return new Problem('limiter_unavailable', 'What is counted here cannot be counted right now. Nothing happened: repeat later.', extras);
  }
  const limits = violated.map(({ quota, unit, windowSeconds }) => `${quota} ${unit} in ${windowSeconds} seconds`);
  return new Problem('rate_limited', `More than ${limits.join(' and ')}. Wait ${retryAfterSeconds} s.`, extras);
}
