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

/** An event as it was told: a key of analytics/history.ts, and properties. */
export interface ToldEvent { readonly key: string; readonly ms: number; readonly properties: Readonly<Record<string, string>> }
export interface ToldSession {
  readonly session_id: string;
  readonly left: boolean;
  readonly label: string;
  readonly events: readonly ToldEvent[];
}
export interface PlainStep { readonly event: string; readonly where: Readonly<Record<string, string>>; readonly optional: boolean }
export interface PlainDefinition {
  readonly steps: readonly PlainStep[];
  readonly order: PlainOrder;
  readonly window_seconds: number | null;
  readonly consider: readonly string[] | null;
  readonly with: readonly string[];
  readonly without: readonly string[];
}
/** How far one session of the cohort came. `made`: of each step whether the best attempt has it. */
export interface PlainResult { readonly session: ToldSession; readonly times: readonly number[]; readonly made: readonly boolean[] }

const finds = (name: string, key: string): boolean => key === name || key.startsWith(`${name}:`);

/** The sessions of a funnel whose first step, ever, lies in [startMs, endMs), each by its best attempt. */
export function plainCohort(
  sessions: readonly ToldSession[], definition: PlainDefinition, startMs: number, endMs: number,
): readonly PlainResult[] {
  return sessions.flatMap((session) => {
    const { events } = session;
    const any = (name: string): boolean => events.some(({ key }) => finds(name, key));
    if (!definition.with.every(any) || definition.without.some(any)) return [];
    const required = definition.steps.filter(({ optional }) => !optional);
    const opening = definition.order === 'unordered' ? required : required.slice(0, 1);
    const first = Math.min(...events.filter((event) => opening.some((step) => isStep(step, event, events))).map(({ ms }) => ms));
    if (!(first >= startMs && first < endMs)) return [];
    const attempt = (steps: readonly PlainStep[]): readonly number[] => plainAttempt(
      seen(events, definition).map((event) => ({
        ms: event.ms, matches: steps.flatMap((step, index) => (isStep(step, event, events) ? [index] : [])),
      })),
      { steps: steps.length, order: definition.order,
        windowMs: definition.window_seconds === null ? null : definition.window_seconds * 1_000 },
    );
    const times = attempt(required);
    const made = definition.steps.map((step, place) => {
      const before = definition.steps.slice(0, place).filter(({ optional }) => !optional).length;
      if (!step.optional) return before < times.length;
      if (definition.order !== 'unordered' && before > times.length) return false;
      const kept = definition.order === 'unordered' ? required : required.slice(0, times.length);
      return attempt(definition.steps.filter((each) => each === step || kept.includes(each))).length > times.length;
    });
    return [{ session, times, made }];
  });
}

/** The same thing in the same millisecond is one event, whatever was told with it. */
function seen(events: readonly ToldEvent[], { order, steps, consider }: PlainDefinition): readonly ToldEvent[] {
  const once = events.filter(({ key, ms }, index) => events.findIndex((other) => other.key === key && other.ms === ms) === index);
  if (order !== 'strict' || consider === null) return once;
  return once.filter((event) => consider.some((name) => finds(name, event.key)) || steps.some((step) => isStep(step, event, events)));
}

function isStep({ event: name, where }: PlainStep, event: ToldEvent, all: readonly ToldEvent[]): boolean {
  return finds(name, event.key) && all.some(({ key, ms, properties }) => key === event.key && ms === event.ms
    && Object.entries(where).every(([property, value]) => properties[property] === value));
}
