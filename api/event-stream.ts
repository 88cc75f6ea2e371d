/** Server-sent events on one response: their text, heartbeats, a bound for slow readers, and an end that frees the socket. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/**
 * Writes until it returns; `signal` aborts when the reader has gone or the service shuts down. `drained` waits until the reader
 * has taken what was written, or has gone.
 */
export type Stream = (write: (text: string) => void, signal: AbortSignal, drained: () => Promise<void>) => Promise<void>;

export interface StreamOptions {
  /** Aborts at shutdown. */
  readonly closing: AbortSignal;
  readonly heartbeatMs: number;
}

/** What a reader may be behind, beside what the operating system holds. Who does not read is cut off, and comes back by its last id. */
const maxBufferedBytes = 256 * 1024;
/** What a client waits before it comes back. */
const retryMs = 3_000;

/** no-transform: who compresses keeps events back until a block is full. */
export const streamHeaders = {
  'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no', Connection: 'close',
} as const;

/** One event. JSON has no raw line breaks, so that its data is one line. */
export function eventText(event: { readonly id: number | string; readonly name: string; readonly data: unknown }): string {
  return `id: ${event.id}\nevent: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`;
}

/** Resolves when the stream has ended, whoever ended it. Rejects with the stream's own error; the response is closed then as well. */
export async function sendStream(response: ServerResponse, stream: Stream, options: StreamOptions): Promise<void> {
  const left = new AbortController();
  response.once('close', () => { left.abort(); });
  if (response.destroyed) left.abort();
  const signal = AbortSignal.any([left.signal, options.closing]);
  const write = (text: string): void => {
    if (signal.aborted) return;
    response.write(text);
    if (response.writableLength > maxBufferedBytes) response.destroy();
  };
  response.socket?.setNoDelay(true);
  const heartbeat = setInterval(() => { write(':\n\n'); }, options.heartbeatMs);
  try {
    write(`retry: ${retryMs}\n\n`);
    const drained = async (): Promise<void> => {
      // rejects when the signal does, and then there is nobody to wait for
      if (response.writableNeedDrain && !signal.aborted) await once(response, 'drain', { signal }).catch(() => undefined);
    };
    await stream(write, signal, drained);
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
