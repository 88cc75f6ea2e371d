/** What a funnel makes of one history: where its attempts open, how far the best one came, and when. */
import { bestAttempt, firstOpening, type History, type StepSet } from './attempt.ts';
import type { FunnelDefinition } from './definition.ts';
import { bitOf, has, stepsOf, type Mark } from './marks.ts';

/** Groups of marks by time; `place`: which time of the session's, counted from 1. */
export interface MarkedHistory {
  readonly groups: readonly { readonly place: number; readonly marks: readonly Mark[] }[];
  /** For each place the last place within the window that begins there; null: no window ends within the history. */
  readonly reach: readonly number[] | null;
}

/** Places count from 1; `opens` 0: no attempt, nothing else is of interest. */
export interface Outcome {
  readonly opens: number;
  /** Required steps made. */
  readonly level: number;
  /** Where each of them was made. */
  readonly at: readonly number[];
  /** By which place one, two, three of them had been made, by whichever attempt. */
  readonly first: readonly number[];
  /** Bit by step, of optional ones that the best attempt can have in their places. */
  readonly optional: StepSet;
}

const none: Outcome = { opens: 0, level: 0, at: [], first: [], optional: 0 };

export function outcomeOf(marked: MarkedHistory, definition: FunnelDefinition): Outcome {
  const all = marked.groups.flatMap(({ marks }) => marks);
  const meets = (bit: Mark): boolean => all.some((mark) => has(mark, bit));
  if (!definition.with.every((_, index) => meets(bitOf.with(index)))) return none;
  if (definition.without.some((_, index) => meets(bitOf.without(index)))) return none;
  const required = indices(definition, (optional) => !optional);
  const history = historyFor(marked, required);
  const attempts = { steps: required.length, order: definition.order };
  const opening = firstOpening(history, attempts);
  if (opening < 0) return none;
  const { at, first } = bestAttempt(history, attempts);
  const placeOf = (group: number): number => marked.groups[group]?.place ?? 0;
  return {
    opens: placeOf(opening), level: at.length, at: at.map(placeOf), first: first.map(placeOf),
    optional: indices(definition, (optional) => optional)
      .reduce((done, index) => (isDone(marked, definition, required, at.length, index) ? done | bitOf.step(index) : done), 0),
  };
}

function indices({ steps }: FunnelDefinition, wanted: (optional: boolean) => boolean): readonly number[] {
  return steps.flatMap(({ optional }, index) => (wanted(optional) ? [index] : []));
}

/** An attempt that comes as far as the best one, and has this optional step in its place too. */
function isDone(
  marked: MarkedHistory, { order }: FunnelDefinition, required: readonly number[], level: number, index: number,
): boolean {
  const made = order === 'unordered' ? required : required.slice(0, level);
  if (order !== 'unordered' && required.filter((step) => step < index).length > level) return false;
  const chain = [...made, index].toSorted((a, b) => a - b);
  return bestAttempt(historyFor(marked, chain), { steps: chain.length, order }).at.length > level;
}

/** With only these steps, in this order. What strict does not mind is left to it as nothing at all. */
function historyFor({ groups, reach }: MarkedHistory, chosen: readonly number[]): History {
  const places = groups.map(({ place }) => place);
  return {
    groups: groups.map(({ marks }) => marks.flatMap((mark) => {
      const steps = stepsOf(mark);
      const set = chosen.reduce((bits, step, bit) => (has(steps, bitOf.step(step)) ? bits | bitOf.step(bit) : bits), 0);
      return set !== 0 || steps !== 0 || has(mark, bitOf.other) ? [set] : [];
    })),
    reach: reach === null ? null : lastGroups(places, reach),
  };
}

function lastGroups(places: readonly number[], reach: readonly number[]): readonly number[] {
  let group = 0;
  return places.map((place) => {
    const last = reach[place - 1] ?? 0;
    while (group + 1 < places.length && (places[group + 1] ?? 0) <= last) group += 1;
    return group;
  });
}
