/** Which sessions stand behind a figure of a funnel. */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { labelOf, partsMax, type Breakdown, type Cell } from './breakdown.ts';
import type { Cohort } from './cohort.ts';
import type { FunnelStep } from './definition.ts';
import { partsQuery } from './report.ts';

export interface OwnSelection {
  /** A place among `steps`, counted from 1: made it; with an outcome: came no further. null: all of them. */
  readonly level: number | null;
  /** completed: made every step. */
  readonly outcome: 'completed' | 'dropped' | 'still_open' | null;
  /** Had made it within so long of their first attempt, by whichever attempt. Of an optional step nothing is known of that. */
  readonly within_seconds?: number | undefined;
  /** Their first attempt lies within [from, before), epoch ms: narrower than the period, and nothing at all where that is empty. */
  readonly started_from_ms?: number | undefined;
  readonly started_before_ms?: number | undefined;
  readonly cell: { readonly breakdown: Breakdown; readonly part: Cell } | null;
}

export interface SelectedFrom {
  readonly cohort: Cohort;
  readonly steps: readonly Pick<FunnelStep, 'optional'>[];
  /** All sessions have this flow. */
  readonly flow: string | undefined;
}

/** A SELECT with the columns of a session. Throws RangeError for a level beyond the last step. */
export async function ownSessions(
  db: ClickHouse, from: SelectedFrom, selection: OwnSelection, options: QueryOptions = {},
): Promise<Cohort> {
  const conditions = ['1', ...levelConditions(from, selection)];
  let params = { ...from.cohort.params };
  for (const [name, compares] of [['started_from_ms', '>='], ['started_before_ms', '<']] as const) {
    const ms = selection[name];
    if (ms === undefined) continue;
    conditions.push(`toInt64(history_ms[opens]) ${compares} {${name}:Int64}`);
    params = { ...params, [name]: ms };
  }
  if (selection.within_seconds !== undefined) params = { ...params, within_ms: selection.within_seconds * 1_000 };
  if (selection.cell !== null) {
    const { breakdown, part } = selection.cell;
    const label = labelOf(breakdown, from.flow);
    conditions.push(part === 'other' ? `${label.sql} NOT IN {labels:Array(String)}` : `${label.sql} IN {labels:Array(String)}`);
    const labels = part === 'other' ? await largest(db, from, breakdown, options) : [part.label];
    params = { ...params, ...label.params, labels };
  }
  return { sql: `SELECT * FROM (${from.cohort.sql}) WHERE ${conditions.join(' AND ')}`, params };
}

async function largest(
  db: ClickHouse, { cohort, steps, flow }: SelectedFrom, breakdown: Breakdown, options: QueryOptions,
): Promise<readonly string[]> {
  const { sql, params } = partsQuery(cohort, requiredIn(steps), { flow, breakdown });
  const rows = await db.query<{ label: string }>({ sql: `SELECT label FROM (${sql}) LIMIT ${partsMax}`, params }, options);
  return rows.map(({ label }) => label);
}

function requiredIn(steps: SelectedFrom['steps']): number {
  return steps.filter(({ optional }) => !optional).length;
}

function levelConditions({ steps }: SelectedFrom, { level, outcome, within_seconds: within }: OwnSelection): readonly string[] {
  const required = requiredIn(steps);
  const reached = (made: number): readonly string[] => [
    `level >= ${made}`, ...(within === undefined ? [] : [`history_ms[first_${made}] - history_ms[opens] <= {within_ms:UInt64}`]),
  ];
  const left = outcome === 'dropped' ? ['is_left'] : outcome === 'still_open' ? ['NOT is_left'] : [];
  if (outcome === 'completed') return reached(required);
  if (level === null) return left.length === 0 ? [] : [`level < ${required}`, ...left];
  const step = steps[level - 1];
  if (step === undefined) throw new RangeError(`A funnel of ${steps.length} steps has no level ${level}`);
  // nobody is lost at an optional step
  if (step.optional) return left.length === 0 ? [`bitTest(optional, ${level - 1})`] : ['0'];
  const made = requiredIn(steps.slice(0, level));
  return left.length === 0 ? reached(made) : [`level = ${made}`, `level < ${required}`, ...left];
}
