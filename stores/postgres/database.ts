/** PostgreSQL: a pool whose every wait is bounded, transactions, and numbered migrations under an advisory lock. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { StoreUnavailableError } from '../unavailable.ts';

export interface Statement { readonly sql: string; readonly params: readonly unknown[] }

export interface Queries {
  /** Rows of one statement. Throws StoreUnavailableError when the server cannot be reached in time. */
  query<Row extends QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

export interface Scope extends Queries {
  /** Commits when `work` resolves, rolls back when it throws. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
}

/**
 * Rows of a table with a tenant are seen and written through a scope only (stores/postgres/schema/010): what is asked of
 * the database itself, without a scope, sees none of them, so that a forgotten tenant fails closed.
 */
export interface Database extends Queries {
  /** Sees and writes the rows of one tenant. Throws on what is no name of a tenant. */
  asTenant(tenant: string): Scope;
  /** Sees and writes the rows of all tenants: batched flushes, sweeps, look-ups before a tenant is known. */
  asSystem(): Scope;
  /** Holds an advisory lock on one connection while `work` runs. */
  exclusive<T>(lock: number, work: (tx: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Longest wait for a connection, and for a statement. */
  readonly timeoutMs: number;
  readonly connections?: number;
  readonly onError?: (error: Error) => void;
}

/** The scope of asSystem(). No tenant can have this name, since it holds a control character. The policies of 010 know it. */
export const systemScope = '\u0001system';
const scopeStatement = "SELECT set_config('app.tenant', $1, true)";

/** 1-128 printable characters without blanks at the ends. */
export function isTenantName(name: string): boolean {
  return /^[^\p{C}\s](?:[^\p{C}]{0,126}[^\p{C}\s])?$/u.test(name);
}

export function openDatabase(options: DatabaseOptions): Database {
  const { timeoutMs } = options;
  const pool = new Pool({
    connectionString: options.url, max: options.connections ?? 10, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs,
    statement_timeout: timeoutMs, idle_in_transaction_session_timeout: timeoutMs * 5, application_name: 'gangway',
    // statements that do not wait for each other travel together: a scope costs no round trip of its own
    pipeline: true,
  });
  // an idle connection that breaks must not end the process; the next query opens another
  pool.on('error', (error) => options.onError?.(error));
  const withClient = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch(unavailable);
    // nor one that breaks while it is lent out: the pool listens to idle connections only. What ran on it is told by its own promise
    client.on('error', ignore);
    let broken: Error | boolean = false;
    try {
      return await work(client);
    } catch (error) {
      broken = error instanceof StoreUnavailableError;
      throw error;
    } finally {
      client.release(broken);
      client.off('error', ignore);
    }
  };
  const scope = (tenant: string): Scope => ({
    query: (sql, params) => withClient((client) => runScoped(client, tenant, sql, params)),
    transaction: (work) => withClient((client) => inTransaction(client, tenant, work)),
  });
  return {
    query: (sql, params) => withClient((client) => run(client, sql, params)),
    asTenant: (tenant) => {
      if (!isTenantName(tenant)) throw new Error('A scope needs the name of a tenant.');
      return scope(tenant);
    },
    asSystem: () => scope(systemScope),
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

function ignore(): void {}

async function run<Row extends QueryResultRow>(client: PoolClient, sql: string, params: readonly unknown[] = []): Promise<Row[]> {
  const result = await client.query<Row>(sql, [...params]).catch(unavailable);
  return result.rows;
}

/** One statement in a transaction of its own, in one round trip: the four are sent without waiting for each other. */
async function runScoped<Row extends QueryResultRow>(
  client: PoolClient, tenant: string, sql: string, params: readonly unknown[] = [],
): Promise<Row[]> {
  const begun = beginScoped(client, tenant);
  const rows = run<Row>(client, sql, params);
  // after a failed statement this rolls back, and the statement's own error is the one that is told
  const ended = run(client, 'COMMIT');
  await Promise.allSettled([begun, rows, ended]);
  await begun;
  const result = await rows;
  await ended;
  return result;
}

/** Should BEGIN fail, the setting is local to nothing, and what follows sees no rows. */
async function beginScoped(client: PoolClient, tenant: string): Promise<void> {
  const steps = [run(client, 'BEGIN'), run(client, scopeStatement, [tenant])];
  await Promise.allSettled(steps);
  await Promise.all(steps);
}

async function inTransaction<T>(client: PoolClient, tenant: string, work: (tx: Queries) => Promise<T>): Promise<T> {
  await beginScoped(client, tenant);
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

/** Applies stores/postgres/schema/*.sql in order, once each, safely when several processes start at once. */
export async function migrateDatabase(db: Database): Promise<void> {
  const folder = new URL('./schema/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const scripts = await Promise.all(files.map(async (name) => ({ name, sql: await readFile(new URL(name, folder), 'utf8') })));
  await db.exclusive(migrationLock, async (tx) => {
    await tx.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL ' +
      'DEFAULT now())',
    );
    const applied = new Map(
      (await tx.query<{ name: string; checksum: string }>('SELECT name, checksum FROM schema_migrations')).map(
        (row) => [row.name, row.checksum],
      ),
    );
    for (const { name, sql } of scripts) {
      const checksum = createHash('sha256').update(sql).digest('hex');
      if (applied.get(name) === checksum) continue;
      if (applied.has(name)) throw new Error(`Migration ${name} was applied in another form. Add a new migration instead of changing it.`);
      await tx.query('BEGIN');
      await tx.query(scopeStatement, [systemScope]);
      await tx.query(sql);
      await tx.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [name, checksum]);
      await tx.query('COMMIT');
    }
    // also those tables whose migration did not think of it
    await tx.query('SELECT isolate_tenants()');
  });
}

/** Whether row-level security binds the role we are: a superuser, or one with BYPASSRLS, passes every policy. */
export async function isBoundByPolicies(db: Queries): Promise<boolean> {
  const [row] = await db.query<{ passes: boolean }>('SELECT rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = current_user');
  return row?.passes === false;
}
