/** A funnel of one's own: its steps, and which sessions and events it looks at. */
import type { Order } from './attempt.ts';

export const stepsMin = 2;
export const stepsMax = 20;
/** Names in each of `with` and `without`. */
export const conditionsMax = 5;
/** 400 days. */
export const windowSecondsMax = 34_560_000;

/** An event by its key (`keyOf`). `question_answered` is found with any question, `question_answered:ID` with this one. */
export interface FunnelStep {
  readonly event: string;
  /** Properties that it has to have, as text; none: any. */
  readonly where: Readonly<Record<string, string>>;
  /** Counted where it is done in its place; the others count as if it were not there. */
  readonly optional: boolean;
}

export interface FunnelDefinition {
  readonly steps: readonly FunnelStep[];
  readonly order: Order;
  /** From the first to the last chosen event. null: any time. */
  readonly window_seconds: number | null;
  /** What `strict` minds between the steps, beside the steps. null: everything. */
  readonly consider: readonly string[] | null;
  /** Only sessions that have each of these events. */
  readonly with: readonly string[];
  /** Only sessions that have none of these. */
  readonly without: readonly string[];
}

/** Whether an event of this key is what a step names. */
export function names(step: string, key: string): boolean {
  return key === step || key.startsWith(`${step}:`);
}

/** Every name in it, once. */
export function namesIn({ steps, consider, with: having, without }: FunnelDefinition): readonly string[] {
  return [...new Set([...steps.map(({ event }) => event), ...consider ?? [], ...having, ...without])];
}

export function hasWhere({ steps }: FunnelDefinition): boolean {
  return steps.some(({ where }) => Object.keys(where).length > 0);
}
