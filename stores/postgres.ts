/** PostgreSQL: a pool whose every wait is bounded, transactions, and numbered migrations under an advisory lock. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { StoreUnavailableError } from './unavailable.ts';

export interface Statement { readonly sql: string; readonly params: readonly unknown[] }

export interface Queries {
  /** Rows of one statement. Throws StoreUnavailableError when the server cannot be reached in time. */
  query<Row extends QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queries {
  /** Commits when `work` resolves, rolls back when it throws. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Holds an advisory lock on one connection while `work` runs. */
  exclusive<T>(lock: number, work: (tx: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions { readonly url: string; readonly timeoutMs: number; readonly connections?: number; readonly onError?: (error: Error) => void }

export function openDatabase(options: DatabaseOptions): Database {
  const { timeoutMs } = options;
  const pool = new Pool({
    connectionString: options.url, max: options.connections ?? 10, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs,
    statement_timeout: timeoutMs, idle_in_transaction_session_timeout: timeoutMs * 5, application_name: 'gangway',
  });
  // an idle connection that breaks must not end the process; the next query opens another
  pool.on('error', (error) => options.onError?.(error));
  const withClient = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch(unavailable);
    let broken: Error | boolean = false;
    try {
      return await work(client);
    } catch (error) {
      broken = error instanceof StoreUnavailableError;
      throw error;
    } finally {
      client.release(broken);
    }
  };
  return {
    query: (sql, params) => withClient((client) => run(client, sql, params)),
    transaction: (work) => withClient((client) => inTransaction(client, work)),
    exclusive: (lock, work) => withClient(async (client) => {
      await run(client, 'SELECT pg_advisory_lock($1)', [lock]);
      try {
        return await work({ query: (sql, params) => run(client, sql, params) });
      } finally {
        await run(client, 'SELECT pg_advisory_unlock($1)', [lock]);
      }
    }),
    close: () => pool.end(),
  };
}

async function run<Row extends QueryResultRow>(client: PoolClient, sql: string, params: readonly unknown[] = []): Promise<Row[]> {
  const result = await client.query<Row>(sql, [...params]).catch(unavailable);
  return result.rows;
}

async function inTransaction<T>(client: PoolClient, work: (tx: Queries) => Promise<T>): Promise<T> {
  await run(client, 'BEGIN');
  try {
    const result = await work({ query: (sql, params) => run(client, sql, params) });
    await run(client, 'COMMIT');
    return result;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) await run(client, 'ROLLBACK');
    throw error;
  }
}

/** Connection failures, time-outs and servers that start or stop; everything else is a fault of ours or of the data. */
function unavailable(error: unknown): never {
  if (!(error instanceof Error)) throw error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const connection = /^(08|57P|53)/.test(code) || code === '57014' || /^E[A-Z]+$/.test(code);
  if (connection || /timeout|Connection terminated|Client has encountered a connection error|not queryable/i.test(error.message)) {
    throw new StoreUnavailableError('postgresql', error);
  }
  throw error;
}

/** SQLSTATE of a database error, or null. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

const migrationLock = 7_461_001;

/** Applies stores/postgres-schema/*.sql in order, once each, safely when several processes start at once. */
export async function migrateDatabase(db: Database): Promise<void> {
  const folder = new URL('./postgres-schema/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const scripts = await Promise.all(files.map(async (name) => ({ name, sql: await readFile(new URL(name, folder), 'utf8') })));
  await db.exclusive(migrationLock, async (tx) => {
    await tx.query('CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())');
    const applied = new Map((await tx.query<{ name: string; checksum: string }>('SELECT name, checksum FROM schema_migrations')).map((row) => [row.name, row.checksum]));
    for (const { name, sql } of scripts) {
      const checksum = createHash('sha256').update(sql).digest('hex');
      if (applied.get(name) === checksum) continue;
      if (applied.has(name)) throw new Error(`Migration ${name} was applied in another form. Add a new migration instead of changing it.`);
      await tx.query('BEGIN');
      await tx.query(sql);
      await tx.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [name, checksum]);
      await tx.query('COMMIT');
    }
  });
}
