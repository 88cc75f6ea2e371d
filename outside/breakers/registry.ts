/** The breakers of a process by name, for admins and metrics. */
import type { BreakerState, BreakerStatus, ControlledBreaker, Override } from './breaker.ts';

export class Breakers {
  private readonly byName = new Map<string, ControlledBreaker>();
  private readonly told: (name: string, state: BreakerState) => void;

  /** `onChange`: told of each transition. */
  constructor(onChange: (name: string, state: BreakerState) => void = () => undefined) {
    this.told = onChange;
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
