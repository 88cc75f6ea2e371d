/** A funnel of one's own in two periods, at equal maturity: from a session's first attempt on it is followed for as long on both sides. */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { comparePeriods, type PeriodsCompared } from '../reports/comparison.ts';
import type { SessionFilters } from '../sessions-in.ts';
import { cohortSessions, inCohorts, type OwnFunnel } from './cohort.ts';
import { requiredSteps } from './report.ts';

export interface FunnelSpan {
  readonly filters: SessionFilters;
  /** Up to now, where it is not over yet. */
  readonly days: number;
}

/** Throws TooManyHistories. */
export function compareFunnel(
  db: ClickHouse, funnel: OwnFunnel, earlier: FunnelSpan, later: FunnelSpan, options: QueryOptions = {},
): Promise<PeriodsCompared> {
  const names = requiredSteps(funnel.definition).map(({ name }) => name);
  const [before, after] = [{ ...funnel, filters: earlier.filters }, { ...funnel, filters: later.filters }];
  return inCohorts(db, [before, after] as const, (first, second) => comparePeriods(
    db, { sessions: cohortSessions(first, names.length), days: earlier.days },
    { sessions: cohortSessions(second, names.length), days: later.days }, funnel.now, options, names,
  ), options);
}
