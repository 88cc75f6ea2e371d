/** A store that cannot answer now. Translated once, at the HTTP edge, into 503 with Retry-After. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly store: 'postgresql' | 'redis' | 'clickhouse';
  constructor(store: StoreUnavailableError['store'], cause: unknown) {
    super(`${store} cannot be reached`, { cause });
    this.store = store;
  }
}
