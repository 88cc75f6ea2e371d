/** A body that a handler reads by itself, at the pace at which it is taken away. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { SenderGone } from '../uploads/failure.ts';
import { watchedBySomebodyElse } from './port.ts';

export interface Incoming {
  /** '' when it is absent. */
  readonly header: (name: string) => string;
  /** As announced by Content-Length; null: it was not. */
  readonly bytes: number | null;
  /** Fires when the sender has gone before it was answered. */
  readonly signal: AbortSignal;
  /** The bytes. From the first one on the reader looks after a sender that is silent. */
  readonly body: () => AsyncIterable<Uint8Array>;
  /** Throws away what was not read, within bounds, so that a sender comes to read its answer. */
  readonly discard: () => void;
}

/** Longest that a sender may go on with what nobody reads, and most of it: then its connection is cut. */
const discardMs = 10_000;
const discardBytes = 64 * 1_048_576;

export function incomingOf(ctx: Context): Incoming {
  const { req, res } = ctx;
  const gone = new AbortController();
  res.once('close', () => { if (!res.writableEnded) gone.abort(new SenderGone('The sender has gone.')); });
  return {
    header: (name) => ctx.get(name), bytes: lengthOf(req), signal: gone.signal,
    body: () => {
      watchedBySomebodyElse(req);
      return bodyOf(req, gone);
    },
    discard: () => { if (!req.complete && !req.destroyed) discarded(req); },
  };
}

function lengthOf(req: IncomingMessage): number | null {
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
  if (encoding !== undefined) return null;
  return length === undefined ? 0 : Number(length);
}

async function* bodyOf(req: IncomingMessage, gone: AbortController): AsyncIterable<Uint8Array> {
  try {
    // whoever stops reading does not end the connection: an answer is to come
    for await (const chunk of req.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (error) {
    throw req.complete ? error : new SenderGone('The sender has gone.', { cause: error });
  }
  if (!req.complete) gone.abort(new SenderGone('The sender has gone.'));
  if (!req.complete) throw gone.signal.reason;
}

function discarded(req: IncomingMessage): void {
  let left = discardBytes;
  const cut = (): void => { req.socket.destroy(); };
  const timer = setTimeout(cut, discardMs);
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  const over = (): void => { clearTimeout(timer); };
  req.once('end', over);
  // not that of the request: it is said to be closed when its answer is out, whatever is still to come
  req.socket.once('close', over);
  req.on('error', () => undefined);
  req.resume();
}
