/**
 * ClickHouse, as a server (CLICKHOUSE_URL) or inside this process (chdb), behind one small interface.
 *
 * Values reach it only as bound parameters. Settings stand in the query text, from numbers checked here: chdb turns
 * `clickhouse_settings` into `SET k = 'v'` that leaks into later queries and can be broken out of by a backslash.
 * chdb: one data folder per process; start Node with UV_THREADPOOL_SIZE=16, since each running query holds a thread.
 */
import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ClickHouseClient, ClickHouseClientConfigOptions } from '@clickhouse/client';
import { StoreLimitError } from './contract.ts';
import type { ClickHouse, ExportFormat, QueryOptions, Statement } from './contract.ts';
import { Lanes } from './lanes.ts';
import { StoreUnavailableError } from '../unavailable.ts';

export { StoreBusyError, StoreLimitError } from './contract.ts';
export type { ClickHouse, ExportFormat, Parameter, QueryOptions, Statement } from './contract.ts';
export { migrateClickHouse, SchemaMismatchError } from './migrations.ts';
export { StoreUnavailableError } from '../unavailable.ts';

/** `database` names one other than the default; chdb makes it when it is missing, on a server it has to exist. */
export type ClickHouseTarget = ServerTarget | ChdbTarget;
interface ServerTarget { readonly url: string; readonly database?: string | undefined }
interface ChdbTarget { readonly path: string; readonly database?: string | undefined }

const defaultMaxSeconds = 10;
const longestSeconds = 60;
const pingMs = 2_000;
const insertMs = 10_000;
/** chdb runs one query at a time on a connection; its engine uses every core for one, so more readers gain nothing. */
const chdbReaders = 2;
const serverReaders = 8;
const serverWriters = 2;
/** A report asks up to a dozen statements at once: so a hundred different ones wait, and none of them is refused for the others. */
const readerLimits = { queued: 1_000, waitMs: 30_000 };
const writerLimits = { queued: 1_000, waitMs: 30_000 };

/** The client would print every failed request; here each one is an error that somebody handles. */
const quiet = { level: ClickHouseLogLevel.OFF };

interface Exported {
  readonly query: string;
  readonly params: Record<string, unknown>;
  readonly signal: AbortSignal | undefined;
}

interface Connections {
  readonly readers: readonly ClickHouseClient[];
  readonly writers: readonly ClickHouseClient[];
  /** Whether aborting a request also ends the work. With chdb it does not, so the lane has to wait for the end. */
  readonly abortable: boolean;
}

/** A server that is down is no error here: every call tells. StoreUnavailableError when chdb cannot have its folder. */
export async function openClickHouse(target: ClickHouseTarget): Promise<ClickHouse> {
  if (target.database !== undefined) assertIdentifier(target.database);
  return new PooledClickHouse('url' in target ? connectServer(target) : await openChdb(target));
}

class PooledClickHouse implements ClickHouse {
  readonly #connections: Connections;
  readonly #readers: Lanes<ClickHouseClient>;
  readonly #writers: Lanes<ClickHouseClient>;
  #closing: Promise<void> | undefined;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.#readers = new Lanes(connections.readers, readerLimits);
    this.#writers = new Lanes(connections.writers, writerLimits);
  }

  async query<T>(statement: Statement, options: QueryOptions = {}): Promise<T[]> {
    const maxSeconds = options.maxSeconds ?? defaultMaxSeconds;
    const query = `${statement.sql}\n${settingsText(maxSeconds)}`;
    const run = async (client: ClickHouseClient): Promise<T[]> => {
      const result = await client.query({
        query, query_params: { ...statement.params }, format: 'JSONEachRow',
        ...this.#deadline(maxSeconds * 1_000 + pingMs, options.signal),
      });
      return result.json<T>();
    };
    return translated(() => this.#readers.run(run, options.signal), options.signal);
  }

  export(statement: Statement, format: ExportFormat, options: QueryOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const maxSeconds = options.maxSeconds ?? longestSeconds;
    const query = `${statement.sql}\n${settingsText(maxSeconds)}`;
    const params = { ...statement.params };
    return translated(() => (this.#connections.abortable
      ? this.#exportHere({ query: `${query}\nFORMAT ${format}`, params, maxSeconds, signal: options.signal })
      : this.#exportByFile({ query, params, format, signal: options.signal })), options.signal);
  }

  /** The lane is free when the last byte has been taken. */
  #exportHere({ query, params, maxSeconds, signal }: Exported & { readonly maxSeconds: number }): Promise<AsyncIterable<Uint8Array>> {
    const begun = Promise.withResolvers<AsyncIterable<Uint8Array>>();
    this.#readers.run(async (client) => {
      const { stream } = await client.exec({ query, query_params: params, ...this.#deadline(maxSeconds * 1_000 + pingMs, signal) });
      begun.resolve(stream);
      // whoever reads it is told what breaks it off
      await finished(stream).catch(() => undefined);
    }).catch(begun.reject);
    return begun.promise;
  }

  /** chdb formats each piece of a stream by itself, by which Parquet cannot be read and CSV has its head again and again. */
  async #exportByFile({ query, params, format, signal }: Exported & { readonly format: ExportFormat }): Promise<AsyncIterable<Uint8Array>> {
    const path = join(tmpdir(), `gangway-export-${randomUUID()}`);
    await this.#readers.run((client) => client.command({
      query: `${query}\nINTO OUTFILE '${path.replaceAll(/[\\']/g, String.raw`\$&`)}' FORMAT ${format}`, query_params: params,
    }), signal);
    const file = await open(path);
    // gone with its last reader, whatever becomes of that
    await unlink(path);
    return file.createReadStream();
  }

  async insert(table: string, rows: readonly object[]): Promise<void> {
    assertIdentifier(table);
    if (rows.length === 0) return;
    await translated(() => this.#writers.run((client) =>
      client.insert({ table, values: rows, format: 'JSONEachRow', ...this.#deadline(insertMs) })));
  }

  async command(sql: string): Promise<void> {
    await translated(() => this.#writers.run((client) => client.command({ query: sql })));
  }

  async ping(): Promise<boolean> {
    const [client] = this.#connections.readers;
    if (this.#closing !== undefined || client === undefined) return false;
    // chdb is this process: while its readers work it is there, and a ping behind a long report would only wait.
    if (!this.#connections.abortable) {
      if (!this.#readers.idle) return true;
      return this.#readers.run((lane) => lane.ping().then(({ success }) => success)).catch(() => false);
    }
    const { success } = await client.ping({ select: false, abort_signal: AbortSignal.timeout(pingMs) });
    return success;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#readers.close(), this.#writers.close()]);
    const clients = new Set([...this.#connections.readers, ...this.#connections.writers]);
    await Promise.all([...clients].map((client) => client.close()));
  }

  #deadline(ms: number, signal?: AbortSignal): { abort_signal?: AbortSignal } {
    if (!this.#connections.abortable) return {};
    const timeout = AbortSignal.timeout(ms);
    return { abort_signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) };
  }
}

function connectServer({ url, database }: ServerTarget): Connections {
  const client = createClient({
    url,
    ...(database === undefined ? {} : { database }),
    application: 'gangway',
    log: quiet,
    max_open_connections: serverReaders + serverWriters,
    request_timeout: longestSeconds * 1_000 + pingMs,
    // Fixed values, over HTTP: parameters of the request, so nothing stays on the connection.
    // wait_end_of_query: an error in the middle is a status, not a broken body after a 200.
    clickhouse_settings: {
      cancel_http_readonly_queries_on_client_close: 1, wait_end_of_query: 1, input_format_skip_unknown_fields: 0,
    },
  });
  const lanes = (count: number): ClickHouseClient[] => Array.from({ length: count }, () => client);
  return { readers: lanes(serverReaders), writers: lanes(serverWriters), abortable: true };
}

async function openChdb({ path, database }: ChdbTarget): Promise<Connections> {
  // Loaded only here: the library takes 250 MB of memory, and a service with a server needs none of it.
  const { createChdbConnection } = await import('chdb/connection');
  const open = async (): Promise<ClickHouseClient> => {
    // Two copies of the same declarations: chdb brings client-common, the client carries its own.
    const connection = awayFromFiles(() => createChdbConnection({ path: resolve(path) })) as unknown as Connection;
    const client = createClient({ connection, log: quiet });
    if (database !== undefined) {
      await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
      await client.command({ query: `USE ${database}` });
    }
    await client.command({ query: 'SET input_format_skip_unknown_fields = 0' });
    return client;
  };
  const clients: ClickHouseClient[] = [];
  try {
    while (clients.length < chdbReaders + 1) clients.push(await open());
  } catch (error) {
    await Promise.all(clients.map((client) => client.close()));
    const message = 'The folder cannot be opened. Does another process use it, or this process another folder?';
    throw new StoreUnavailableError('clickhouse', new Error(message, { cause: error }));
  }
  return { readers: clients.slice(1), writers: clients.slice(0, 1), abortable: false };
}

/**
 * Where it is opened, chdb remembers the working folder, and looks there for a file before it takes a name for that of a table: one
 * called sessions would be read in its place, and a folder with ? * or { in its name is a pattern. In the root folder is neither.
 */
function awayFromFiles<T>(open: () => T): T {
  const before = process.cwd();
  process.chdir('/');
  try {
    return open();
  } finally {
    process.chdir(before);
  }
}

type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>;

/** From numbers only. Peaks measured: 585 MB, reports over 5 M sessions; 1.3 GB, windowFunnel over 16.6 M events. */
function settingsText(maxSeconds: number): string {
  if (!(maxSeconds >= 0.1 && maxSeconds <= longestSeconds)) throw new RangeError(`maxSeconds: ${maxSeconds}`);
  const settings: Readonly<Record<string, number>> = {
    max_execution_time: maxSeconds,
    max_memory_usage: 1_000_000_000,
    max_bytes_before_external_group_by: 500_000_000,
    output_format_json_quote_64bit_integers: 0,
    // Right while started_at, and so the partition, of a session never changes; 26.x decides so by itself.
    do_not_merge_across_partitions_select_final: 1,
  };
  return `SETTINGS ${Object.entries(settings).map(([name, value]) => `${name} = ${value}`).join(', ')}`;
}

function assertIdentifier(name: string): void {
  if (!/^[a-z_][a-z0-9_]{0,63}$/i.test(name)) throw new TypeError(`Not a name for ClickHouse: ${JSON.stringify(name)}`);
}

async function translated<R>(run: () => Promise<R>, signal?: AbortSignal): Promise<R> {
  try {
    return await run();
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : typedError(error);
  }
}

/** Codes for "not now": network, too many queries or parts, keeper away, read-only, no space, login, shutdown. */
const passingCodes = new Set([
  '202', '203', '209', '210', '225', '236', '242', '243', '252', '319', '394', '516', '999',
]);
const limitCodes: Readonly<Record<string, 'time' | 'memory'>> = { 159: 'time', 160: 'time', 241: 'memory' };

/** Mistakes in a statement or a row come through as they are: repeating does not help. */
function typedError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError || error instanceof TypeError || error instanceof RangeError) return error;
  const code = clickHouseCode(error);
  if (code === undefined) return new StoreUnavailableError('clickhouse', error);
  const limit = limitCodes[code];
  if (limit !== undefined) return new StoreLimitError(limit, error);
  if (passingCodes.has(code)) return new StoreUnavailableError('clickhouse', error);
  return error;
}

/** By shape: chdb throws the ClickHouseError of another package copy. Network errors carry codes like ECONNREFUSED. */
function clickHouseCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^\d+$/.test(error.code) ? error.code : undefined;
}
