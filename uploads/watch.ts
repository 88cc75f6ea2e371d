/** A body on its way: counted, hashed, and ended when it is too long, silent or too slow. */
import { createHash, type Hash } from 'node:crypto';
import { UploadFailed } from './failure.ts';

export interface Pace {
  /** Longest silence of a sender. */
  readonly idleMs: number;
  /** Bytes a second that a sender reaches in the mean, once `graceMs` are over. */
  readonly bytesPerSecond: number;
  readonly graceMs: number;
}

const lookMs = 250;

/** Only the sender's time counts: not what the store takes to put its bytes away. */
export class Watch {
  readonly hash: Hash = createHash('sha256');
  private readonly slow = new AbortController();
  private readonly pace: Pace;
  private readonly onBytes: () => void;
  private readonly timer: NodeJS.Timeout;
  private waitedMs = 0;
  private waitingSince: number | null = null;
  private counted = 0;

  /** `onBytes` is told that bytes have come. Call `end` when it is over. */
  constructor(pace: Pace, onBytes: () => void) {
    this.pace = pace;
    this.onBytes = onBytes;
    this.timer = setInterval(() => { this.look(); }, lookMs);
  }

  get size(): number { return this.counted; }
  /** Fires when the sender is too slow, with the error that says so. */
  get signal(): AbortSignal { return this.slow.signal; }

  /** The same bytes. `tooLong` is thrown at the byte after `max`. */
  async* through(bytes: AsyncIterable<Uint8Array>, max: number, tooLong: () => Error): AsyncIterable<Uint8Array> {
    const source = bytes[Symbol.asyncIterator]();
    try {
      for (;;) {
        this.waitingSince = performance.now();
        const next = await source.next();
        this.waitedMs += performance.now() - this.waitingSince;
        this.waitingSince = null;
        if (next.done === true) return;
        this.counted += next.value.length;
        if (this.counted > max) throw tooLong();
        this.hash.update(next.value);
        this.onBytes();
        yield next.value;
      }
    } finally {
      // not waited for: a source that is silent would never return
      source.return?.().catch(() => undefined);
    }
  }

  end(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    if (this.waitingSince === null || this.slow.signal.aborted) return;
    const { idleMs, bytesPerSecond, graceMs } = this.pace;
    const silentMs = performance.now() - this.waitingSince;
    const totalMs = this.waitedMs + silentMs;
    const isSilent = silentMs > idleMs;
    const isSlow = totalMs > graceMs && this.counted < (bytesPerSecond * totalMs) / 1_000;
    if (!isSilent && !isSlow) return;
    this.slow.abort(new UploadFailed(
      'request_timeout',
      isSilent ? `Nothing came for ${idleMs / 1_000} seconds.` : `The upload comes slower than ${bytesPerSecond} bytes a second.`,
      'Send it again; on a line that breaks, send it by the resumable door.',
    ));
  }
}
