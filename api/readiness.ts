/**
 * Whether this process should get requests. Without the engine, room for it to write, or a worker no session moves: not ready. Without
 * PostgreSQL, Redis, ClickHouse or the store of files running sessions go on, so their absence is told but takes nobody out of
 * service. Nor does a key server that is away, as long as keys that were fetched before serve, nor sessions that cannot move: the
 * others do, and another process would not help them.
 */
import type { Redis } from 'ioredis';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { isBeating } from '../stores/redis/worker-heartbeat.ts';
import type { Readiness } from './pages.ts';

export interface ReadinessOptions {
  /** Whether the engine answers within that time. */
  readonly askEngine: (patienceMs: number) => Promise<boolean>;
  /** Whether the engine has room to write; null: it runs elsewhere, and cannot be asked. */
  readonly engineRoom: (() => Promise<boolean>) | null;
  readonly db: Database;
  readonly redis: Redis;
  readonly clickhouse: ClickHouse;
  readonly files: Pick<FileStore, 'checkWritable'>;
  readonly taskQueue: string;
  /** Of the keys that tokens are judged with, or null where none are fetched. */
  readonly identity: (() => { readonly ok: boolean; readonly serves: boolean }) | null;
  /** The worker of this process, or null when workers run elsewhere. */
  readonly ownWorker: (() => boolean) | null;
  /** How many workflows cannot move; null: the engine does not tell. */
  readonly stuck: () => Promise<number | null>;
  readonly now: () => number;
}

type Check = Readiness['checks'][string];

/** An answer is shared for a second, so that probes cost nothing. */
const sharedMs = 1_000;
const patienceMs = 1_000;
/** To store and remove a file costs a write to a disk, or two requests to a bucket: not with every probe, milliseconds. */
const filesEveryMs = 10_000;

export class ReadinessCheck {
  private readonly options: ReadinessOptions;
  private draining = false;
  private last: { at: number; result: Promise<Readiness> } | null = null;
  /** The last look at the file store; `found` null: it is not over. */
  private files: { readonly found: Check | null; readonly at: number; readonly look: Promise<Check> } | null = null;

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
    const { askEngine, engineRoom, db, redis, clickhouse, taskQueue, ownWorker, stuck } = this.options;
    const [engineAnswers, engineWrites, worker, postgresql, hot, analytics, files, sessions] = await Promise.all([
      answers(askEngine(patienceMs)),
      within((engineRoom?.() ?? Promise.resolve(true)).then((room): Check => (room ? 'ok' : 'disk_full')), 'unknown'),
      ownWorker?.() === true ? 'ok' as const
        : answers(isBeating(redis, taskQueue).catch(() => true)), // Redis away: unknown, and no reason to send people away
      answers(db.checkWritable().then(() => true)), answers(redis.ping().then(() => true)), answers(clickhouse.ping()),
      within(this.lookAtFiles(), 'unavailable'),
      within(stuck().then((count): Check => (count === null ? 'unknown' : count > 0 ? 'stuck' : 'ok')), 'unknown'),
    ]);
    const engine = engineAnswers === 'ok' && engineWrites === 'disk_full' ? engineWrites : engineAnswers;
    const keys = this.options.identity?.();
    return {
      ready: engine === 'ok' && worker === 'ok' && keys?.serves !== false,
      checks: {
        engine, worker, postgresql, redis: hot, clickhouse: analytics, files, sessions,
        ...(keys === undefined ? {} : { identity: keys.ok ? 'ok' as const : 'unavailable' as const }),
      },
    };
  }

  /** What was found well counts for a while; what was not is looked at again with the next probe. One look at a time. */
  private async lookAtFiles(): Promise<Check> {
    const { files, now } = this.options;
    const last = this.files;
    if (last !== null && (last.found === null || (last.found === 'ok' && now() - last.at <= filesEveryMs))) return last.look;
    const looked = (found: Check): Check => {
      this.files = { found, at: now(), look };
      return found;
    };
    const look = files.checkWritable().then(() => looked('ok'), () => looked('unavailable'));
    this.files = { found: null, at: now(), look };
    return look;
  }
}

function answers(question: Promise<boolean>): Promise<Check> {
  return within(question.then((yes) => (yes ? 'ok' : 'unavailable')), 'unavailable');
}

async function within(question: Promise<Check>, otherwise: Check): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<Check>((resolve) => { timer = setTimeout(() => { resolve(otherwise); }, patienceMs); });
  const check = await Promise.race([question.catch(() => otherwise), patience]);
  clearTimeout(timer);
  return check;
}
