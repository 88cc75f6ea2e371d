/** The breakers of a process by name, for admins and metrics; and the one call that may probe an open one before its time. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { BreakerState, BreakerStatus, ControlledBreaker, Override } from './breaker.ts';

export class Breakers {
  private readonly byName = new Map<string, ControlledBreaker>();
  private readonly probing = new AsyncLocalStorage<true>();
  private readonly told: (name: string, state: BreakerState) => void;

  /** `onChange`: told of each transition. */
  constructor(onChange: (name: string, state: BreakerState) => void = () => undefined) {
    this.told = onChange;
  }

  /** What a breaker of this registry is made with. */
  hooks(name: string): { readonly onChange: (state: BreakerState) => void; readonly mayProbeEarly: () => boolean } {
    return { onChange: (state) => { this.told(name, state); }, mayProbeEarly: () => this.probing.getStore() === true };
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

  /** The breaker as it is then, or null: there is none of that name. */
  set(name: string, override: Override): BreakerStatus | null {
    const breaker = this.byName.get(name);
    breaker?.set(override);
    return breaker?.status() ?? null;
  }

  /** Calls inside `work` are the probe of a breaker that is open, unless another one is under way: an admin's retry is one. */
  withProbe<Result>(work: () => Result): Result {
    return this.probing.run(true, work);
  }
}
