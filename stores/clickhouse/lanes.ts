/** Connections that run one statement at a time, behind a queue with a bound. */
import { StoreBusyError } from './contract.ts';
import { StoreUnavailableError } from '../unavailable.ts';

export interface LaneLimits {
  /** Statements that may wait; the next one is refused at once. */
  readonly queued: number;
  /** Longest wait in the queue, milliseconds. */
  readonly waitMs: number;
}

interface Waiting<Lane> {
  readonly start: (lane: Lane) => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * A lane stays taken until its work is really over, also when the caller has left: chdb goes on computing after an
 * abort, and the next query on that connection would wait 680 ms for it.
 */
export class Lanes<Lane> {
  readonly #free: Lane[];
  readonly #count: number;
  readonly #allBack = Promise.withResolvers<undefined>();
  readonly #waiting = new Set<Waiting<Lane>>();
  readonly #limits: LaneLimits;
  #closed = false;

  constructor(lanes: readonly Lane[], limits: LaneLimits) {
    this.#free = [...lanes];
    this.#count = lanes.length;
    this.#limits = limits;
  }

  get idle(): boolean {
    return this.#free.length > 0;
  }

  /** Runs the work on the next free lane, first come, first served. Aborting frees the caller, not the lane. */
  async run<R>(work: (lane: Lane) => Promise<R>, signal?: AbortSignal): Promise<R> {
    signal?.throwIfAborted();
    const lane = await this.#take(signal);
    const running = this.#work(lane, work);
    return signal === undefined ? running : unlessAborted(running, signal);
  }

  /** Refuses what waits and what comes, and ends when the last running statement has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting) waiting.refuse(closed());
    // By the lanes, not by the promises: a lane given out a moment ago may not have begun its work.
    if (this.#free.length < this.#count) await this.#allBack.promise;
  }

  async #work<R>(lane: Lane, work: (lane: Lane) => Promise<R>): Promise<R> {
    try {
      return await work(lane);
    } finally {
      this.#giveBack(lane);
    }
  }

  #take(signal: AbortSignal | undefined): Promise<Lane> {
    if (this.#closed) return Promise.reject(closed());
    const lane = this.#free.pop();
    if (lane !== undefined) return Promise.resolve(lane);
    if (this.#waiting.size >= this.#limits.queued) {
      return Promise.reject(new StoreBusyError(`${this.#limits.queued} statements wait for ClickHouse already`));
    }
    return this.#queue(signal);
  }

  #queue(signal: AbortSignal | undefined): Promise<Lane> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting<Lane> = {
        start: (lane) => { settle(); resolve(lane); },
        refuse: (reason) => { settle(); reject(reason instanceof Error ? reason : new Error(String(reason))); },
      };
      const onAbort = (): void => { waiting.refuse(signal?.reason); };
      const timer = setTimeout(() => {
        waiting.refuse(new StoreBusyError(`No connection to ClickHouse came free within ${this.#limits.waitMs} ms`));
      }, this.#limits.waitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #giveBack(lane: Lane): void {
    const [next] = this.#waiting;
    if (next !== undefined) {
      next.start(lane);
      return;
    }
    this.#free.push(lane);
    if (this.#closed && this.#free.length === this.#count) this.#allBack.resolve(undefined);
  }
}

function closed(): StoreUnavailableError {
  return new StoreUnavailableError('clickhouse', new Error('It was closed'));
}

function unlessAborted<R>(running: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => { reject(signal.reason instanceof Error ? signal.reason : new Error('aborted')); };
    const settle = (): void => { signal.removeEventListener('abort', onAbort); };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    running.then(resolve, reject).finally(settle).catch(reject);
  });
}
