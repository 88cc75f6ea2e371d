/** The sessions of a funnel by flow, version, language, segment and device. */
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { rate } from '../reports/funnel.ts';
import { stageNumbers } from '../rows.ts';
import { sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { sum, wilson, type Interval } from '../statistics/proportions.ts';
import { leastPerArm } from '../statistics/two-arms.ts';

export const analysedBy = ['flow', 'flow_version', 'language', 'user_segment', 'device'] as const;

export interface AnalysedCohort {
  readonly dimension: (typeof analysedBy)[number];
  readonly label: string;
  readonly sessions: number;
  readonly completed: number;
  readonly conversion_rate: number | null;
  /** 95 %, Wilson. */
  readonly interval: Interval;
  /** At least 30 sessions. */
  readonly sufficient_data: boolean;
}

const columnOf = {
  flow: 'flow', flow_version: 'toString(flow_version)', language: 'language', user_segment: 'segment', device: 'device',
} as const satisfies Record<(typeof analysedBy)[number], string>;
const largest = 10;

/** `completed`: a condition on the columns of the sessions. */
export interface AnalysedSessions extends Statement { readonly completed: string }

export function analysedStages(filters: SessionFilters, now: number): AnalysedSessions {
  const { from, params } = sessionsIn(filters, now);
  return { sql: `SELECT * FROM ${from}`, params, completed: `stage >= ${stageNumbers.completed}` };
}

/** Of each dimension the ten largest, in its order; one that a filter fixes has one. */
export async function cohortAnalysis(
  db: ClickHouse, { sql, params, completed: condition }: AnalysedSessions, options: QueryOptions = {},
): Promise<readonly AnalysedCohort[]> {
  const columns = Object.values(columnOf).map((column, index) => `${column} AS d${index}`).join(', ');
  const names = analysedBy.map((_, index) => `d${index}`);
  const rows = await db.query<Readonly<Record<string, string | number>> & { readonly sessions: number; readonly completed: number }>({
    sql: `SELECT ${columns}, count() AS sessions, countIf(${condition}) AS completed FROM (${sql})
      GROUP BY ${names.join(', ')}`,
    params,
  }, options);
  return analysedBy.flatMap((dimension, index) => {
    const values = [...Map.groupBy(rows, (row) => String(row[`d${index}`]))].map(([label, some]) => ({
      label, sessions: sum(some, (row) => row.sessions), completed: sum(some, (row) => row.completed),
    }));
    return values.toSorted((a, b) => b.sessions - a.sessions || (a.label < b.label ? -1 : 1)).slice(0, largest)
      .map(({ label, sessions, completed }): AnalysedCohort => ({
        dimension, label, sessions, completed, conversion_rate: rate(completed, sessions), interval: wilson(completed, sessions),
        sufficient_data: sessions >= leastPerArm,
      }));
  });
}
