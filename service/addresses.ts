import { fileURLToPath } from 'node:url';

/** Where the stores are: given by the environment, or started beside us. */
export interface StoreAddresses {
  readonly temporalAddress: string;
  readonly temporalUiUrl: string | null;
  /** Path of Temporal's command line program, where it is one that we run. */
  readonly temporalProgram?: string;
  /** The folder with the database of a Temporal that we run. */
  readonly temporalFolder?: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** A server, or the folder of the ClickHouse inside this process. */
  readonly clickhouse: { readonly url: string } | { readonly path: string };
}

/** CLICKHOUSE_URL of one role alone: a server's address, or file:///folder for a ClickHouse inside the one process that uses the folder. */
export function clickhouseAt(url: string): StoreAddresses['clickhouse'] {
  return url.startsWith('file:') ? { path: fileURLToPath(url) } : { url };
}
