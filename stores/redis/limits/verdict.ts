/** What the limiter says to a request. */
import type { LimitOutcome } from '../../../metrics/metrics.ts';
import type { Policy } from './policy.ts';

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

export function verdictOn(policies: readonly PolicyVerdict[], source: Verdict['source']): Verdict {
  const denying = refusing(policies);
  return { outcome: denying.length > 0 ? 'denied' : 'allowed', source, policies, retryAfterSeconds: longest(denying) };
}

/** Those that a request breaks; one in shadow mode is none of them. */
export function refusing(policies: readonly PolicyVerdict[]): readonly PolicyVerdict[] {
  return policies.filter(({ fits, policy }) => !fits && !policy.shadow);
}

/** The stricter word on one policy. */
export function stricter(one: PolicyVerdict, other: PolicyVerdict | null): PolicyVerdict {
  if (other === null || (one.fits === other.fits && one.remaining <= other.remaining && one.resetSeconds >= other.resetSeconds)) return one;
  const denying = [one, other].filter(({ fits }) => !fits);
  return {
    policy: one.policy, fits: denying.length === 0, remaining: Math.min(one.remaining, other.remaining),
    resetSeconds: longest(denying.length === 0 ? [one] : denying),
  };
}

export function limitOutcome({ outcome, source }: Verdict, { shadow }: Policy, fits: boolean): LimitOutcome {
  if (!fits && shadow) return 'shadow_denied';
  if (outcome === 'unavailable') return 'unavailable';
  if (source === 'process') return fits ? 'fallback_allowed' : 'fallback_denied';
  return fits ? 'allowed' : 'denied';
}

export function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** 0 where there are none. */
function longest(policies: readonly PolicyVerdict[]): number {
  return Math.max(0, ...policies.map(({ resetSeconds }) => resetSeconds));
}
