/** The sessions behind a number, page by page, newest first: what is known of each that names nobody. */
import type { Device } from '../../domain/device.ts';
import type { SessionStateName } from '../../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import type { StageNumber } from '../rows.ts';

export interface ListedSession {
  readonly session_id: string;
  /** Epoch ms. */
  readonly started_ms: number;
  readonly flow: string;
  readonly flow_version: number;
  readonly language: string;
  readonly device: Device;
  readonly state: SessionStateName;
  readonly stage: StageNumber;
}

export interface ListPlace { readonly started_ms: number; readonly session_id: string }
export interface ListPage {
  readonly rows: readonly ListedSession[];
  /** Counted up to `totalMax`. */
  readonly total: number;
  readonly totalIsAtLeast: boolean;
  readonly next: ListPlace | null;
}

/** `sessions`: a SELECT with the columns of `sessions`, in which a session is there once. */
export async function sessionPage(
  db: ClickHouse, sessions: Statement, page: { readonly limit: number; readonly after: ListPlace | null; readonly totalMax: number },
  options: QueryOptions = {},
): Promise<ListPage> {
  const { sql, params } = sessions;
  const after = page.after === null ? '' : 'WHERE (started_ms, session) < ({after_ms:Int64}, {after_id:String})';
  const [rows, [counted]] = await Promise.all([
    db.query<ListedSession>({
      sql: `SELECT session AS session_id, started_ms, flow, flow_version, language, device, state, stage
        FROM (SELECT *, toString(session_id) AS session, toUnixTimestamp64Milli(started_at) AS started_ms FROM (${sql}))
        ${after} ORDER BY started_ms DESC, session DESC LIMIT ${page.limit + 1}`,
      params: page.after === null ? params : { ...params, after_ms: page.after.started_ms, after_id: page.after.session_id },
    }, options),
    db.query<{ total: number }>({ sql: `SELECT count() AS total FROM (SELECT 1 FROM (${sql}) LIMIT ${page.totalMax + 1})`, params },
      options),
  ]);
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  const total = counted?.total ?? 0;
  return {
    rows: shown, total: Math.min(total, page.totalMax), totalIsAtLeast: total > page.totalMax,
    next: rows.length > page.limit && last !== undefined ? { started_ms: last.started_ms, session_id: last.session_id } : null,
  };
}
