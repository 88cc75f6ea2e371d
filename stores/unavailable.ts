/** A store that cannot answer now. Translated once, at the HTTP edge, into 503 with Retry-After. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly store: 'postgresql' | 'redis' | 'clickhouse' | 'files';
  /** `said`: the server's own word on why nobody is let in. */
  constructor(store: StoreUnavailableError['store'], cause: unknown, said: string | null = null) {
    super(`${store} cannot be reached${said === null ? '' : `: ${said}`}`, { cause });
    this.store = store;
  }
}
