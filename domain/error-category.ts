/** Kinds of errors, how often and after how long each is tried again, and how bad it is (docs/errors.md). */

export const errorCategories = [
  'database', 'network', 'llm_api', 'validation', 'authorization', 'state_transition', 'data_integrity', 'cache', 'external_api',
] as const;
export type ErrorCategory = (typeof errorCategories)[number];

export const errorSeverities = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type ErrorSeverity = (typeof errorSeverities)[number];

export interface RetryPolicy {
  /** Attempts in all, the first one included. 1: never again. */
  readonly tries: number;
  /** Milliseconds before attempt 2. */
  readonly firstDelayMs: number;
  /** Each further delay is so many times the one before. */
  readonly factor: number;
  /** Longest delay, milliseconds, jitter included. */
  readonly capMs: number;
  readonly severity: ErrorSeverity;
}

const once = { tries: 1, firstDelayMs: 0, factor: 1, capMs: 0 } as const;

/** Frozen: one caller's wish must not shrink the retries of all others. */
export const retryPolicies: Readonly<Record<ErrorCategory, RetryPolicy>> = frozen({
  database: { tries: 3, firstDelayMs: 1_000, factor: 2, capMs: 30_000, severity: 'critical' },
  network: { tries: 5, firstDelayMs: 2_000, factor: 2, capMs: 60_000, severity: 'medium' },
  llm_api: { tries: 4, firstDelayMs: 3_000, factor: 2.5, capMs: 120_000, severity: 'high' },
  external_api: { tries: 3, firstDelayMs: 5_000, factor: 2, capMs: 90_000, severity: 'medium' },
  cache: { tries: 5, firstDelayMs: 200, factor: 2, capMs: 5_000, severity: 'low' },
  validation: { ...once, severity: 'low' },
  authorization: { ...once, severity: 'high' },
  state_transition: { ...once, severity: 'medium' },
  data_integrity: { ...once, severity: 'critical' },
});

/** Of an error that no rule knows: retried twice, so three tries in all, with the delays of its category. */
export const unclassified: RetryPolicy & { readonly category: ErrorCategory; readonly unclassified: true } = Object.freeze({
  ...retryPolicies.external_api, tries: 3, severity: 'medium', category: 'external_api', unclassified: true,
});

/** The longest wait that another server can ask for, whatever the category: a longer one is cut to this. */
export const longestRetryAfterMs = 300_000;

export interface FailedAttempt {
  readonly category: ErrorCategory;
  readonly unclassified?: boolean;
  /** false: not tried again, whatever its category. */
  readonly retryable?: boolean;
  /** The attempt that has just failed, from 1. */
  readonly attempt: number;
  /** 0 to 1. */
  readonly random: () => number;
  /** What the server asked for. */
  readonly retry_after_ms?: number | null | undefined;
  /** Of the category's own delays and cap; 100 unless told otherwise. */
  readonly delay_percent?: number | undefined;
}

export function policyOf(kind: { readonly category: ErrorCategory; readonly unclassified?: boolean }): RetryPolicy {
  return kind.unclassified === true ? unclassified : retryPolicies[kind.category];
}

/**
 * Whole milliseconds until the next attempt, or null when there is none. A Retry-After of the server wins, up to
 * longestRetryAfterMs; else the category's delay ±20 %, then its cap, or the wanted share of both. A classification can be passed as it is.
 */
export function retryDelayMs(failed: FailedAttempt): number | null {
  const { tries, firstDelayMs, factor, capMs } = policyOf(failed);
  if (failed.retryable === false || failed.attempt >= tries) return null;
  const asked = failed.retry_after_ms ?? 0;
  if (asked > 0) return Math.round(Math.min(asked, longestRetryAfterMs));
  const jitter = 0.8 + 0.4 * failed.random();
  const delayMs = Math.min(firstDelayMs * factor ** (failed.attempt - 1) * jitter, capMs);
  return Math.round((delayMs * (failed.delay_percent ?? 100)) / 100);
}

function frozen<Table extends Readonly<Record<string, object>>>(table: Table): Table {
  for (const row of Object.values(table)) Object.freeze(row);
  return Object.freeze(table);
}
