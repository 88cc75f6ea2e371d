/** Which sessions stand behind a figure of a funnel of one's own. */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { labelOf, partsMax, type Breakdown, type Cell } from './breakdown.ts';
import { cohortOf, type Cohort, type OwnFunnel } from './cohort.ts';
import { partsQuery } from './report.ts';

export interface OwnSelection {
  /** A place among `steps`, counted from 1: made it; with an outcome: came no further. null: all of them. */
  readonly level: number | null;
  /** completed: made every step. */
  readonly outcome: 'completed' | 'dropped' | 'still_open' | null;
  readonly cell: { readonly breakdown: Breakdown; readonly part: Cell } | null;
}

/** A SELECT with the columns of a session. */
export async function ownSessions(
  db: ClickHouse, funnel: OwnFunnel, selection: OwnSelection, options: QueryOptions = {},
): Promise<Cohort> {
  const cohort = await cohortOf(db, funnel, options);
  const conditions = ['1', ...levelConditions(funnel, selection)];
  let { params } = cohort;
  if (selection.cell !== null) {
    const { breakdown, part } = selection.cell;
    const label = labelOf(breakdown, funnel.filters.flow);
    conditions.push(part === 'other' ? `${label.sql} NOT IN {labels:Array(String)}` : `${label.sql} IN {labels:Array(String)}`);
    const labels = part === 'other' ? await largest(db, cohort, funnel, breakdown, options) : [part.label];
    params = { ...params, ...label.params, labels };
  }
  return { sql: `SELECT * FROM (${cohort.sql}) WHERE ${conditions.join(' AND ')}`, params };
}

async function largest(
  db: ClickHouse, cohort: Cohort, funnel: OwnFunnel, breakdown: Breakdown, options: QueryOptions,
): Promise<readonly string[]> {
  const { sql, params } = partsQuery(cohort, funnel, breakdown);
  const rows = await db.query<{ label: string }>({ sql: `SELECT label FROM (${sql}) LIMIT ${partsMax}`, params }, options);
  return rows.map(({ label }) => label);
}

function levelConditions({ definition: { steps } }: OwnFunnel, { level, outcome }: OwnSelection): readonly string[] {
  const required = steps.filter(({ optional }) => !optional).length;
  const left = outcome === 'dropped' ? ['is_left'] : outcome === 'still_open' ? ['NOT is_left'] : [];
  if (outcome === 'completed') return [`level = ${required}`];
  if (level === null) return left.length === 0 ? [] : [`level < ${required}`, ...left];
  const step = steps[level - 1];
  if (step === undefined) throw new RangeError(`A funnel of ${steps.length} steps has no level ${level}`);
  // nobody is lost at an optional step
  if (step.optional) return left.length === 0 ? [`bitTest(optional, ${level - 1})`] : ['0'];
  const made = steps.slice(0, level).filter(({ optional }) => !optional).length;
  return left.length === 0 ? [`level >= ${made}`] : [`level = ${made}`, `level < ${required}`, ...left];
}
