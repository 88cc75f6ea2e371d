/** What the rest of Gangway knows of ClickHouse: statements, rows, and the errors it answers with. */
import { StoreUnavailableError } from '../unavailable.ts';

/** No Date: as a parameter it loses its milliseconds. Pass epoch ms through fromUnixTimestamp64Milli({x:Int64}). */
export type Parameter = string | number | boolean | null | readonly Parameter[] | { readonly [key: string]: Parameter };

/** SQL without SETTINGS, FORMAT or a closing semicolon, and its bound values (`{name:Type}`). */
export interface Statement {
  readonly sql: string;
  readonly params: Readonly<Record<string, Parameter>>;
}

export interface QueryOptions {
  /** Frees the caller at once; a server stops the query, chdb computes on until `maxSeconds`. */
  readonly signal?: AbortSignal | undefined;
  /** Longest run in the engine, 0.1 to 60 seconds; 10 by default. */
  readonly maxSeconds?: number | undefined;
}

export type ExportFormat = 'Parquet' | 'JSONCompactEachRow';

export interface ClickHouse {
  /** Rows as objects. 64-bit integers arrive as numbers (exact up to 2^53: ask for ids by toString), NaN as null. */
  query<T>(statement: Statement, options?: QueryOptions): Promise<T[]>;
  /**
   * All rows as bytes, never in memory as a whole. Resolves when nothing can go wrong in the engine any more; what it resolves with
   * has to be read or broken off.
   */
  export(statement: Statement, format: ExportFormat, options?: QueryOptions): Promise<AsyncIterable<Uint8Array>>;
  /** All rows or an error. A repeat may store a row twice: tables replace by key. Unknown columns are refused. */
  insert(table: string, rows: readonly object[]): Promise<void>;
  /** A statement without values: schema, OPTIMIZE. Never build its text from a request. */
  command(sql: string): Promise<void>;
  /** Whether the store answers; false within 2 seconds when it does not. Never throws. */
  ping(): Promise<boolean>;
  /** Refuses new work, waits for running statements, releases the data folder. May be called twice. */
  close(): Promise<void>;
}

/** The queue before ClickHouse is full, or the wait in it was too long: as unavailable as a dead one, for now. */
export class StoreBusyError extends StoreUnavailableError {
  constructor(message: string) {
    super('clickhouse', new Error(message));
  }
}

/** A query ran into its time or memory limit: asked again it will do so again. */
export class StoreLimitError extends Error {
  override readonly name = 'StoreLimitError';
  readonly limit: 'time' | 'memory';

  constructor(limit: 'time' | 'memory', cause: unknown) {
    super(`The query needs more ${limit} than it is given`, { cause });
    this.limit = limit;
  }
}
