/** PostgreSQL for the bare side, as stores/postgres/database.ts is for ours. Counted on neither side. */
import pg from 'pg';

export type Query = (sql: string, params: readonly unknown[]) => Promise<Readonly<Record<string, unknown>>[]>;

export interface Database {
  /** Commits when `work` resolves, rolls back when it throws. Rows of one tenant only. */
  transaction<T>(tenant: string, work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function openDatabase(url: string): Database {
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 10_000, query_timeout: 10_000 });
  pool.on('error', () => undefined);
  return {
    transaction: async (tenant, work) => {
      const client = await pool.connect();
      let broken = true;
      try {
        await client.query('BEGIN');
        await client.query("SELECT set_config('app.tenant', $1, true)", [tenant]);
        const result = await work(async (sql, params) => (await client.query<Record<string, unknown>>(sql, [...params])).rows);
        await client.query('COMMIT');
        broken = false;
        return result;
      } finally {
        // a connection that is thrown away rolls back
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}
