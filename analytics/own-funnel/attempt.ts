/**
 * The best attempt of one session at a funnel of one's own: how many steps it made, and by which events.
 *
 * Events of one millisecond are a group, and their order is free; each event is the set of steps that it matches. One event
 * fills at most one step, so what a group can give is a matching, looked for step by step (augmenting paths). Everything is
 * linear in the length of the history, apart from a factor of the number of steps.
 */
import { EventsWithin, GroupMatching, type StepSet } from './group-matching.ts';

export type { StepSet } from './group-matching.ts';

export const orders = ['ordered', 'strict', 'unordered'] as const;
export type Order = (typeof orders)[number];

/** What a history is held against. */
export interface Attempts {
  /** 1 to 20. */
  readonly steps: number;
  readonly order: Order;
}

/**
 * Groups by time, each with at least one event. `reach`: the last group that lies within the window which begins at each, as far as
 * the window is shorter than the history; it is all that a window needs to know of times. null: no window ends within it.
 */
export interface History {
  readonly groups: readonly (readonly StepSet[])[];
  readonly reach: readonly number[] | null;
}

/**
 * `at`: the group of each chosen event, in order, as many as steps were made. Of all attempts that come as far it is the one that
 * begins first, and of these the one that makes each step first. Unordered: when one, two, three of the steps were made.
 * `first`: by which group one, two, three steps had been made by any attempt, also by one that came no further.
 */
export interface Attempt { readonly at: readonly number[]; readonly first: readonly number[] }

export function bestAttempt(history: History, attempts: Attempts): Attempt {
  switch (attempts.order) {
    case 'ordered': return ordered(history, attempts);
    case 'strict': return strict(history, attempts);
    case 'unordered': return unordered(history, attempts);
  }
}

/** The group of the first event ever that opens an attempt; -1: there is none. */
export function firstOpening({ groups }: History, { steps, order }: Attempts): number {
  const opening = order === 'unordered' ? stepsMask(steps) : 1;
  return groups.findIndex((group) => group.some((event) => (event & opening) !== 0));
}

const none: Attempt = { at: [], first: [] };
/** No other attempt makes a step before this one. */
const first = (at: readonly number[]): Attempt => ({ at, first: at });

export const stepsMask = (steps: number): StepSet => 2 ** steps - 1;

/**
 * Without a window the first start is as good as any later one, and to go as far as a group allows is never worse than to stay
 * behind: whoever is further needs a part of the same events.
 */
function ordered(history: History, attempts: Attempts): Attempt {
  const start = firstOpening(history, attempts);
  if (start < 0) return none;
  if (history.reach === null) return first(chainFrom(history, attempts, start, attempts.steps));
  return windowed(history, attempts, history.reach);
}

/** Steps made from the group `start` on, each as early as it can be. */
function chainFrom({ groups }: History, { steps }: Attempts, start: number, wanted: number): number[] {
  const at: number[] = [];
  for (let group = start; group < groups.length && at.length < wanted; group += 1) {
    const made = run(groups[group] ?? [], at.length, steps);
    for (let step = 0; step < made; step += 1) at.push(group);
  }
  return at.slice(0, wanted);
}

/**
 * For each number of steps the latest start of a chain as long: the later it began, the longer its window runs. A chain that begins
 * earlier never ends later, so of the deepest chains the first to end belongs to the earliest start whose window reaches its end.
 */
function windowed(history: History, attempts: Attempts, reach: readonly number[]): Attempt {
  const { groups } = history;
  const { steps } = attempts;
  const starts = new Array<number>(steps + 1).fill(-1);
  const reached: number[] = [];
  for (let group = 0; group < groups.length; group += 1) {
    const events = groups[group] ?? [];
    if (events.every((event) => event === 0)) continue;
    // from the longest down, so that a step of this group is not taken for one of an earlier group
    for (let made = steps - 1; made >= 0; made -= 1) {
      const start = made === 0 ? group : starts[made] ?? -1;
      if (start < 0 || group > (reach[start] ?? 0)) continue;
      const more = run(events, made, steps);
      for (let length = made + 1; length <= made + more; length += 1) starts[length] = Math.max(starts[length] ?? -1, start);
      while (reached.length < made + more) reached.push(group);
    }
    if (reached.length === steps) break;
  }
  const end = reached.at(-1);
  if (end === undefined) return none;
  const earliest = groups.findIndex((group, index) => (reach[index] ?? 0) >= end && group.some((event) => (event & 1) !== 0));
  return { at: chainFrom(history, attempts, earliest, reached.length), first: reached };
}

/**
 * Whatever shares the millisecond of the first or of the last event of a chain can stand outside; whatever lies between them cannot, so
 * a group in the middle is used up. A chain is free only in how many steps it makes in its first group.
 */
function strict(history: History, attempts: Attempts): Attempt {
  const { groups } = history;
  let best: readonly number[] = [];
  const reached: number[] = [];
  for (let start = 0; start < groups.length && best.length < attempts.steps; start += 1) {
    const inFirst = run(groups[start] ?? [], 0, attempts.steps);
    for (let made = inFirst; made > 0 && best.length < attempts.steps; made -= 1) {
      const at = strictChain(history, attempts, start, made);
      if (at.length > best.length) best = at;
      at.forEach((group, step) => { reached[step] = Math.min(reached[step] ?? group, group); });
    }
  }
  return { at: best, first: reached };
}

function strictChain({ groups, reach }: History, { steps }: Attempts, start: number, inFirst: number): number[] {
  const at = new Array<number>(inFirst).fill(start);
  const last = reach?.[start] ?? groups.length - 1;
  for (let group = start + 1; group <= last && at.length < steps; group += 1) {
    const events = groups[group] ?? [];
    const made = run(events, at.length, steps);
    for (let step = 0; step < made; step += 1) at.push(group);
    if (made < events.length) break;
  }
  return at;
}

/** Some set of the most steps uses the first event of any window, so the window may be said to begin there. */
function unordered(history: History, attempts: Attempts): Attempt {
  const { groups, reach } = history;
  const start = firstOpening(history, attempts);
  if (start < 0) return none;
  if (reach === null) return first(stepsWithin(history, attempts, start, groups.length));
  const within = new EventsWithin(attempts.steps);
  let best: readonly number[] = [];
  const reached: number[] = [];
  let [end, grown] = [start, false];
  for (let from = start; from < groups.length && best.length < attempts.steps; from += 1) {
    for (; end <= (reach[from] ?? -1); end += 1) {
      for (const event of groups[end] ?? []) grown = within.add(event) || grown;
    }
    // what was only left behind makes no window better; and a window begins with a step
    if (grown && (groups[from] ?? []).some((event) => event !== 0)) {
      grown = false;
      if (within.most() > best.length) {
        best = stepsWithin(history, attempts, from, end);
        reached.push(...best.slice(reached.length));
      }
    }
    for (const event of groups[from] ?? []) within.remove(event);
  }
  return { at: best, first: reached };
}

function stepsWithin({ groups }: History, { steps }: Attempts, from: number, end: number): number[] {
  const matching = new GroupMatching(steps);
  const at: number[] = [];
  for (let group = from; group < end && at.length < steps; group += 1) {
    for (const event of groups[group] ?? []) if (matching.addEvent(event)) at.push(group);
  }
  return at;
}

/** How many steps from `made` on different events of one group can fill, without a gap. */
function run(events: readonly StepSet[], made: number, steps: number): number {
  if (events.length === 1) return made < steps && ((events[0] ?? 0) & (1 << made)) !== 0 ? 1 : 0;
  if (!events.some((event) => (event & (1 << made)) !== 0)) return 0;
  return GroupMatching.run(events, made, steps);
}
