/** The one time range of a text, in English or Hindi. */
import { folded, phrases, turns } from './reading-words.ts';
import { units } from './reading-number-words.ts';

interface Clock {
  readonly hour: number;
  readonly minute: number;
  readonly half: 'am' | 'pm' | null;
  /** Written on the 24-hour clock: 17, 00, 09. */
  readonly exact: boolean;
}

const dayPart = '(सुबह|दोपहर|शाम|रात)?(?:\\s*(?:के|को))?\\s*';
const unit = "(?:\\s*([ap])\\.?m\\.?|\\s*(?:o'?clock|hrs|बजे))?";
const clock = `(?<![\\d:.\\p{L}])(\\d{1,2})(?:[:.](\\d{2}))?${unit}(?![\\d:\\p{L}])`;
const between = '\\s*(?:-|–|—|to|till|until|and|से)\\s*';
const timeRange = new RegExp(`${dayPart}${clock}${between}${dayPart}${clock}`, 'gu');

type TimeRange = Readonly<Record<'start' | 'end', string>>;

/** `9 to 5`, `09:00-17:30`, `9am to 5pm`, `सुबह 9 बजे से शाम 6 बजे`: exactly one range and no other digits. */
export function readTimeRange(text: string): TimeRange | null {
  if (turns(text)) return null;
  if (isWholeDay(text)) return { start: '00:00', end: '23:59' };
  const said = clockDigits(text);
  const [match, ...more] = said.matchAll(timeRange);
  if (match === undefined || more.length > 0 || /\d/.test(said.replace(match[0], ''))) return null;
  const start = clockOf(match[1], match[2], match[3], match[4]);
  const end = clockOf(match[5], match[6], match[7], match[8]);
  const range = start === null || end === null ? null : resolveRange(start, end);
  return range === null || range[0] === range[1] ? null : { start: shown(range[0]), end: shown(range[1]) };
}

const wholeDay = phrases(
  '24 hours, 24 hours a day, round the clock, around the clock, whole day, the whole day, 00:00 to 24:00, 00:00-24:00, ' +
    '24 घंटे, चौबीसों घंटे, पूरे दिन, दिन रात',
);

/** `24/7` and what says the same. The day is written from its first minute to its last. */
function isWholeDay(text: string): boolean {
  const said = folded(text).replace(/^(?:we are |we re |it is )?(?:always )?open /, '');
  const always = /(?<!\d)24\s?[/x×]\s?7(?!\d)/i;
  return wholeDay.has(said) || (always.test(text) && !/\d/.test(text.replace(always, '')));
}

function clockDigits(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\p{L}\p{M}]+/gu, (word) => {
      const hour = units.get(folded(word));
      if (word === 'noon') return '12 pm';
      if (word === 'midnight') return '12 am';
      return hour === undefined || hour > 12 ? word : String(hour);
    });
}

function clockOf(part = '', hourText = '', minuteText = '00', letter = ''): Clock | null {
  const hour = Number(hourText);
  const minute = Number(minuteText);
  const half = letter === '' ? halfOf(part, hour) : letter === 'a' ? 'am' : 'pm';
  if (hour > 23 || minute > 59 || (half !== null && (hour < 1 || hour > 12))) return null;
  return { hour, minute, half, exact: half === null && (hour > 12 || hourText.startsWith('0')) };
}

function halfOf(part: string, hour: number): 'am' | 'pm' | null {
  if (part === 'सुबह') return 'am';
  if (part === 'शाम' || part === 'दोपहर') return hour === 11 ? 'am' : 'pm';
  if (part === 'रात') return hour >= 7 && hour < 12 ? 'pm' : 'am';
  return null;
}

/** Minutes of the day of both ends. A bare hour takes the half of the day that the other end leaves certain. */
function resolveRange(start: Clock, end: Clock): readonly [number, number] | null {
  const [from, to] = [certain(start), certain(end)];
  if (from !== null && to !== null) return [from, to];
  if (from !== null) return [from, nextAfter(from, end)];
  if (to !== null) return end.exact ? asWritten(start, to) : [lastBefore(start, end, to), to];
  // Two bare hours are office hours, "9 to 5"; a start from 1 to 5 may as well be afternoon.
  const morning = minutes(start.hour, start.minute);
  return start.hour < 6 ? null : [morning, nextAfter(morning, end)];
}

function certain(time: Clock): number | null {
  if (time.exact) return minutes(time.hour, time.minute);
  return time.half === null ? null : inHalf(time, time.half);
}

function inHalf(time: Clock, half: 'am' | 'pm'): number {
  return minutes((time.hour % 12) + (half === 'pm' ? 12 : 0), time.minute);
}

function nextAfter(from: number, end: Clock): number {
  const [am, pm] = [inHalf(end, 'am'), inHalf(end, 'pm')];
  const wait = (to: number): number => (to > from ? to - from : to - from + 1440);
  return wait(am) <= wait(pm) ? am : pm;
}

function lastBefore(start: Clock, end: Clock, to: number): number {
  const same = inHalf(start, end.half ?? 'pm');
  return same < to ? same : inHalf(start, end.half === 'am' ? 'pm' : 'am');
}

function asWritten(start: Clock, to: number): readonly [number, number] | null {
  const from = minutes(start.hour, start.minute);
  return from < to ? [from, to] : null;
}

function minutes(hour: number, minute: number): number {
  return hour * 60 + minute;
}

function shown(minuteOfDay: number): string {
  return [Math.floor(minuteOfDay / 60), minuteOfDay % 60].map((part) => String(part).padStart(2, '0')).join(':');
}
