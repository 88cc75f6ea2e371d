/** Streams of bytes on their way into a store. */
import type { Hash } from 'node:crypto';

/** The same bytes until the signal fires; then it ends with its reason, also when no bytes come at all. */
export async function* heeding(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  if (signal === undefined) return yield* bytes;
  const source = bytes[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const give = (): void => { reject(signal.reason as Error); };
  if (signal.aborted) give();
  signal.addEventListener('abort', give, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([source.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', give);
    // not waited for: a source that is silent would never return
    source.return?.().catch(() => undefined);
  }
}

/** The same bytes; `counted` has how many went by. */
export async function* counting(bytes: AsyncIterable<Uint8Array>, counted: { size: number }): AsyncIterable<Uint8Array> {
  for await (const piece of bytes) {
    counted.size += piece.length;
    yield piece;
  }
}

/** The same bytes; `hash` has taken all that went by. */
export async function* hashing(bytes: AsyncIterable<Uint8Array>, hash: Hash): AsyncIterable<Uint8Array> {
  for await (const piece of bytes) {
    hash.update(piece);
    yield piece;
  }
}
