/** Hears how runs of reports ended in other processes, on a connection of its own. Best effort: who waits also asks now and then. */
import { Redis } from 'ioredis';
import { idOf, reportsChannel, runEnds, type ReportName, type RunEnd } from './report-store.ts';

export interface ReportNewsListener {
  /** How the next run ends that is told of, or null when none is told of within `ms`. */
  next(name: ReportName, ms: number): Promise<RunEnd | null>;
}

export class ReportListener implements ReportNewsListener {
  private readonly redis: Redis;
  private readonly waiting = new Map<string, Set<(ended: RunEnd) => void>>();

  constructor(url: string) {
    this.redis = new Redis(url, {
      enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 500, autoResubscribe: false,
      retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
    });
    // without it nothing is heard, and who waits asks
    this.redis.on('ready', () => { this.redis.subscribe(reportsChannel).catch(() => undefined); });
    this.redis.on('error', () => undefined);
    this.redis.on('message', (_channel: string, message: string) => { this.heard(message); });
  }

  next(name: ReportName, ms: number): Promise<RunEnd | null> {
    const id = idOf(name);
    const { promise, resolve } = Promise.withResolvers<RunEnd | null>();
    const others = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, others.add(resolve));
    const timer = setTimeout(() => { resolve(null); }, ms);
    return promise.finally(() => {
      clearTimeout(timer);
      others.delete(resolve);
      if (others.size === 0 && this.waiting.get(id) === others) this.waiting.delete(id);
    });
  }

  close(): Promise<void> {
    this.redis.disconnect();
    return Promise.resolve();
  }

  private heard(message: string): void {
    const [word = '', id = ''] = message.split(' ');
    const ended = runEnds.find((known) => known === word);
    if (ended !== undefined) for (const tell of this.waiting.get(id) ?? []) tell(ended);
  }
}
