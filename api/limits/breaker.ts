/**
 * Stops asking a store that fails: open after a number of consecutive failures, and after a while exactly one probe is let
 * through while everybody else goes on with the fallback. A failed probe starts the wait anew.
 */
export interface BreakerOptions { readonly failures: number; readonly openMs: number; readonly now: () => number }

export class Breaker {
  private readonly options: BreakerOptions;
  private failed = 0;
  private openedAt: number | null = null;
  private probing = false;

  constructor(options: BreakerOptions) {
    this.options = options;
  }

  get state(): 'closed' | 'open' | 'half_open' {
    if (this.openedAt === null) return 'closed';
    return this.options.now() - this.openedAt >= this.options.openMs ? 'half_open' : 'open';
  }

  /** Whether this call may ask the store. In half-open only the first one may. */
  admits(): boolean {
    if (this.state === 'closed') return true;
    if (this.state === 'open' || this.probing) return false;
    this.probing = true;
    return true;
  }

  succeeded(): void {
    this.failed = 0;
    this.openedAt = null;
    this.probing = false;
  }

  failedOnce(): void {
    this.failed += 1;
    if (this.probing || this.failed >= this.options.failures) this.openedAt = this.options.now();
    this.probing = false;
  }
}
