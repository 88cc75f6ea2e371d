/**
 * What this process has let through, whoever decided: all along, so that it goes on from there when Redis does not answer, and
 * lets nothing beyond a quota pass when Redis has come back without what it knew.
 *
 * A bucket leaves no sooner than a window after all that is in it, and no later than the slice of Redis that holds the same: so
 * while Redis answers, the process never refuses what Redis lets through. Bounded, and no timer a key: the subject that was
 * unused for longest goes first, so that others do not push out one that keeps asking.
 */
import { LruMap } from '../../../domain/lru-map.ts';

export interface CountedWindow { readonly limit: number; readonly windowMs: number }
export interface CountedAnswer {
  readonly fits: boolean;
  readonly used: number;
  /** Until more is free; where it does not fit, until it does. */
  readonly resetMs: number;
}

const keptKeys = 50_000;
/** Of one window. There is about one for each of the 60 slices that Redis counts in; with these a window takes 2 KB at most. */
const maxBuckets = 128;

interface Bucket { leavesAt: number; count: number }

export class ProcessCounter {
  /** The windows of a subject on a resource, each oldest bucket first. */
  private readonly counted: LruMap<Bucket[][]>;

  constructor(keys: number = keptKeys) {
    this.counted = new LruMap(keys);
  }

  /** What a cost would meet; counts nothing. `nowMs` never goes back. */
  look(key: string, index: number, { limit, windowMs }: CountedWindow, cost: number, nowMs: number): CountedAnswer {
    const buckets = this.counted.get(key)?.[index] ?? [];
    const left = buckets.findIndex(({ leavesAt }) => leavesAt > nowMs);
    buckets.splice(0, left === -1 ? buckets.length : left);
    const used = buckets.reduce((sum, { count }) => sum + count, 0);
    const fits = cost === 0 || used + cost <= limit;
    let excess = fits ? 1 : used + cost - limit;
    const freeing = buckets.find(({ count }) => { excess -= count; return excess <= 0; });
    return { fits, used, resetMs: (freeing?.leavesAt ?? nowMs + windowMs) - nowMs };
  }

  /** Counts what was asked for at `askedMs` and leaves after `leavesInMs`, no less than the window. */
  count(key: string, index: number, { windowMs }: CountedWindow, cost: number, askedMs: number, leavesInMs: number): void {
    const windows = this.counted.get(key) ?? [];
    const buckets = windows[index] ??= [];
    const last = buckets.at(-1);
    if (last === undefined || (last.leavesAt < askedMs + windowMs && buckets.length < maxBuckets)) {
      buckets.push({ leavesAt: askedMs + leavesInMs, count: cost });
    } else {
      last.count += cost;
      last.leavesAt = Math.max(last.leavesAt, askedMs + windowMs);
    }
    this.counted.set(key, windows);
  }
}
