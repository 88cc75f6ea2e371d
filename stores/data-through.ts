/** Up to when reports know everything that happened in a tenant. */
import type { Redis } from 'ioredis';
import type { Database } from './postgres/database.ts';
import { oldestWaiting } from './postgres/waiting-flushes.ts';
import { readFlushClock, workedUntil } from './redis/flush-clock.ts';
import { StoreUnavailableError } from './unavailable.ts';

export interface DataThroughOptions {
  readonly db: Database;
  readonly redis: Redis;
  readonly taskQueue: string;
  /** A session is flushed so long after its first unsaved answer at the latest, milliseconds. */
  readonly behindMs: number;
}

/** Tenants of which the last answer is remembered. */
const rememberedMax = 10_000;

/**
 * The oldest flush that waits, or the time when the last worker was seen, less the flush interval. While PostgreSQL does not say what
 * waits, no later than it said before: a store that is away makes nothing look more complete.
 */
export class DataThrough {
  private readonly options: DataThroughOptions;
  private readonly said = new Map<string, number>();
  /** Since when workers were away when Redis last told; null: they were there. */
  private awayAt: number | null = null;

  constructor(options: DataThroughOptions) {
    this.options = options;
  }

  /** Epoch milliseconds. Asked before a report is worked out: what is stored meanwhile may be missing in it. */
  async of(tenant: string, now: number): Promise<number> {
    const { db, redis, taskQueue, behindMs } = this.options;
    // while Redis does not tell, as it was: workers that were there are believed to be there
    const worked = await readFlushClock(redis, taskQueue, now).then((clock) => workedUntil(clock, now), () => this.awayAt ?? now);
    this.awayAt = worked < now ? worked : null;
    const waiting = await oldestWaiting(db, tenant, worked).catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return undefined;
      throw error;
    });
    const usual = worked - behindMs;
    const through = waiting === undefined ? Math.min(this.said.get(tenant) ?? usual, usual) : Math.min(waiting ?? usual, usual);
    this.remember(tenant, through);
    return through;
  }

  private remember(tenant: string, through: number): void {
    this.said.delete(tenant);
    this.said.set(tenant, through);
    const [oldest] = this.said.keys();
    if (this.said.size > rememberedMax && oldest !== undefined) this.said.delete(oldest);
  }
}
