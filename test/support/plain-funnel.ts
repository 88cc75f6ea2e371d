/**
 * Funnels of one's own as they are defined, written down plainly: every way to choose events is tried. Slow, for short histories.
 * What is counted, and what the product is held against.
 */

import { dayMs, quantile } from './plain-sessions.ts';

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

export interface PlainFunnelSide { readonly total: number; readonly followed: number; readonly completed: number }
export interface PlainFunnelComparison {
  readonly followUpSeconds: number;
  readonly earlier: PlainFunnelSide;
  readonly later: PlainFunnelSide;
  /** Of each required step, how many of the earlier and of the later ones had made it. */
  readonly stages: readonly (readonly [number, number])[];
}
type Span = readonly [fromMs: number, toMs: number];

/** Each session as it stood one follow-up after its first attempt: of the events up to then, how far the best attempt came. */
export function plainFunnelComparison(
  sessions: readonly ToldSession[], definition: PlainDefinition, earlier: Span, later: Span, now: number,
): PlainFunnelComparison {
  const steps = definition.steps.filter(({ optional }) => !optional);
  const within = ([from, to]: Span): readonly PlainResult[] => plainCohort(sessions, definition, from, to);
  const openedOf = ({ session: { events } }: PlainResult): number => {
    const opening = definition.order === 'unordered' ? steps : steps.slice(0, 1);
    return Math.min(...events.filter((event) => opening.some((step) => isStep(step, event, events))).map(({ ms }) => ms));
  };
  const took = (results: readonly PlainResult[]): readonly number[] =>
    results.flatMap((result) => (result.times.length === steps.length ? [(result.times.at(-1) ?? 0) - openedOf(result)] : []));
  const times = took(within(earlier)).length > 0 ? took(within(earlier)) : took(within(later));
  const followUp = Math.min(7 * dayMs, Math.max(3_600_000, Math.ceil((quantile(times, 0.9) ?? 0) / 1_000) * 1_000));
  const side = (span: Span): { readonly total: number; readonly levels: readonly number[] } => {
    const old = within(span).filter((result) => now - openedOf(result) >= followUp);
    const then = { ...definition, with: [], without: [] };
    return {
      total: within(span).length,
      levels: old.map((result) => {
        const events = result.session.events.filter(({ ms }) => ms <= openedOf(result) + followUp);
        return plainCohort([{ ...result.session, events }], then, -Infinity, Infinity)[0]?.times.length ?? 0;
      }),
    };
  };
  const [before, after] = [side(earlier), side(later)];
  const made = ({ levels }: typeof before, step: number): number => levels.filter((level) => level > step).length;
  const figures = (of: typeof before): PlainFunnelSide =>
    ({ total: of.total, followed: of.levels.length, completed: made(of, steps.length - 1) });
  return {
    followUpSeconds: followUp / 1_000, earlier: figures(before), later: figures(after),
    stages: steps.map((_, step) => [made(before, step), made(after, step)] as const),
  };
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
