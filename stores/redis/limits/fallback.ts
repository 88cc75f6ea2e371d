/**
 * Counts in the process while Redis is away, in sliding windows as Redis does, with fewer slices. Bounded, and no timer a
 * key: the longest unused subject goes first, so that others do not push out one that keeps asking.
 */
import { LruMap } from '../../../domain/lru-map.ts';

export interface FallbackLimit { readonly limit: number; readonly windowSeconds: number }
export interface FallbackAnswer { readonly fits: boolean; readonly used: number; readonly resetMs: number }

const keptKeys = 50_000;
/** An entry holds at most these and one more, which is what bounds the memory of the map: some 400 bytes each. */
const slices = 12;

type Counted = { readonly slice: number; count: number }[];

export class FallbackCounter {
  private readonly counted: LruMap<Counted>;

  constructor(keys: number = keptKeys) {
    this.counted = new LruMap(keys);
  }

  /** What a request would meet; counts nothing. `nowMs` never goes back. */
  look(key: string, limits: FallbackLimit, nowMs: number): FallbackAnswer {
    const sliceMs = (limits.windowSeconds * 1_000) / slices;
    const current = Math.floor(nowMs / sliceMs);
    const kept = (this.counted.get(key) ?? []).filter(({ slice }) => slice >= current - slices);
    const used = kept.reduce((sum, { count }) => sum + count, 0);
    const oldest = kept[0]?.slice ?? current;
    return { fits: used < limits.limit, used, resetMs: (oldest + slices + 1) * sliceMs - nowMs };
  }

  count(key: string, limits: FallbackLimit, nowMs: number): void {
    const current = Math.floor((nowMs * slices) / (limits.windowSeconds * 1_000));
    const kept = (this.counted.get(key) ?? []).filter(({ slice }) => slice >= current - slices);
    const last = kept.at(-1);
    if (last?.slice === current) last.count += 1;
    else kept.push({ slice: current, count: 1 });
    this.counted.set(key, kept);
  }
}
