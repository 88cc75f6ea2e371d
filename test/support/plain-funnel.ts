/**
 * Funnels of one's own as they are defined, written down plainly: every way to choose events is tried. Slow, for short histories.
 * What is counted, and what the product is held against.
 */

export interface PlainEvent { readonly ms: number; readonly matches: readonly number[] }
export type PlainOrder = 'ordered' | 'strict' | 'unordered';
export interface PlainFunnel { readonly steps: number; readonly order: PlainOrder; readonly windowMs: number | null }

/** Times of the chosen events, first to last, of the deepest attempt that begins first and of these makes each step first. */
export function plainAttempt(events: readonly PlainEvent[], funnel: PlainFunnel): readonly number[] {
  return funnel.order === 'unordered' ? plainUnordered(events, funnel) : plainChain(events, funnel);
}

function plainChain(events: readonly PlainEvent[], { steps, order, windowMs }: PlainFunnel): readonly number[] {
  let best: readonly number[] = [];
  const extend = (chosen: readonly number[]): void => {
    const times = chosen.map((index) => events[index]?.ms ?? 0);
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    if (windowMs !== null && last - first > windowMs) return;
    const between = events.some(({ ms }, index) => !chosen.includes(index) && ms > first && ms < last);
    if ((order !== 'strict' || !between) && isBetter(times, best)) best = times;
    if (chosen.length === steps) return;
    events.forEach((event, index) => {
      if (chosen.includes(index) || !event.matches.includes(chosen.length)) return;
      if (chosen.length > 0 && event.ms < last) return;
      extend([...chosen, index]);
    });
  };
  extend([]);
  return best;
}

function isBetter(times: readonly number[], best: readonly number[]): boolean {
  if (times.length !== best.length) return times.length > best.length;
  const at = times.findIndex((time, index) => time !== best[index]);
  return at >= 0 && (times[at] ?? 0) < (best[at] ?? 0);
}

/** The k-th time: when k of the steps could first be said to be done, counted from the start of the attempt. */
function plainUnordered(events: readonly PlainEvent[], { steps, windowMs }: PlainFunnel): readonly number[] {
  const starts = events.filter(({ matches }) => matches.length > 0).map(({ ms }) => ms).toSorted((a, b) => a - b);
  let best: readonly number[] = [];
  for (const start of starts) {
    const within = events.filter(({ ms }) => ms >= start && (windowMs === null || ms - start <= windowMs));
    const times: number[] = [];
    for (const end of [...new Set(within.map(({ ms }) => ms))].sort((a, b) => a - b)) {
      const done = mostSteps(within.filter(({ ms }) => ms <= end), steps);
      while (times.length < done) times.push(end);
    }
    if (times.length > best.length) best = times;
  }
  return best;
}

function mostSteps(events: readonly PlainEvent[], steps: number): number {
  const from = (step: number, used: readonly number[]): number => {
    if (step === steps) return 0;
    const without = from(step + 1, used);
    return events.reduce((most, { matches }, index) => (
      used.includes(index) || !matches.includes(step) ? most : Math.max(most, 1 + from(step + 1, [...used, index]))
    ), without);
  };
  return from(0, []);
}
