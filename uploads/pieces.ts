/** A body cut into parts, of which the one under way ends well where the body breaks off: what came is kept. */
export class Pieces {
  private readonly source: AsyncIterator<Uint8Array>;
  private readonly broken: Promise<never>;
  private rest: Uint8Array | null = null;
  private error: unknown = null;

  /** The body ends with the signal's reason when that fires. */
  constructor(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.source = bytes[Symbol.asyncIterator]();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.broken = promise;
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => { reject(signal.reason as Error); }, { once: true });
  }

  /** Why the body broke off, or null. */
  get failure(): unknown { return this.error; }

  async hasMore(): Promise<boolean> {
    this.rest ??= await this.next();
    return this.rest !== null;
  }

  /** At most so many bytes of it. */
  async* upTo(max: number): AsyncIterable<Uint8Array> {
    let left = max;
    while (left > 0 && await this.hasMore()) {
      const piece = this.rest ?? new Uint8Array();
      yield piece.subarray(0, left);
      this.rest = piece.length > left ? piece.subarray(left) : null;
      left -= Math.min(left, piece.length);
    }
  }

  private async next(): Promise<Uint8Array | null> {
    if (this.error !== null) return null;
    try {
      const next = await Promise.race([this.source.next(), this.broken]);
      return next.done === true ? null : next.value;
    } catch (error) {
      this.error = error;
      // not waited for: a source that is silent would never return
      this.source.return?.().catch(() => undefined);
      return null;
    }
  }
}
