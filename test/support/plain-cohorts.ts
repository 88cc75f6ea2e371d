/** Cohorts and trends, told plainly over arrays. */
import { dayMs, isCompleted, mean, quantile, type PlainSession } from './plain-sessions.ts';

export interface PlainCohort {
  readonly label: string;
  readonly sessions: number;
  readonly compared: number;
  /** Reached each stage, of the compared ones. */
  readonly reached: readonly number[];
  readonly minutes: number | null;
}

/** `labels`: of each session, which cohort it is in. Within: only what was reached so soon counts, of those who had so long. */
export function plainCohorts(
  sessions: readonly PlainSession[], labelOf: (session: PlainSession) => string, now: number, withinMs: number = Infinity,
): readonly PlainCohort[] {
  const labels = [...new Set(sessions.map((session) => labelOf(session)))].sort();
  return labels.map((label) => {
    const own = sessions.filter((session) => labelOf(session) === label);
    const compared = own.filter(({ startedAt }) => withinMs === Infinity || now - startedAt >= withinMs);
    const reachedBy = (step: number): number => compared.filter(({ reached }) => (reached[step] ?? Number.NaN) <= withinMs).length;
    const times = compared.flatMap(({ reached }) => reached[3] ?? []).filter((ms) => ms <= withinMs);
    return {
      label, sessions: own.length, compared: compared.length,
      reached: [compared.length, ...[0, 1, 2, 3].map(reachedBy)],
      minutes: minutesOf(mean(times)),
    };
  });
}

export function plainFollowUp(sessions: readonly PlainSession[]): number {
  const p90 = quantile(sessions.flatMap(({ reached }) => reached[3] ?? []), 0.9) ?? 0;
  return Math.min(7 * dayMs, Math.max(3_600_000, Math.ceil(p90 / 1_000) * 1_000));
}

export interface PlainBucket {
  readonly total: number;
  readonly completed: number;
  readonly minutes: number | null;
  readonly followed: number;
  readonly completedInTime: number;
}

/** Of each span from one edge to the next. */
export function plainBuckets(
  sessions: readonly PlainSession[], spans: readonly (readonly [number, number])[], now: number,
): readonly PlainBucket[] {
  const within = plainFollowUp(sessions);
  return spans.map(([from, to]) => {
    const own = sessions.filter(({ startedAt }) => startedAt >= from && startedAt < to);
    const followed = own.filter(({ startedAt }) => now - startedAt >= within);
    return {
      total: own.length, completed: own.filter(isCompleted).length,
      minutes: minutesOf(mean(own.flatMap(({ reached }) => reached[3] ?? []))),
      followed: followed.length, completedInTime: followed.filter(({ reached }) => (reached[3] ?? Infinity) <= within).length,
    };
  });
}

const minutesOf = (ms: number | null): number | null => (ms === null ? null : Math.round(ms / 60) / 1_000);
