/**
 * Whether this process should get requests. Without the engine or a worker no session moves: not ready. Without
 * PostgreSQL, Redis or ClickHouse running sessions go on, so their absence is told but takes nobody out of service.
 */
import type { Redis } from 'ioredis';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { Database } from '../stores/postgres/database.ts';
import { isBeating } from '../stores/redis/worker-heartbeat.ts';
import type { Readiness } from './pages.ts';

export interface ReadinessOptions {
  /** Whether the engine answers within that time. */
  readonly askEngine: (patienceMs: number) => Promise<boolean>;
  readonly db: Database;
  readonly redis: Redis;
  readonly clickhouse: ClickHouse;
  readonly taskQueue: string;
  /** The worker of this process, or null when workers run elsewhere. */
  readonly ownWorker: (() => boolean) | null;
  readonly now: () => number;
}

type Check = Readiness['checks'][string];

/** An answer is shared for a second, so that probes cost nothing. */
const sharedMs = 1_000;
const patienceMs = 1_000;

export class ReadinessCheck {
  private readonly options: ReadinessOptions;
  private draining = false;
  private last: { at: number; result: Promise<Readiness> } | null = null;

  constructor(options: ReadinessOptions) {
    this.options = options;
  }

  drain(): void {
    this.draining = true;
    this.last = null;
  }

  async check(): Promise<Readiness> {
    const at = this.options.now();
    if (this.last === null || at - this.last.at > sharedMs) this.last = { at, result: this.look() };
    return this.last.result;
  }

  private async look(): Promise<Readiness> {
    if (this.draining) return { ready: false, checks: { service: 'draining' } };
    const { askEngine, db, redis, clickhouse, taskQueue, ownWorker } = this.options;
    const [engine, worker, postgresql, hot, analytics] = await Promise.all([
      answers(askEngine(patienceMs)),
      ownWorker?.() === true ? 'ok' as const
        : answers(isBeating(redis, taskQueue).catch(() => true)), // Redis away: unknown, and no reason to send people away
      answers(db.checkWritable().then(() => true)), answers(redis.ping().then(() => true)), answers(clickhouse.ping()),
    ]);
    return { ready: engine === 'ok' && worker === 'ok', checks: { engine, worker, postgresql, redis: hot, clickhouse: analytics } };
  }
}

async function answers(question: Promise<boolean>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<boolean>((resolve) => { timer = setTimeout(() => { resolve(false); }, patienceMs); });
  const yes = await Promise.race([question.catch(() => false), patience]);
  clearTimeout(timer);
  return yes ? 'ok' : 'unavailable';
}
