/** What went wrong on the way: answers that were refused, by question and code, and tasks that were parked, by step and category. */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { eventsOf } from '../why-selection.ts';

export interface ErrorCount {
  readonly kind: 'refusal' | 'parked_task';
  /** The question of a refusal, the step of a task. */
  readonly place: string;
  /** Why it was refused; the category of the error. */
  readonly code: string;
  readonly occurrences: number;
  readonly sessions: number;
}

/** Shown at most. */
const patternsMax = 50;

/** What most sessions met first. */
export async function errorCounts(
  db: ClickHouse, filters: SessionFilters, now: number, options: QueryOptions = {},
): Promise<readonly ErrorCount[]> {
  const { from, params } = sessionsIn(filters, now);
  return db.query<ErrorCount>({
    sql: `SELECT kind, place, code, sum(times) AS occurrences, count() AS sessions FROM (
      SELECT session_id, if(name = 'answer_refused', 'refusal', 'parked_task') AS kind,
        if(name = 'answer_refused', question_id, properties['step']) AS place,
        if(name = 'answer_refused', properties['code'], properties['category']) AS code, uniqExact(ts, event_id) AS times
      FROM (${eventsOf(['answer_refused', 'task_parked'], 'session_id, name, question_id, properties, ts, event_id')})
      WHERE session_id IN (SELECT session_id FROM ${from})
      GROUP BY session_id, kind, place, code
    ) GROUP BY kind, place, code ORDER BY sessions DESC, occurrences DESC, kind, place, code LIMIT ${patternsMax}`,
    params,
  }, options);
}
