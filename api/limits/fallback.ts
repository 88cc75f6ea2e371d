/** Counts in the process while Redis is away. Bounded, and no timer a key: the longest unused keys go first. */
import type { Policy } from './policy.ts';

export interface Verdict { readonly allowed: boolean; readonly remaining: number; readonly resetSeconds: number }

interface Window { began: number; used: number }

const keptKeys = 50_000;

export class FallbackCounter {
  private readonly windows = new Map<string, Window>();

  take(key: string, policy: Policy, now: number): Verdict {
    const { limit, windowSeconds } = policy.fallback;
    const known = this.windows.get(key);
    const window = known === undefined || now - known.began >= windowSeconds * 1_000 ? { began: now, used: 0 } : known;
    // moved to the end: the first key of the map is the longest unused one
    this.windows.delete(key);
    this.windows.set(key, window);
    const oldest = this.windows.keys().next().value;
    if (this.windows.size > keptKeys && oldest !== undefined) this.windows.delete(oldest);
    const resetSeconds = Math.max(1, Math.ceil((window.began + windowSeconds * 1_000 - now) / 1_000));
    if (window.used >= limit) return { allowed: false, remaining: 0, resetSeconds };
    window.used += 1;
    return { allowed: true, remaining: limit - window.used, resetSeconds };
  }
}
