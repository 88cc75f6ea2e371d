/** Ranges of hours: 9 to 5, 09:00-17:30, सुबह 9 बजे से शाम 6 बजे तक, opens 9, closes 18. */
import type { Json } from '../json.ts';
import { clockAt, partBefore, type Clock } from './clock.ts';
import { dateAt, type DateContext } from './dates.ts';
import type { Grammar, Span } from './items.ts';
import { after, afterAll, matchOf, type View } from './view.ts';

const wholeDay: Json = { start: '00:00', end: '23:59' };

/** Days beside the hours are not asked for; they are left out, and that is said. */
export function timeGrammar(context: DateContext): Grammar {
  return {
    spanAt: (view, at) => rangeAt(view, at) ?? daysAt(view, at, context),
    explained: new Set(['wish', 'every', 'approx', 'future', 'from', 'opens']),
  };
}

function rangeAt(view: View, at: number): Span | null {
  const whole = matchOf(view, at, 'wholeDay');
  if (whole !== null) return { to: whole.to, values: [wholeDay] };
  return plainRange(view, at) ?? openingHours(view, at);
}

function plainRange(view: View, at: number): Span | null {
  const between = matchOf(view, at, 'between');
  const begin = after(view, between?.to ?? at, 'from');
  const start = clockAt(view, begin) ?? leadingPart(view, at);
  if (start === null) return null;
  const middle = after(view, start.to, 'till');
  const and = between === null ? null : matchOf(view, start.to, 'and');
  const link = matchOf(view, start.to, 'to', 'till', 'dash') ?? matchOf(view, middle, 'to', 'dash') ?? and;
  if (link === null) return null;
  const end = clockAt(view, after(view, link.to, 'till', 'to'));
  if (end === null) return null;
  return { to: after(view, end.to, 'till'), values: rangesOf(start, end) };
}

/** "at night from 10 to 6": the part of the day stands apart, in front of both. */
function leadingPart(view: View, at: number): Clock | null {
  const part = partBefore(view, at);
  return part === null ? null : clockAt(view, at);
}

/** Opens 9, closes 18; closes at 5, opens at 9; 9 बजे खुलता है, 6 बजे बंद होता है. */
function openingHours(view: View, at: number): Span | null {
  const first = edgeAt(view, at);
  if (first === null) return null;
  const second = edgeAt(view, first.to) ?? edgeAt(view, afterAll(view, first.to, 'pause', 'and', 'filler'));
  if (second === null || second.opens === first.opens) return null;
  const [start, end] = first.opens ? [first.clock, second.clock] : [second.clock, first.clock];
  return { to: second.to, values: rangesOf(start, end) };
}

interface Edge { readonly to: number; readonly opens: boolean; readonly clock: Clock }

function edgeAt(view: View, at: number): Edge | null {
  const verb = matchOf(view, at, 'opens', 'closes');
  const clock = clockAt(view, verb === null ? at : afterAll(view, verb.to, 'filler', 'from', 'in', 'till', 'pause'));
  if (clock === null) return null;
  if (verb !== null) return { to: clock.to, opens: verb.meaning.is === 'opens', clock };
  const next = after(view, clock.to, 'filler', 'from', 'in');
  const behind = matchOf(view, clock.to, 'opens', 'closes') ?? matchOf(view, next, 'opens', 'closes');
  return behind === null ? null : { to: behind.to, opens: behind.meaning.is === 'opens', clock };
}

function daysAt(view: View, at: number, context: DateContext): Span | null {
  const group = matchOf(view, at, 'dayGroup');
  if (group !== null) return { to: group.to, values: [], aside: true };
  const weekday = matchOf(view, at, 'weekday');
  if (weekday === null) {
    const date = dateAt(view, at, context) ?? dateAt(view, after(view, at, 'from'), context);
    return date === null || date.unsure === true ? null : { to: date.to, values: [], aside: true };
  }
  const link = matchOf(view, weekday.to, 'to', 'dash', 'till', 'and', 'pause');
  const last = link === null ? null : matchOf(view, after(view, link.to, 'to', 'till'), 'weekday');
  return { to: after(view, last?.to ?? weekday.to, last === null ? 'in' : 'till'), values: [], aside: true };
}

// --- Which halves of the day ---

/** All that the two can mean; [] for no range. A bare hour takes the half of the day that the other end leaves certain. */
function rangesOf(start: Clock, end: Clock): readonly Json[] {
  return minutePairs(start, end).filter(([from, to]) => from !== to).map(([from, to]) => ({ start: shown(from), end: shown(to) }));
}

type Pair = readonly [from: number, to: number];

function minutePairs(start: Clock, end: Clock): readonly Pair[] {
  // 10:00 to 12:30, and 12:00 to 11:00, are written as the 24-hour clock is
  const isFull = start.full && end.full;
  const [from, to] = isFull ? [minutes(start.hour, start.minute), minutes(end.hour, end.minute)] : [certain(start), certain(end)];
  if (from !== null && to !== null) return [[from, to]];
  if (from !== null) {
    // behind 17 a 9 is on the same clock, or it is the next one
    const [next, same] = [nextAfter(from, end), minutes(end.hour, end.minute)];
    return start.hour > 12 && next !== same ? [[from, next], [from, same]] : [[from, next]];
  }
  if (to !== null) return end.exact ? asWritten(start, to) : [[lastBefore(start, end, to), to]];
  return officeHours(start, end);
}

/**
 * Two bare hours are office hours, "9 to 5", where they can be: begun from 6 on and done within ten hours. A start from 1 to 5, or half
 * a day or more (6 to 6, 9 to 9), is as well the other way round, at night.
 */
function officeHours(start: Clock, end: Clock): readonly Pair[] {
  const day = minutes(start.hour % 24, start.minute);
  const pairs: readonly Pair[] = [[day, nextAfter(day, end)], [(day + 720) % 1440, nextAfter((day + 720) % 1440, end)]];
  const [first] = pairs;
  const length = first === undefined ? 0 : (first[1] - first[0] + 1440) % 1440;
  return first !== undefined && start.hour >= 6 && length > 0 && length < 720 ? [first] : pairs;
}

function certain(time: Clock): number | null {
  if (time.exact) return minutes(time.hour, time.minute);
  return time.half === null ? null : inHalf(time, time.half);
}

function inHalf(time: Clock, half: 'am' | 'pm'): number {
  return minutes((time.hour % 12) + (half === 'pm' ? 12 : 0), time.minute);
}

/** Half a day away or more is the same hour again, which says nothing. */
function nextAfter(from: number, end: Clock): number {
  const [am, pm] = [inHalf(end, 'am'), inHalf(end, 'pm')];
  const wait = (to: number): number => (to > from ? to - from : to - from + 1440);
  return wait(am) <= wait(pm) ? am : pm;
}

function lastBefore(start: Clock, end: Clock, to: number): number {
  const same = inHalf(start, end.half ?? 'pm');
  return same < to ? same : inHalf(start, end.half === 'am' ? 'pm' : 'am');
}

function asWritten(start: Clock, to: number): readonly Pair[] {
  const from = minutes(start.hour, start.minute);
  return from < to ? [[from, to]] : [];
}

function minutes(hour: number, minute: number): number {
  return hour * 60 + minute;
}

function shown(minuteOfDay: number): string {
  return [Math.floor(minuteOfDay / 60), minuteOfDay % 60].map((part) => String(part).padStart(2, '0')).join(':');
}
