/**
 * Stops asking somebody who fails. Open after a number of failures in a row; after a while exactly one call is let through as
 * the probe, while everybody else goes on without. Results of calls that began before it opened change nothing.
 */

export type BreakerState = 'closed' | 'open' | 'half_open';
/** Set by an admin; null: it decides by itself. */
export type Override = 'open' | 'closed' | null;

export interface BreakerStatus {
  readonly name: string;
  readonly state: BreakerState;
  /** In a row. */
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly opened_at: number | null;
  readonly next_probe_at: number | null;
  readonly override: Override;
}

/** What a registry lists and sets. */
export interface ControlledBreaker {
  /** For somebody who has reason to think that it works again: the next call is the probe, although its time has not come. */
  probeEarly(): void;
  status(): BreakerStatus;
  /** null puts it back to deciding by itself, closed and without failures. */
  set(override: Override): void;
}

export interface BreakerOptions {
  readonly name: string;
  readonly failures: number;
  readonly openMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly onChange?: (state: BreakerState) => void;
}

/** A call that was let through: say once how it ended. */
export interface Pass { readonly isProbe: boolean; succeeded(): void; failed(): void }

export class Breaker implements ControlledBreaker {
  private readonly options: BreakerOptions;
  private failures = 0;
  private openedAt: number | null = null;
  private probeAt = 0;
  private probe: { readonly begunAt: number } | null = null;
  private override: Override = null;
  /** Counts openings and closings: a pass of an earlier one says nothing about this one. */
  private era = 0;

  constructor(options: BreakerOptions) {
    this.options = options;
  }

  /** null: go on without. */
  admit(): Pass | null {
    if (this.isShut()) return null;
    if (this.override === 'closed') return ignored;
    if (this.openedAt === null) return this.pass();
    const probe = { begunAt: this.options.now() };
    this.probe = probe;
    this.options.onChange?.('half_open');
    return {
      isProbe: true,
      succeeded: () => { if (this.probe === probe) this.close(); },
      failed: () => { if (this.probe === probe) this.open(); },
    };
  }

  /** Milliseconds until the next probe; 0 when one is due or nothing is open. */
  waitMs(): number {
    if (this.override === 'open') return this.options.openMs;
    return this.openedAt === null ? 0 : Math.max(0, this.probeAt - this.options.now());
  }

  /** Whether nobody is let through now. */
  isShut(): boolean {
    if (this.override !== null) return this.override === 'open';
    return this.openedAt !== null && (this.waitMs() > 0 || this.isProbing());
  }

  probeEarly(): void {
    this.probeAt = Math.min(this.probeAt, this.options.now());
  }

  status(): BreakerStatus {
    const { name, now } = this.options;
    const wall = (at: number): number => Math.round(Date.now() - now() + at);
    const decides = this.override === null && this.openedAt !== null;
    return {
      name, state: this.state(), failures: this.failures, override: this.override,
      opened_at: this.openedAt === null ? null : wall(this.openedAt), next_probe_at: decides ? wall(this.probeAt) : null,
    };
  }

  set(override: Override): void {
    if (override === this.override && override !== null) return;
    if (override === 'open') this.open();
    else this.close();
    this.override = override;
  }

  private state(): BreakerState {
    if (this.override !== null) return this.override;
    if (this.openedAt === null) return 'closed';
    return this.waitMs() === 0 || this.isProbing() ? 'half_open' : 'open';
  }

  /** A probe that never said how it ended does not keep the others out for ever. */
  private isProbing(): boolean {
    return this.probe !== null && this.options.now() - this.probe.begunAt < this.options.openMs;
  }

  private pass(): Pass {
    const { era } = this;
    return {
      isProbe: false,
      succeeded: () => { if (era === this.era) this.failures = 0; },
      failed: () => {
        if (era !== this.era) return;
        this.failures += 1;
        if (this.failures >= this.options.failures) this.open();
      },
    };
  }

  private open(): void {
    this.era += 1;
    this.probe = null;
    this.openedAt = this.options.now();
    this.probeAt = this.openedAt + this.options.openMs;
    this.options.onChange?.('open');
  }

  private close(): void {
    this.era += 1;
    this.probe = null;
    this.failures = 0;
    const wasOpen = this.openedAt !== null;
    this.openedAt = null;
    if (wasOpen) this.options.onChange?.('closed');
  }
}

const ignored: Pass = { isProbe: false, succeeded: () => undefined, failed: () => undefined };
