/** The breakers of a process, all with the same numbers: made here, and found by name for admins and metrics. */
import { Breaker, type BreakerState, type BreakerStatus, type ControlledBreaker, type Override } from './breaker.ts';
import { OutsideBreaker, type Judgement } from './outside-breaker.ts';

/** `failures` in a row open a breaker; after `openMs` one probe is let through. */
export interface BreakerNumbers { readonly failures: number; readonly openMs: number }

/** A call's own deadline comes first; this one only makes sure that a probe ends, milliseconds. */
const marginMs = 1_000;

export class Breakers {
  private readonly byName = new Map<string, ControlledBreaker>();
  private readonly numbers: BreakerNumbers;
  private readonly told: (name: string, state: BreakerState) => void;

  /** `onChange`: told of each transition. */
  constructor(numbers: BreakerNumbers, onChange: (name: string, state: BreakerState) => void = () => undefined) {
    this.numbers = numbers;
    this.told = onChange;
  }

  /** Around one system of somebody else's. `name` is what admins and metrics see; `timeoutMs` the longest call. */
  outside(
    { name, timeoutMs, judge }: { readonly name: string; readonly timeoutMs: number; readonly judge: (error: unknown) => Judgement },
  ): OutsideBreaker {
    return this.add(new OutsideBreaker({
      name, judge, timeoutMs: timeoutMs + marginMs, now: () => performance.now(), ...this.numbers, onChange: this.reporter(name),
    }));
  }

  /** Around one of our own stores. `now`: milliseconds of a clock that never goes back. */
  store({ name, now }: { readonly name: string; readonly now: () => number }): Breaker {
    return this.add(new Breaker({ name, now, ...this.numbers, onChange: this.reporter(name) }));
  }

  /** What a breaker of this registry tells its transitions to. */
  reporter(name: string): (state: BreakerState) => void {
    return (state) => { this.told(name, state); };
  }

  add<Kind extends ControlledBreaker>(breaker: Kind): Kind {
    const { name } = breaker.status();
    if (this.byName.has(name)) throw new Error(`There are two breakers ${name}.`);
    this.byName.set(name, breaker);
    return breaker;
  }

  list(): BreakerStatus[] {
    return [...this.byName.values()].map((breaker) => breaker.status());
  }

  /** For somebody who has reason to think that things work again: the next call through each open breaker is its probe. */
  probeEarly(): void {
    for (const breaker of this.byName.values()) breaker.probeEarly();
  }

  /** The breaker as it is then, or null: there is none of that name. */
  set(name: string, override: Override): BreakerStatus | null {
    const breaker = this.byName.get(name);
    breaker?.set(override);
    return breaker?.status() ?? null;
  }
}
