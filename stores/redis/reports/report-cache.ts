/**
 * Answers of reports, kept five minutes and worked out once however many ask at once, in this process and in all others.
 *
 * 1. A fresh value is handed out as it is; one that has been fresh is, for ten minutes more, while one run works out the next.
 * 2. Of one name at most one run is under way: in a process by a promise that all who ask wait for, across processes by a lease
 *    that is renewed while its run goes on. Whoever died loses it within `leaseMs`, and the next of those who wait takes it.
 * 3. `fresh` takes only what began after the request, or at most 2 s before it. Afterwards nobody is given anything older: a
 *    value of an earlier run never replaces one of a later, and where the later one could not be kept, the earlier goes.
 * 4. Without Redis everything is worked out, still once a process at a time.
 */
import type { Redis } from 'ioredis';
import type { Sealer } from '../../../encryption/sealer.ts';
import { errorOf, failureWord } from './report-failure.ts';
import type { ReportNewsListener } from './report-listener.ts';
import {
  createReportStore, idOf, packed, type Packed, type ReportName, type ReportStore, type RunEnd, type StoredReport,
} from './report-store.ts';

export type { ReportName } from './report-store.ts';

export interface ReportRequest {
  readonly name: ReportName;
  /** Pattern of its route, for metrics. */
  readonly report: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  /** Past what is kept. */
  readonly fresh: boolean;
  /** How long a value is fresh, and after that stale; five and ten minutes when it is not said. */
  readonly keep?: { readonly freshMs: number; readonly staleMs: number } | undefined;
}

/** hit: kept and fresh. stale: kept, the next is being worked out. shared: of a run that somebody else began. run: of one's own. */
export type CacheOutcome = 'hit' | 'stale' | 'shared' | 'run';

export interface Served<T> {
  readonly value: T;
  /** When its run began, epoch milliseconds: it knows nothing of what came later. */
  readonly startedAt: number;
  readonly outcome: CacheOutcome;
  /** Seconds that it stays fresh, below 0 when it is stale; null: it is not kept. */
  readonly ttlSeconds: number | null;
  /** Why it is not kept; null when it is. */
  readonly notKept: NotKept | null;
}
export type NotKept = 'too_large' | 'unavailable';

export interface ReportCacheOptions {
  readonly redis: Redis;
  readonly sealer: Sealer;
  readonly listener: ReportNewsListener;
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onOutcome: (outcome: CacheOutcome) => void;
  readonly onRun: (run: { readonly report: string; readonly seconds: number; readonly failed: boolean }) => void;
  /** A refresh behind a stale value failed: nobody waits for it, and the stale one is handed out on. */
  readonly onRefreshFailed: (error: unknown) => void;
  readonly limits?: Partial<typeof defaults>;
}

const defaults = {
  freshMs: 300_000,
  /** So that what was opened together does not end together. */
  spread: 0.1,
  staleMs: 600_000,
  leaseMs: 10_000,
  /** Who waits for a run elsewhere asks this often, told or not. */
  pollMs: 100,
  /** Longest wait for runs elsewhere; then one's own, without a lease. */
  waitMs: 60_000,
  failureMs: 1_000,
  /** Not asked again for so long after it did not answer. */
  awayMs: 1_000,
  /** Gzip. */
  bytesMax: 8 * 1_024 * 1_024,
  /** Names of which failures and bounds are remembered. */
  rememberedMax: 10_000,
};

interface Kept { readonly value: unknown; readonly startedAt: number; readonly freshUntil: number | null; readonly notKept: NotKept | null }
interface Flight { readonly result: Promise<Kept & { readonly elsewhere: boolean }> }
type Compute = () => Promise<unknown>;

export class ReportCache {
  private readonly options: ReportCacheOptions;
  private readonly limits: typeof defaults;
  private readonly store: ReportStore;
  private readonly flights = new Map<string, Flight>();
  private readonly failures = new Map<string, { readonly error: unknown; readonly until: number }>();
  /** Of names whose newest value could not be kept: nothing that began earlier counts. */
  private readonly floors = new Map<string, number>();
  private awayUntil = 0;

  constructor(options: ReportCacheOptions) {
    this.options = options;
    this.limits = { ...defaults, ...options.limits };
    this.store = createReportStore(options.redis, options.sealer);
  }

  /** `compute` is called only when nothing that is kept will do. Rejects as it does. */
  async get<T>(request: ReportRequest, compute: () => Promise<T>): Promise<Served<T>> {
    const notBefore = this.notBefore(request);
    const stored = await this.ask((store) => store.read(request.name));
    const { staleMs } = request.keep ?? this.limits;
    const usable = stored != null && stored.startedAt >= notBefore && this.options.now() < stored.freshUntil + staleMs ? stored : null;
    const isFresh = usable !== null && (request.fresh || this.options.now() < usable.freshUntil);
    if (usable !== null && !isFresh) {
      this.flight(request, usable.startedAt + 1, compute).catch((error: unknown) => { this.options.onRefreshFailed(error); });
    }
    const served = usable === null ? await this.flown(request, notBefore, compute) : { ...usable, notKept: null, own: false };
    const outcome = usable === null ? (served.own ? 'run' : 'shared') : (isFresh ? 'hit' : 'stale');
    this.options.onOutcome(outcome);
    return {
      // a name stands for one report, whose values have one shape
      value: served.value as T, startedAt: served.startedAt, outcome, notKept: served.notKept,
      ttlSeconds: served.freshUntil === null ? null : Math.round((served.freshUntil - this.options.now()) / 1_000),
    };
  }

  private notBefore({ name, receivedAt, fresh }: ReportRequest): number {
    const floor = this.floors.get(idOf(name)) ?? 0;
    return fresh ? Math.max(receivedAt, floor) : floor;
  }

  /** Of the run that is under way, where that will do, else of the next. Two rounds are enough: what begins now is late enough. */
  private async flown(request: ReportRequest, notBefore: number, compute: Compute): Promise<Kept & { readonly own: boolean }> {
    const id = idOf(request.name);
    for (;;) {
      const running = this.flights.get(id);
      if (running === undefined) {
        const { elsewhere, ...kept } = await this.flight(request, notBefore, compute);
        return { ...kept, own: !elsewhere };
      }
      const kept = await running.result.catch((error: unknown) => {
        if (!request.fresh) throw error;
        return null;
      });
      if (kept !== null && kept.startedAt >= notBefore) return { ...kept, own: false };
    }
  }

  private flight(request: ReportRequest, notBefore: number, compute: Compute): Flight['result'] {
    const id = idOf(request.name);
    const running = this.flights.get(id);
    if (running !== undefined) return running.result;
    const failure = this.failures.get(id);
    if (failure !== undefined && this.options.now() < failure.until) return Promise.reject(failure.error as Error);
    const result = this.run(request, notBefore, compute).finally(() => { this.flights.delete(id); });
    this.flights.set(id, { result });
    return result;
  }

  private async run(request: ReportRequest, notBefore: number, compute: Compute): Flight['result'] {
    const { name } = request;
    const deadline = this.options.now() + this.limits.waitMs;
    for (;;) {
      const lease = await this.ask((store) => store.take(name, this.limits.leaseMs));
      if (lease === undefined) return this.compute(request, null, compute);
      if (lease !== null) {
        // somebody may have finished between the look and the lease
        const [stored, failure] = await Promise.all([this.found(name, notBefore), this.failedElsewhere(name)]);
        if (stored === null && failure === null) return this.compute(request, lease, compute);
        await this.ask((store) => store.release(name, lease, stored === null ? 'failed' : 'stored'));
        if (stored === null) throw failure;
        return stored;
      }
      const ended = await this.options.listener.next(name, this.limits.pollMs);
      // what cannot be kept cannot be handed over either: each process that waits works it out, at once and not in turn
      if (ended === 'too_large' || this.options.now() > deadline) return this.compute(request, null, compute);
      const news = await this.ask((store) => store.news(name));
      if (news?.failure != null) throw this.noteFailure(name, errorOf(news.failure));
      const stored = (news?.startedAt ?? -1) >= notBefore ? await this.found(name, notBefore) : null;
      if (stored !== null) return stored;
    }
  }

  private async found(name: ReportName, notBefore: number): Promise<(Kept & { readonly elsewhere: true }) | null> {
    const stored: StoredReport | null | undefined = await this.ask((store) => store.read(name));
    if (stored == null || stored.startedAt < notBefore || this.options.now() >= stored.freshUntil) return null;
    return { ...stored, notKept: null, elsewhere: true };
  }

  /** `lease` null: nobody is told of it, Redis does not answer or somebody else has the lease. */
  private async compute(request: ReportRequest, lease: string | null, compute: Compute): Flight['result'] {
    const { name, report } = request;
    const { now, onRun } = this.options;
    const renewing = lease === null ? undefined : setInterval(() => {
      void this.ask((store) => store.renew(name, lease, this.limits.leaseMs));
    }, this.limits.leaseMs / 3);
    const startedAt = now();
    const began = performance.now();
    const finished = (failed: boolean): void => { onRun({ report, seconds: (performance.now() - began) / 1_000, failed }); };
    let ended: RunEnd = 'failed';
    try {
      const value = await compute();
      finished(false);
      const kept = await this.keep(request, value, startedAt);
      ended = kept.notKept === 'too_large' ? 'too_large' : 'stored';
      return { ...kept, elsewhere: false };
    } catch (error) {
      finished(true);
      await this.failed(name, error);
      throw error;
    } finally {
      clearInterval(renewing);
      if (lease !== null) await this.ask((store) => store.release(name, lease, ended));
    }
  }

  private async keep({ name, keep = this.limits }: ReportRequest, value: unknown, startedAt: number): Promise<Kept> {
    const { spread, bytesMax } = this.limits;
    const { freshMs, staleMs } = keep;
    const bytes: Packed = await packed(value);
    const isTooLarge = bytes.bytes.length > bytesMax;
    const freshForMs = freshMs * (1 - spread + 2 * spread * this.options.random());
    const freshUntil = startedAt + freshForMs;
    const done = await this.ask(async (store) => {
      if (isTooLarge) await store.dropBefore(name, startedAt);
      else await store.put(name, bytes, { startedAt, freshUntil, keepMs: freshForMs + staleMs });
      return true;
    });
    if (done === true && !isTooLarge) return { value, startedAt, freshUntil, notKept: null };
    remember(this.floors, idOf(name), startedAt, this.limits.rememberedMax);
    return { value, startedAt, freshUntil: null, notKept: isTooLarge ? 'too_large' : 'unavailable' };
  }

  /** null: none that is shared still. */
  private async failedElsewhere(name: ReportName): Promise<Error | null> {
    const news = await this.ask((store) => store.news(name));
    return news?.failure == null ? null : this.noteFailure(name, errorOf(news.failure));
  }

  private noteFailure<E>(name: ReportName, error: E): E {
    const { failureMs, rememberedMax } = this.limits;
    remember(this.failures, idOf(name), { error, until: this.options.now() + failureMs }, rememberedMax);
    return error;
  }

  private async failed(name: ReportName, error: unknown): Promise<void> {
    const { failureMs } = this.limits;
    this.noteFailure(name, error);
    const word = failureWord(error);
    if (word !== null) await this.ask((store) => store.putFailure(name, word, failureMs));
  }

  /** undefined: Redis does not answer, or did not a moment ago. */
  private async ask<R>(question: (store: ReportStore) => Promise<R>): Promise<R | undefined> {
    if (performance.now() < this.awayUntil) return undefined;
    try {
      return await question(this.store);
    } catch {
      this.awayUntil = performance.now() + this.limits.awayMs;
      return undefined;
    }
  }
}

/** The newest last; the oldest goes when there are too many. */
function remember<V>(map: Map<string, V>, id: string, value: V, max: number): void {
  map.delete(id);
  map.set(id, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
