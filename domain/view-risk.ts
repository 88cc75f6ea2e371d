/** The abandonment risk of a session as its readers and copies see it. */
import { listedScore, type RiskCounters, type RiskSource } from './abandonment-risk.ts';
import type { SessionView } from './message.ts';

const nothingCounted: RiskCounters = { asked_most: 0, asked: 0, refusals: 0 };

export function riskSourceOf({ state, last_activity_at, waits_for, counters = nothingCounted }: SessionView): RiskSource {
  return { state, last_activity_at, isParked: waits_for != null, counters };
}

/** What the list of sessions at risk ranks it by, beside its last activity; null: it is not listed. */
export function listedScoreOf(view: SessionView): number | null {
  return listedScore(riskSourceOf(view));
}
