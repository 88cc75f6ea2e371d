/** Where the stores are: given by the environment, or started beside us. */
export interface StoreAddresses {
  readonly temporalAddress: string;
  readonly temporalUiUrl: string | null;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** A server, or the folder of the ClickHouse inside this process. */
  readonly clickhouse: { readonly url: string } | { readonly path: string };
}
