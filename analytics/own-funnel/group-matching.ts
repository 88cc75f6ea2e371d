/** Which steps different events can fill, where an event may match several steps: matching by augmenting paths. */

/** Steps as bits: bit 0 is the first. 0: an event that is no step; only `strict` minds it. */
export type StepSet = number;

export class GroupMatching {
  readonly #steps: number;
  /** The event that fills each step. */
  readonly #filled: (StepSet | null)[];

  constructor(steps: number) {
    this.#steps = steps;
    this.#filled = new Array<StepSet | null>(steps).fill(null);
  }

  /** Whether one step more is filled with this event. What was filled stays so, if need be by another event. */
  addEvent(event: StepSet): boolean {
    return event !== 0 && this.#place(event, { tried: 0 });
  }

  #place(event: StepSet, seen: { tried: StepSet }): boolean {
    for (let step = 0; step < this.#steps; step += 1) {
      const bit = 1 << step;
      if ((event & bit) === 0 || (seen.tried & bit) !== 0) continue;
      seen.tried |= bit;
      const holder = this.#filled[step] ?? null;
      if (holder === null || this.#place(holder, seen)) {
        this.#filled[step] = event;
        return true;
      }
    }
    return false;
  }

  /** How many steps from `first` on, without a gap, different events can fill. */
  static run(events: readonly StepSet[], first: number, steps: number): number {
    const holder = new Array<number>(events.length).fill(-1);
    for (let step = first; step < steps; step += 1) {
      if (!fill(step, events, holder, new Set())) return step - first;
    }
    return steps - first;
  }
}

function fill(step: number, events: readonly StepSet[], holder: number[], tried: Set<number>): boolean {
  for (let index = 0; index < events.length; index += 1) {
    if (((events[index] ?? 0) & (1 << step)) === 0 || tried.has(index)) continue;
    tried.add(index);
    const held = holder[index] ?? -1;
    if (held < 0 || fill(held, events, holder, tried)) {
      holder[index] = step;
      return true;
    }
  }
  return false;
}

/** Events of a window that moves on, counted by what they match: of equal ones no more than there are steps can be of use. */
export class EventsWithin {
  readonly #steps: number;
  readonly #counts = new Map<StepSet, number>();

  constructor(steps: number) {
    this.#steps = steps;
  }

  /** Whether more steps may be filled with it than without. */
  add(event: StepSet): boolean {
    if (event === 0) return false;
    const before = this.#counts.get(event) ?? 0;
    this.#counts.set(event, before + 1);
    return before < this.#steps;
  }

  remove(event: StepSet): void {
    if (event === 0) return;
    const left = (this.#counts.get(event) ?? 0) - 1;
    if (left > 0) this.#counts.set(event, left);
    else this.#counts.delete(event);
  }

  /** How many steps different ones of these events fill. */
  most(): number {
    const matching = new GroupMatching(this.#steps);
    let filled = 0;
    for (const [event, count] of this.#counts) {
      for (let index = 0; index < count && matching.addEvent(event); index += 1) filled += 1;
    }
    return filled;
  }
}
