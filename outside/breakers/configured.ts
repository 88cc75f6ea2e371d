/** Breakers as the configuration has them: all with the same numbers. */
import type { Configuration } from '../../service/configuration.ts';
import { Breaker } from './breaker.ts';
import { OutsideBreaker, type Judgement } from './outside-breaker.ts';
import type { Breakers } from './registry.ts';

/** A call's own deadline comes first; this one only makes sure that a probe ends. */
const marginMs = 1_000;

/** Around one system of somebody else's. `name` is what admins and metrics see; `timeoutMs` the longest call. */
export function outsideBreaker(
  breakers: Breakers, configuration: Configuration, { name, timeoutMs, judge }: { readonly name: string; readonly timeoutMs: number; readonly judge: (error: unknown) => Judgement },
): OutsideBreaker {
  return breakers.add(new OutsideBreaker({
    name, judge, timeoutMs: timeoutMs + marginMs, now: () => performance.now(), ...numbers(configuration), onChange: breakers.reporter(name),
  }));
}

/** Around one of our own stores. `now`: milliseconds of a clock that never goes back. */
export function storeBreaker(breakers: Breakers, configuration: Configuration, { name, now }: { readonly name: string; readonly now: () => number }): Breaker {
  return breakers.add(new Breaker({ name, now, ...numbers(configuration), onChange: breakers.reporter(name) }));
}

function numbers(configuration: Configuration): { readonly failures: number; readonly openMs: number } {
  return { failures: configuration.GANGWAY_BREAKER_FAILURES, openMs: configuration.GANGWAY_BREAKER_OPEN_SECONDS * 1_000 };
}
