/** When a failed delivery is tried again. */

export interface BackOff {
  readonly tries: number;
  readonly firstDelayMs: number;
  readonly capMs: number;
  /** Longest Retry-After that is honoured. */
  readonly retryAfterCapMs: number;
  /** 0 to 1. */
  readonly random: () => number;
}

/**
 * Milliseconds until the next try after `failed` tries, or null when none is left. Twice as long each time, ±20 %, then the
 * cap; a Retry-After of the receiver wins.
 */
export function nextDelay(options: BackOff, failed: number, retryAfterMs: number | null): number | null {
  if (failed >= options.tries) return null;
  if (retryAfterMs !== null) return Math.min(retryAfterMs, options.retryAfterCapMs);
  const jitter = 0.8 + 0.4 * options.random();
  return Math.min(Math.round(options.firstDelayMs * 2 ** (failed - 1) * jitter), options.capMs);
}
