/** The limits of the resources that go on without Redis, by what this process alone has let through. */
import { amountOf, type Policy, type Resource } from './policy.ts';
import { ProcessCounter, type CountedWindow } from './process-counter.ts';
import { stricter, wholeSeconds, type PolicyVerdict } from './verdict.ts';

/** A window and its place among those of its resource. */
interface Place extends CountedWindow { readonly at: number }

/** What the process counts of a policy; null: of a critical resource, of which nothing passes without Redis's word. */
export type Counted = {
  readonly resource: string;
  readonly own: Place;
  /** What holds while Redis does not answer: where the policy counts the same window of requests at its place, else beyond all of them. */
  readonly alone: Place;
  /** Of the policy that the place of `alone` is counted with. */
  readonly countsAlone: boolean;
} | null;

/** A charge in one place for all that is asked about it. */
export interface CountedRequest {
  readonly subject: string;
  readonly policies: readonly Policy[];
  readonly counted: readonly Counted[];
  readonly costs: readonly number[];
}

export function countedOf({ policies, fallback, key }: Resource): Counted[] {
  if (fallback === null) return policies.map(() => null);
  const same = policies.findIndex(({ unit, windowSeconds }) => unit === 'requests' && windowSeconds === fallback.windowSeconds);
  const alone = { at: same === -1 ? policies.length : same, limit: fallback.limit, windowMs: fallback.windowSeconds * 1_000 };
  return policies.map(({ limit, slice, span }, at) => ({
    resource: key, own: { at, limit, windowMs: slice * span }, alone, countsAlone: same === -1 && at === 0,
  }));
}

export class ProcessLimits {
  private readonly counter = new ProcessCounter();

  /** The word of the process on each policy, null where it has none. `isAlone`: Redis does not answer. Counts nothing. */
  look({ subject, policies, counted, costs }: CountedRequest, nowMs: number, isAlone: boolean): (PolicyVerdict | null)[] {
    return policies.map((policy, n) => {
      const place = counted[n] ?? null;
      if (place === null) return null;
      const told = (window: Place, cost: number): PolicyVerdict => {
        const { fits, used, resetMs } = this.counter.look(`${subject} ${place.resource}`, window.at, window, cost, nowMs);
        return { policy, fits, remaining: amountOf(policy.unit, window.limit - used), resetSeconds: wholeSeconds(resetMs) };
      };
      const own = told(place.own, costs[n] ?? 0);
      return isAlone ? stricter(own, told(place.alone, 1)) : own;
    });
  }

  /** Counts what passes. `redisNowMs`: when Redis counted it by its clock, so that it leaves here no later than there; null: it did not. */
  count({ subject, policies, counted, costs }: CountedRequest, askedMs: number, redisNowMs: number | null): void {
    for (const [n, { slice, span }] of policies.entries()) {
      const place = counted[n] ?? null;
      if (place === null) continue;
      const key = `${subject} ${place.resource}`;
      const leavesInMs = redisNowMs === null ? (span + 1) * slice : (Math.floor(redisNowMs / slice) + span + 1) * slice - redisNowMs;
      this.counter.count(key, place.own.at, place.own, costs[n] ?? 0, askedMs, leavesInMs);
      if (place.countsAlone) this.counter.count(key, place.alone.at, place.alone, 1, askedMs, place.alone.windowMs * (61 / 60));
    }
  }
}
