/** Chance that can be repeated: the same seed, the same draws, on every machine. */

export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  chance(share: number): boolean;
  /** Throws on an empty list. */
  pick<Item>(items: readonly Item[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
}

/** Largest seed: the state is one unsigned 32-bit number. */
export const seedMax = 2 ** 32 - 1;

/** A Weyl sequence through a mixing function (Mulberry32): small, quick, good enough for a play. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next, whole, chance: (share) => next() < share,
    pick: (items) => {
      const item = items[whole(0, items.length - 1)];
      if (item === undefined) throw new Error('There is nothing to pick from.');
      return item;
    },
    shuffled: (items) => items.map((item) => ({ item, order: next() })).sort((a, b) => a.order - b.order).map(({ item }) => item),
  };
}
