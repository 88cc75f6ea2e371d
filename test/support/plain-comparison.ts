/** Two periods at equal maturity, told plainly. */
import { dayMs, quantile, seenAt, type PlainSession } from './plain-sessions.ts';

interface PlainSide { readonly total: number; readonly followed: number; readonly completed: number; readonly minutes: number | null }

export interface PlainComparison {
  readonly followUpSeconds: number;
  readonly earlier: PlainSide;
  readonly later: PlainSide;
  readonly excluded: number;
  /** Of each step between stages, how many of the earlier and of the later ones made it. */
  readonly stages: readonly (readonly [number, number])[];
}

type Span = readonly [fromMs: number, toMs: number];

export function plainComparison(truth: readonly PlainSession[], earlier: Span, later: Span, now: number): PlainComparison {
  const seen = truth.flatMap((session) => seenAt(session, now) ?? []);
  const within = ([from, to]: Span): readonly PlainSession[] => seen.filter(({ startedAt }) => startedAt >= from && startedAt < to);
  const times = (span: Span): readonly number[] => within(span).flatMap(({ reached }) => reached[3] ?? []);
  const completions = times(earlier).length > 0 ? times(earlier) : times(later);
  const followUp = Math.min(7 * dayMs, Math.max(3_600_000, Math.ceil((quantile(completions, 0.9) ?? 0) / 1_000) * 1_000));
  const old = (span: Span): readonly PlainSession[] => within(span).filter(({ startedAt }) => now - startedAt >= followUp);
  const made = (span: Span, step: number): number => old(span).filter(({ reached }) => (reached[step] ?? Infinity) <= followUp).length;
  const side = (span: Span): PlainSide => {
    const soon = old(span).flatMap(({ reached }) => reached[3] ?? []).filter((ms) => ms <= followUp);
    const median = quantile(soon, 0.5);
    return {
      total: within(span).length, followed: old(span).length, completed: soon.length,
      minutes: median === null ? null : Math.round(median / 60) / 1_000,
    };
  };
  return {
    followUpSeconds: followUp / 1_000, earlier: side(earlier), later: side(later),
    excluded: within(earlier).length - old(earlier).length + within(later).length - old(later).length,
    stages: [0, 1, 2, 3].map((step) => [made(earlier, step), made(later, step)] as const),
  };
}
