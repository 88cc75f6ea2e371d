/**
 * PostgreSQL: a pool whose every wait is bounded, and transactions. All that a statement needs travels with its transaction and
 * nothing is kept in a connection, so that a pooler which lends one for each transaction serves as well as the server itself.
 */
import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { StoreUnavailableError } from '../unavailable.ts';
import { meaningOf, sqlState } from './sql-states.ts';

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
  /** Resolves when the server takes writes, which it is asked without writing. Throws StoreUnavailableError when it does not. */
  checkWritable(): Promise<void>;
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
/** Of what is asked without a scope. No tenant has it, and the policies show it nothing. */
const noScope = '';
/** Another level that is the server's default would let statements fail that are right. */
const beginStatement = 'BEGIN ISOLATION LEVEL READ COMMITTED';
/**
 * The scope of a transaction, its bounds, and forms of text that no default of the server or the role changes: times are read
 * back from text. In one statement, each local to the transaction.
 */
const scopeStatement = `SELECT set_config('app.tenant', $1, true), set_config('statement_timeout', $2, true),
  set_config('idle_in_transaction_session_timeout', $3, true), set_config('lock_timeout', '0', true),
  set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true), set_config('TimeZone', 'UTC', true),
  set_config('bytea_output', 'hex', true), set_config('extra_float_digits', '1', true),
  set_config('standard_conforming_strings', 'on', true)`;

/** 1-128 printable characters without blanks at the ends. */
export function isTenantName(name: string): boolean {
  return /^[^\p{C}\s](?:[^\p{C}]{0,126}[^\p{C}\s])?$/u.test(name);
}

export function openDatabase(options: DatabaseOptions): Database {
  const { timeoutMs } = options;
  const pool = new Pool({
    connectionString: options.url, max: options.connections ?? 10, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs,
    application_name: 'gangway',
    // statements that do not wait for each other travel together: a scope costs no round trip of its own
    pipeline: true,
  });
  // an idle connection that breaks must not end the process; the next query opens another
  pool.on('error', (error) => options.onError?.(error));
  const withClient = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch(unreachable);
    // nor one that breaks while it is lent out: the pool listens to idle connections only. What ran on it is told by its own promise
    client.on('error', ignore);
    let isBroken = false;
    try {
      return await work(client);
    } catch (error) {
      isBroken = breaksConnection(error);
      throw error;
    } finally {
      client.release(isBroken);
      client.off('error', ignore);
    }
  };
  const scope = (tenant: string): Scope => {
    const scoped: Scoped = { tenant, timeoutMs };
    return {
      query: (sql, params) => withClient((client) => runScoped(client, scoped, sql, params)),
      transaction: (work) => withClient((client) => inTransaction(client, scoped, work)),
    };
  };
  const query: Queries['query'] = (sql, params) => scope(noScope).query(sql, params);
  return {
    query,
    asTenant: (tenant) => {
      if (!isTenantName(tenant)) throw new Error('A scope needs the name of a tenant.');
      return scope(tenant);
    },
    asSystem: () => scope(systemScope),
    // thrown where the connection is lent, which is thrown away with it: it would say so for as long as it lives
    checkWritable: () => withClient(async (client) => {
      const [row] = await runScoped<{ is_read_only: string }>(
        client, { tenant: noScope, timeoutMs }, "SELECT current_setting('transaction_read_only') AS is_read_only",
      );
      if (row?.is_read_only !== 'off') throw new StoreUnavailableError('postgresql', new Error('it is read-only'));
    }),
    close: () => pool.end(),
  };
}

interface Scoped { readonly tenant: string; readonly timeoutMs: number }

function ignore(): void {}

async function run<Row extends QueryResultRow>(client: PoolClient, sql: string, params: readonly unknown[] = []): Promise<Row[]> {
  const result = await client.query<Row>(sql, [...params]).catch(unavailable);
  return result.rows;
}

/** One statement in a transaction of its own, in one round trip: the four are sent without waiting for each other. */
async function runScoped<Row extends QueryResultRow>(
  client: PoolClient, scoped: Scoped, sql: string, params: readonly unknown[] = [],
): Promise<Row[]> {
  const begun = beginScoped(client, scoped);
  const rows = run<Row>(client, sql, params);
  // after a failed statement this rolls back, and the statement's own error is the one that is told
  const ended = run(client, 'COMMIT');
  await Promise.allSettled([begun, rows, ended]);
  await begun;
  const result = await rows;
  await ended;
  return result;
}

/** Should BEGIN fail, the settings are local to nothing, and what follows sees no rows. */
async function beginScoped(client: PoolClient, { tenant, timeoutMs }: Scoped): Promise<void> {
  const steps = [run(client, beginStatement), run(client, scopeStatement, [tenant, String(timeoutMs), String(timeoutMs * 5)])];
  await Promise.allSettled(steps);
  await Promise.all(steps);
}

async function inTransaction<T>(client: PoolClient, scoped: Scoped, work: (tx: Queries) => Promise<T>): Promise<T> {
  await beginScoped(client, scoped);
  try {
    const result = await work({ query: (sql, params) => run(client, sql, params) });
    await run(client, 'COMMIT');
    return result;
  } catch (error) {
    if (!breaksConnection(error)) await run(client, 'ROLLBACK');
    throw error;
  }
}

/** Throws StoreUnavailableError for what time may mend (sql-states.ts), and for a connection that failed or took too long. */
function unavailable(error: unknown): never {
  if (error instanceof Error && isAway(error)) throw new StoreUnavailableError('postgresql', error, saidByServer(error));
  throw error;
}

function isAway(error: Error): boolean {
  const state = sqlState(error);
  if (state !== null) return meaningOf(state) === 'away' || /^E[A-Z]+$/.test(state);
  return /timeout|Connection terminated|Client has encountered a connection error|not queryable/i.test(error.message);
}

/** Without a connection nothing was asked: whatever the reason, the store is away. */
function unreachable(error: unknown): never {
  throw new StoreUnavailableError('postgresql', error, error instanceof Error ? saidByServer(error) : null);
}

/** The server's or a pooler's own words, about itself or about address and role: it has not come to the values of a statement. */
function saidByServer(error: Error): string | null {
  return /^[0-9A-Z]{5}$/.test(sqlState(error) ?? '') ? error.message : null;
}

function breaksConnection(error: unknown): boolean {
  return error instanceof StoreUnavailableError || meaningOf(sqlState(error) ?? '') === 'broken';
}

/** Whether row-level security binds the role we are: a superuser, or one with BYPASSRLS, passes every policy. */
export async function isBoundByPolicies(db: Queries): Promise<boolean> {
  const [row] = await db.query<{ passes: boolean }>('SELECT rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = current_user');
  return row?.passes === false;
}
