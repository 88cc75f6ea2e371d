/** Sessions as a table, a row each: the list behind a number, whole. No owner and no answers. */
import { stages } from '../../domain/lifecycle.ts';
import type { ClickHouse, Statement } from '../../stores/clickhouse/client.ts';
import type { Cell } from './report-table.ts';
import { endedStates, stageNumbers } from '../rows.ts';

/** When it happened, or NULL. */
const after = (ms: string, happened: string): string => `if(${happened}, row.started_at + toIntervalMillisecond(row.${ms}), NULL)`;

const times: Readonly<Record<string, string>> = {
  started_at: 'row.started_at',
  ...Object.fromEntries(stages.slice(1).map((stage) => [`${stage}_at`, after(`${stage}_ms`, `row.stage >= ${stageNumbers[stage]}`)])),
  ended_at: after('ended_ms', `row.state IN (${endedStates.map((state) => `'${state}'`).join(', ')})`),
  abandoned_at: after('abandoned_ms', 'row.abandoned_ms > 0'),
};
/** Of the row, since a name that is given here would else stand for its column. LowCardinality is of ClickHouse alone. */
const others: Readonly<Record<string, string>> = {
  flow: 'toString(row.flow)', flow_version: 'row.flow_version', language: 'toString(row.language)', user_segment: 'toString(row.segment)',
  device: 'toString(row.device)', state: 'toString(row.state)',
  stage: `if(row.stage = 0, NULL, [${stages.map((stage) => `'${stage}'`).join(', ')}][row.stage])`,
  last_question: 'toString(row.last_question)',
  answers: 'row.answers', repeats: 'row.repeats', errors: 'row.errors', origin: 'toString(row.origin)',
};

/** Sessions of one tenant: `sql` selects them, with at least their session_id. */
export interface SelectedSessions { readonly tenant: string; readonly selection: Statement }

/** The oldest first, with times of their own type: what Parquet is written from. */
export function sessionTableQuery(sessions: SelectedSessions): Statement {
  return selected(sessions, Object.entries(times).map(([name, expression]) => `${expression} AS ${name}`));
}

/** The same with times as RFC 3339 in UTC. */
function writtenQuery(sessions: SelectedSessions): Statement {
  return selected(sessions, Object.entries(times).map(([name, expression]) => (
    `replaceOne(toString(${expression}), ' ', 'T') || 'Z' AS ${name}`
  )));
}

function selected({ tenant, selection: { sql, params } }: SelectedSessions, timeColumns: readonly string[]): Statement {
  const columns = [
    'toString(row.session_id) AS session_id', ...timeColumns,
    ...Object.entries(others).map(([name, expression]) => `${expression} AS ${name}`),
  ];
  return {
    // by their ids: what selects them has not always all columns
    sql: `SELECT ${columns.join(', ')}
FROM (SELECT * FROM sessions FINAL WHERE tenant = {tenant:String} AND session_id IN (SELECT session_id FROM (${sql}))) AS row
ORDER BY row.started_at, row.session_id`,
    params: { ...params, tenant },
  };
}

export const sessionColumns: readonly string[] = ['session_id', ...Object.keys(times), ...Object.keys(others)];

/** Row after row, as they come. Resolves when nothing can go wrong in the engine any more. */
export async function sessionRows(db: ClickHouse, sessions: SelectedSessions): Promise<AsyncIterable<readonly Cell[]>> {
  return cellsOf(await db.export(writtenQuery(sessions), 'JSONCompactEachRow'));
}

async function* cellsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Cell[]> {
  for await (const line of linesOf(bytes)) yield JSON.parse(line) as Cell[];
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun = '';
  for await (const piece of bytes) {
    const lines = `${begun}${decoder.decode(piece, { stream: true })}`.split('\n');
    begun = lines.pop() ?? '';
    yield* lines;
  }
  if (begun !== '') yield begun;
}
