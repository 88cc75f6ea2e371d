/** Tries of a task, as they are kept. */
import type { ErrorCategory } from './error-category.ts';

/** One try of a round. Times are epoch ms. */
export interface Attempt {
  /** From 1 in each round. */
  readonly number: number;
  readonly at: number;
  readonly category: ErrorCategory;
  /** Scrubbed of personal data and cut. */
  readonly error: string;
  /** Until the next try; null: there was none. */
  readonly delay_seconds: number | null;
  /** Process and host of the worker; null: it died or hung, and left no word. */
  readonly worker: string | null;
}

/** Attempts 1 to `count`: those that left no word timed out, or their worker was lost. */
export function fillGaps(told: readonly Attempt[], count: number, scheduledAt: number): Attempt[] {
  const byNumber = new Map(told.map((attempt) => [attempt.number, attempt]));
  let at = scheduledAt;
  return Array.from({ length: count }, (_, index) => {
    const known = byNumber.get(index + 1);
    const attempt = known ?? {
      number: index + 1, at, category: 'network', error: 'It ran out of time, or its worker was lost.', delay_seconds: null, worker: null,
    } as const;
    at = attempt.at + (attempt.delay_seconds ?? 0) * 1_000;
    return attempt;
  });
}
