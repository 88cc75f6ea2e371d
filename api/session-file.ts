/** The list behind a number, whole, as a file. */
import { sessionColumns, sessionRows, sessionTableQuery, type SelectedSessions } from '../analytics/reports/session-table.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import { csv } from './csv.ts';
import type { Download } from './route.ts';
import { download, type TableFormat } from './table-download.ts';

export function sessionFile(db: ClickHouse, sessions: SelectedSessions, format: TableFormat, method: string): Promise<Download> {
  return download({
    name: 'sessions', format, method, headers: { 'Cache-Control': 'private, no-store' },
    bytes: async () => (format === 'csv'
      ? csv(sessionColumns, await sessionRows(db, sessions)) : db.export(sessionTableQuery(sessions), 'Parquet')),
  });
}
