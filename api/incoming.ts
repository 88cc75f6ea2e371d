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
  readonly body: () => AsyncIterable<Uint8Array>;
  /** From now on its reader ends a sender that is silent or too slow; before that it has the time of any body. */
  readonly watched: () => void;
  /** Throws away what was not read, within bounds, so that a sender comes to read its answer. */
  readonly discard: () => void;
}

/** Longest that a sender may go on with what nobody reads, and most of it: then its connection is cut. */
const discardMs = 10_000;
const discardBytes = 64 * 1_048_576;

export function incomingOf(ctx: Context): Incoming {
  const { req, res } = ctx;
  const hungUp = new AbortController();
  const left = new AbortController();
  // while nobody listens
  req.on('error', () => undefined);
  res.once('close', () => { if (!res.writableEnded) hungUp.abort(new SenderGone('The sender has gone.')); });
  return {
    header: (name) => ctx.get(name), bytes: lengthOf(req), signal: hungUp.signal,
    body: () => bodyOf(req, left.signal), watched: () => { watchedBySomebodyElse(req); },
    discard: () => {
      left.abort();
      if (!req.complete && !req.destroyed) discarded(req);
    },
  };
}

function lengthOf(req: IncomingMessage): number | null {
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
  if (encoding !== undefined) return null;
  return length === undefined ? 0 : Number(length);
}

/** Ends when `left` fires, also in the middle of a silence, and does nothing to the connection: an answer is to come. */
async function* bodyOf(req: IncomingMessage, left: AbortSignal): AsyncIterable<Uint8Array> {
  while (!left.aborted && !req.readableEnded) {
    const chunk = req.read() as Buffer | null;
    if (chunk !== null) yield chunk;
    else if (req.destroyed && !req.complete) throw new SenderGone('The sender has gone.', { cause: req.errored });
    else if (!req.readableEnded) await moved(req, left);
  }
}

/** Resolves when there is something to look at. */
function moved(req: IncomingMessage, left: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) req.off(event, done);
      left.removeEventListener('abort', done);
      resolve();
    };
    for (const event of events) req.on(event, done);
    left.addEventListener('abort', done);
  });
}

const events = ['readable', 'end', 'error', 'close'] as const;

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
  req.resume();
}
