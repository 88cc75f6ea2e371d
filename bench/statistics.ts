/** Order statistics of small samples. An empty sample is a fault of the bench, not a zero. */

/** Nearest rank: a value that was measured, never one between two. `share` is 0.5 for the median, 0.99 for p99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error('A percentile of nothing was asked for.');
  return value;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error('A median of nothing was asked for.');
  return (lower + upper) / 2;
}

export function range(values: readonly number[]): readonly [low: number, high: number] {
  return [Math.min(...values), Math.max(...values)];
}

/** The values in `count` consecutive blocks of one size; a remainder is left out. */
export function blocks(values: readonly number[], count: number): readonly (readonly number[])[] {
  const size = Math.floor(values.length / count);
  return Array.from({ length: count }, (_, index) => values.slice(index * size, (index + 1) * size));
}

export function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

export type Random = () => number;

/** mulberry32: the order of a run can be had again from the seed it printed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
