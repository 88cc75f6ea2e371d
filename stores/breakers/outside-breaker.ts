/**
 * The breaker around calls to somebody else's system: cockatiel's, with the time-out inside. In front of it a gate of ours,
 * since cockatiel lets callers that come during a probe wait for it: here they are refused at once.
 */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, timeout, TaskCancelledError, TimeoutStrategy, type CircuitBreakerPolicy } from 'cockatiel';
import type { BreakerState, BreakerStatus, ControlledBreaker, Override } from './breaker.ts';

/** What an error says of the other side: it is in trouble; it answered, if only with a no; nothing (the caller gave up). */
export type Judgement = 'failed' | 'answered' | 'unknown';

export interface OutsideBreakerOptions {
  readonly name: string;
  readonly failures: number;
  readonly openMs: number;
  /** Longest call, so that a probe always ends; the call's own deadline is shorter. */
  readonly timeoutMs: number;
  readonly judge: (error: unknown) => Judgement;
  readonly onChange?: (state: BreakerState) => void;
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
  private policy: CircuitBreakerPolicy;
  private override: Override = null;
  private openedAt: number | null = null;
  private probing = false;

  constructor(options: OutsideBreakerOptions) {
    this.options = options;
    this.policy = this.created(false);
  }

  /** Throws BreakerOpenError when the call is not made, else what `work` throws. */
  async call<Result>(work: () => Promise<Result>): Promise<Result> {
    const limit = timeout(this.options.timeoutMs, TimeoutStrategy.Aggressive);
    const inTime = (): Promise<Result> => limit.execute(work);
    if (this.override === 'closed') return inTime();
    if (this.override === 'open') throw this.refusal();
    if (this.policy.state === CircuitState.Closed) return this.policy.execute(inTime);
    if (this.probing || this.waitMs() > 0) throw this.refusal();
    return this.probed(inTime);
  }

  /** Milliseconds until the next probe; 0 when one is due or nothing is open. */
  waitMs(): number {
    return this.openedAt === null ? 0 : Math.max(0, this.openedAt + this.options.openMs - Date.now());
  }

  /** Whether a call would be refused now. */
  isShut(): boolean {
    return this.override === 'open' || (this.override === null && this.policy.state !== CircuitState.Closed && (this.probing || this.waitMs() > 0));
  }

  status(): BreakerStatus {
    const { name, openMs } = this.options;
    return {
      name, state: this.state(), override: this.override, failures: Number((this.policy.toJSON() as { readonly breakerState: unknown }).breakerState),
      opened_at: this.openedAt, next_probe_at: this.openedAt === null || this.override !== null ? null : this.openedAt + openMs,
    };
  }

  set(override: Override): void {
    if (override === this.override && override !== null) return;
    const before = this.state();
    this.override = override;
    this.openedAt = override === 'open' ? Date.now() : null;
    this.probing = false;
    this.policy = this.created(false);
    if (this.state() !== before) this.options.onChange?.(this.state());
  }

  private async probed<Result>(work: () => Promise<Result>): Promise<Result> {
    // due at once: the gate has judged the time
    const policy = this.created(true);
    this.policy = policy;
    this.probing = true;
    try {
      return await policy.execute(work);
    } finally {
      if (this.policy === policy) this.probing = false;
    }
  }

  private created(forProbe: boolean): CircuitBreakerPolicy {
    const { openMs, failures, judge, onChange } = this.options;
    // a probe that says nothing does not close it; elsewhere it counts for nothing
    const isFailure = (error: unknown): boolean => error instanceof TaskCancelledError || judge(error) === 'failed' || (forProbe && judge(error) === 'unknown');
    const policy = circuitBreaker(handleWhen(isFailure), {
      halfOpenAfter: openMs, breaker: new ConsecutiveBreaker(failures),
      ...(forProbe ? { initialState: { ownState: { value: CircuitState.Open, openedAt: 0, attemptNo: 1 }, breakerState: failures } } : {}),
    });
    policy.onStateChange((state) => {
      // a policy that was replaced goes on with the calls it had, and counts for nothing
      if (policy !== this.policy) return;
      if (state === CircuitState.Open) this.openedAt = Date.now();
      if (state === CircuitState.Closed) this.openedAt = null;
      onChange?.(state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half_open' : 'open');
    });
    return policy;
  }

  private state(): BreakerState {
    if (this.override !== null) return this.override;
    if (this.policy.state === CircuitState.Closed) return 'closed';
    return this.probing || this.waitMs() === 0 ? 'half_open' : 'open';
  }

  private refusal(): BreakerOpenError {
    return new BreakerOpenError(this.options.name, this.override === 'open' ? this.options.openMs : this.waitMs());
  }
}
