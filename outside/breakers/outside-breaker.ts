/** The breaker around calls to somebody else's system: every call ends, by cockatiel's time-out, and says how it went. */
import { timeout, TaskCancelledError, TimeoutStrategy } from 'cockatiel';
import { Breaker, type BreakerOptions, type BreakerStatus, type ControlledBreaker, type Override, type Pass } from './breaker.ts';

/** What an error says of the other side: it is in trouble; it answered, if only with a no; nothing (the caller gave up). */
export type Judgement = 'failed' | 'answered' | 'unknown';

export interface OutsideBreakerOptions extends BreakerOptions {
  /** Longest call, so that a probe always ends; the call's own deadline is shorter. */
  readonly timeoutMs: number;
  readonly judge: (error: unknown) => Judgement;
}

/** The call was not made. */
export class BreakerOpenError extends Error {
  override readonly name = 'BreakerOpenError';
  readonly breaker: string;
  /** Until the next probe; at least 1. */
  readonly retryAfterMs: number;
  constructor(breaker: string, retryAfterMs: number) {
    super(`${breaker} is not asked: its breaker is open`);
    this.breaker = breaker;
    this.retryAfterMs = Math.max(1, retryAfterMs);
  }
}

export class OutsideBreaker implements ControlledBreaker {
  private readonly options: OutsideBreakerOptions;
  private readonly breaker: Breaker;

  constructor(options: OutsideBreakerOptions) {
    this.options = options;
    this.breaker = new Breaker(options);
  }

  /** Throws BreakerOpenError when the call is not made, TaskCancelledError when it did not end in time, else what `work` throws. */
  async call<Result>(work: () => Promise<Result>): Promise<Result> {
    const pass = this.breaker.admit();
    if (pass === null) throw new BreakerOpenError(this.options.name, this.breaker.waitMs());
    try {
      const result = await timeout(this.options.timeoutMs, TimeoutStrategy.Aggressive).execute(work);
      pass.succeeded();
      return result;
    } catch (error) {
      this.judged(pass, error);
      throw error;
    }
  }

  /** Whether a call would be refused now. */
  isShut(): boolean {
    return this.breaker.isShut();
  }

  probeEarly(): void {
    this.breaker.probeEarly();
  }

  status(): BreakerStatus {
    return this.breaker.status();
  }

  set(override: Override): void {
    this.breaker.set(override);
  }

  private judged(pass: Pass, error: unknown): void {
    const judgement = error instanceof TaskCancelledError ? 'failed' : this.options.judge(error);
    if (judgement === 'answered') pass.succeeded();
    // a probe that says nothing does not close it; elsewhere it counts for nothing
    if (judgement === 'failed' || (judgement === 'unknown' && pass.isProbe)) pass.failed();
  }
}
