/** Clocks of time zones: what they show, and when they are changed. */

/** What the clocks of the zone show at an instant, as if it were UTC. Both in epoch milliseconds. */
export function wallClock(instant: number, timezone: string): number {
  if (timezone === 'UTC') return instant;
  return shownBy(formatter(timezone), instant);
}

/**
 * The instant when clocks of the zone show this wall-clock time. Shown twice (autumn): the first. Never shown (spring;
 * in Cairo a day begins at 01:00, on Samoa one was left out): as much later as the clock was put forward, which for a
 * missing midnight is the first instant of the day.
 */
export function localInstant(wall: number, timezone: string): number {
  // A day before and after enclose any one change of the clock; offsets themselves reach from -12 to +14 hours.
  const offsets = [wall - dayMs, wall + dayMs].map((instant) => wallClock(instant, timezone) - instant);
  const candidates = offsets.map((offset) => wall - offset).toSorted((a, b) => a - b);
  const shown = candidates.find((instant) => wallClock(instant, timezone) === wall);
  return shown ?? wall - (offsets[0] ?? 0);
}

/** Zones whose formatter is at hand. To make one takes 0.1 ms, which is a tenth of an answer that is kept. */
const formattersMax = 100;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Throws RangeError where there is no such zone. */
export function formatter(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23',
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
  const [oldest] = formatters.keys();
  if (formatters.size >= formattersMax && oldest !== undefined) formatters.delete(oldest);
  formatters.set(timezone, made);
  return made;
}

/** A stretch of time in which the clocks are not changed. `offsetMs` = what they show, less UTC. */
export interface Stretch {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly offsetMs: number;
}

const dayMs = 86_400_000;
/** No zone has changed its clocks twice within this. */
const lookMs = 12 * 3_600_000;

/** The stretches that make up [fromMs, toMs), in order. */
export function stretches(fromMs: number, toMs: number, timezone: string): readonly Stretch[] {
  const clock = formatter(timezone);
  const offsetAt = (instant: number): number => shownBy(clock, instant) - instant;
  const found: Stretch[] = [];
  let begun = { fromMs, offsetMs: offsetAt(fromMs) };
  for (let at = fromMs; at < toMs; at += lookMs) {
    const next = Math.min(at + lookMs, toMs);
    const offsetMs = offsetAt(next);
    if (offsetMs === begun.offsetMs) continue;
    const changed = changeBetween(at, next, offsetAt);
    found.push({ ...begun, toMs: changed });
    begun = { fromMs: changed, offsetMs };
  }
  if (begun.fromMs < toMs) found.push({ ...begun, toMs });
  return found;
}

/** The first instant with the offset of `after`. */
function changeBetween(before: number, after: number, offsetAt: (instant: number) => number): number {
  const wanted = offsetAt(after);
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === wanted) high = middle;
    else low = middle;
  }
  return high;
}

function shownBy(clock: Intl.DateTimeFormat, instant: number): number {
  const shown = new Map(clock.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes): number => shown.get(type) ?? 0;
  const seconds = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return seconds + (((instant % 1_000) + 1_000) % 1_000);
}
