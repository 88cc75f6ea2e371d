/** What one event is to a funnel, as bits: which steps it matches, which conditions it meets, and whether `strict` minds it. */
import type { StepSet } from './attempt.ts';
import { conditionsMax, names, stepsMax, type FunnelDefinition } from './definition.ts';

export type Mark = number;

const withFrom = stepsMax;
const withoutFrom = withFrom + conditionsMax;
const otherBit = withoutFrom + conditionsMax;

export const bitOf = {
  step: (index: number): Mark => 2 ** index,
  with: (index: number): Mark => 2 ** (withFrom + index),
  without: (index: number): Mark => 2 ** (withoutFrom + index),
  /** Looked at, whatever else it is. */
  other: 2 ** otherBit,
} as const;

/** By its key alone; 0: nothing to this funnel. */
export function markOf(key: string, definition: FunnelDefinition): Mark {
  const { steps, order, consider, with: having, without } = definition;
  const bits = [
    ...steps.map(({ event }, index) => (names(event, key) ? bitOf.step(index) : 0)),
    ...having.map((name, index) => (names(name, key) ? bitOf.with(index) : 0)),
    ...without.map((name, index) => (names(name, key) ? bitOf.without(index) : 0)),
    order === 'strict' && (consider === null || consider.some((name) => names(name, key))) ? bitOf.other : 0,
  ];
  return bits.reduce((sum, bit) => sum + bit, 0);
}

/** A key that nobody knows: at most something in between. */
export function markOfForeign({ order, consider }: FunnelDefinition): Mark {
  return order === 'strict' && consider === null ? bitOf.other : 0;
}

export const has = (mark: Mark, bit: Mark): boolean => (mark & bit) !== 0;
/** Of all steps, in their places. */
export const stepsOf = (mark: Mark): StepSet => mark & (2 ** stepsMax - 1);
