/**
 * Reports that are followed: one producer for all readers of one report in this process, which works it out again and again while
 * somebody reads. Across processes the cache sees to it that they work it out once.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from './call.ts';
import { eventText, type Stream } from './event-stream.ts';
import type { StreamPlaces } from './stream-places.ts';

/** What is sent. `id` names the moment: a reader is sent nothing that is not newer than what it has. */
export interface Snapshot { readonly id: string; readonly data: object }

export interface LiveReportsOptions {
  readonly places: Pick<StreamPlaces, 'take'>;
  /** From the end of one run to the beginning of the next, milliseconds. */
  readonly everyMs: number;
  /** A run failed; readers keep what they have, and it is tried again. */
  readonly onFailure: (error: unknown) => void;
  readonly now: () => number;
}

/** So often the credential is looked at. */
const checkMs = 30_000;

export class LiveReports {
  private readonly options: LiveReportsOptions;
  private readonly producers = new Map<string, Producer>();

  constructor(options: LiveReportsOptions) {
    this.options = options;
  }

  /**
   * `id` stands for all that `produce` answers. `name` is the name of the events. Ends with the credential. Throws as a place does,
   * and as `produce`: whoever cannot be answered is told so before the stream begins.
   */
  async follow(
    call: Pick<Call, 'actor' | 'onEnd' | 'expiresAt' | 'stillCounts'>, id: string, name: string, produce: () => Promise<Snapshot>,
  ): Promise<Stream> {
    this.options.places.take(call);
    await produce();
    return async (write, signal, drained) => {
      const producer = this.join(id, produce);
      let [sent, checked] = ['', this.options.now()];
      try {
        for (;;) {
          const snapshot = await producer.newer(sent, Math.min(checkMs, call.expiresAt - this.options.now()), signal);
          const now = this.options.now();
          if (signal.aborted || now >= call.expiresAt) return;
          if (now - checked >= checkMs) {
            if (!await call.stillCounts().catch(() => false)) return;
            checked = now;
          }
          if (snapshot === null) continue;
          write(eventText({ id: snapshot.id, name, data: snapshot.data }));
          sent = snapshot.id;
          // whoever lags is sent what is the newest by then, and nothing of what came between
          await drained();
        }
      } finally {
        producer.leave(() => { this.producers.delete(id); });
      }
    };
  }

  private join(id: string, produce: () => Promise<Snapshot>): Producer {
    const running = this.producers.get(id);
    if (running !== undefined) {
      running.join();
      return running;
    }
    const producer = new Producer(produce, this.options);
    this.producers.set(id, producer);
    return producer;
  }
}

/** Runs from its first reader to its last. */
class Producer {
  private readonly over = new AbortController();
  private readers = 1;
  private newest: Snapshot | null = null;
  private next = Promise.withResolvers<void>();

  constructor(produce: () => Promise<Snapshot>, options: LiveReportsOptions) {
    void this.run(produce, options);
  }

  join(): void { this.readers += 1; }

  leave(last: () => void): void {
    this.readers -= 1;
    if (this.readers > 0) return;
    this.over.abort();
    last();
  }

  /** The newest that is not `sent`; null: there was none in time. */
  async newer(sent: string, timeoutMs: number, signal: AbortSignal): Promise<Snapshot | null> {
    const waited = new AbortController();
    const timeout = pause(Math.max(timeoutMs, 0), 'late' as const, { signal: AbortSignal.any([signal, waited.signal]) }).catch(() => 'late' as const);
    try {
      while (this.newest === null || this.newest.id === sent) {
        if (await Promise.race([this.next.promise, timeout]) === 'late') return null;
      }
      return this.newest;
    } finally {
      waited.abort();
    }
  }

  private async run(produce: () => Promise<Snapshot>, { everyMs, onFailure }: LiveReportsOptions): Promise<void> {
    while (!this.over.signal.aborted) {
      await produce().then((snapshot) => { this.tell(snapshot); }, onFailure);
      await pause(everyMs, undefined, { signal: this.over.signal }).catch(() => undefined);
    }
  }

  private tell(snapshot: Snapshot): void {
    if (this.newest !== null && snapshot.id <= this.newest.id) return;
    this.newest = snapshot;
    const { resolve } = this.next;
    this.next = Promise.withResolvers<void>();
    resolve();
  }
}
