/** One request on its way to its answer, as the steps of the pipeline hand it on. */
import { randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import type { Stream } from './event-stream.ts';

const wellFormedId = /^[A-Za-z0-9._:-]{1,128}$/;

/** An answer that is ready to be sent. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly stream?: Stream;
  /** Bytes as they are; `headers` say their type. */
  readonly bytes?: AsyncIterable<Uint8Array>;
}

export class Exchange {
  readonly ctx: Context;
  /** The caller's if it is well-formed. */
  readonly correlationId: string;
  /** Epoch milliseconds: before anything was asked for it. */
  readonly receivedAt: number;
  /** For log and metrics: a pattern of a declaration, never a path that was sent. */
  route = 'none';
  /** For the log, once it is known. */
  tenant: string | undefined = undefined;
  /** The handler read the body, and ends its sender by itself. */
  isRaw = false;
  private readonly began = performance.now();

  constructor(ctx: Context, receivedAt: number) {
    const given = ctx.get('x-correlation-id');
    this.ctx = ctx;
    this.receivedAt = receivedAt;
    this.correlationId = wellFormedId.test(given) ? given : randomUUID();
  }

  get durationMs(): number { return performance.now() - this.began; }

  /** Calls `done` once, when the answer is out or its reader has gone. */
  onEnd(done: () => void): void {
    if (this.ctx.res.destroyed) done();
    else this.ctx.res.once('close', done);
  }
}
