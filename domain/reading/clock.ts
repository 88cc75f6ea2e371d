/** One time of day as people say it: 9, 9:30, 9am, half past nine, 17 hrs, सुबह साढ़े नौ बजे, रात 10. */
import type { DayPart } from './meaning.ts';
import { after, afterAll, matchOf, type View } from './view.ts';

export interface Clock {
  readonly to: number;
  readonly hour: number;
  readonly minute: number;
  readonly half: 'am' | 'pm' | null;
  /** Written on the 24-hour clock: 17, 00, 09. */
  readonly exact: boolean;
  /** Two digits, a mark and two digits: 10:30, where it can be on either clock. */
  readonly full: boolean;
  /** It says of itself that it is a time: by am, o'clock, minutes or a part of the day. */
  readonly named: boolean;
}

type Bare = Omit<Clock, 'half' | 'named' | 'full'> & { readonly full?: boolean; readonly half?: 'am' | 'pm'; readonly named?: boolean };

export function clockAt(view: View, at: number): Clock | null {
  const lead = partBefore(view, at);
  const bare = bareAt(view, lead?.to ?? at);
  if (bare === null) return null;
  const suffix = suffixAt(view, bare.to);
  const oclock = suffix === null ? matchOf(view, bare.to, 'oclock') : null;
  const late = suffix ?? suffixAt(view, oclock?.to ?? bare.to);
  const tail = lead === null && late === null && bare.half === undefined ? partAfter(view, oclock?.to ?? bare.to) : null;
  const part = lead?.part ?? tail?.part ?? null;
  const half = bare.half ?? late?.half ?? (part === null ? null : halfOf(part, bare.hour));
  const end = tail?.to ?? late?.to ?? oclock?.to ?? bare.to;
  if (half === undefined || (half !== null && (bare.hour < 1 || bare.hour > 12) && part === null && bare.half === undefined)) return null;
  const exact = bare.exact || (half !== null && bare.hour > 12);
  const oclockThen = late !== null || tail !== null || oclock !== null ? after(view, end, 'oclock') : end;
  return {
    to: oclockThen, hour: bare.hour, minute: bare.minute, half: bare.hour > 12 ? null : half, exact,
    full: bare.full === true && half === null,
    named: bare.named === true || late !== null || part !== null || oclock !== null || bare.minute > 0,
  };
}

/** The part of the day in front, with what may stand between: रात को, at night from, in the morning at. */
export function partBefore(view: View, at: number): { readonly to: number; readonly part: DayPart } | null {
  const start = after(view, at, 'in');
  const part = matchOf(view, start, 'part') ?? matchOf(view, at, 'part');
  if (part === null || part.meaning.is !== 'part') return null;
  return {
    to: bareAt(view, part.to) === null ? afterAll(view, part.to, 'filler', 'in', 'from', 'pause') : part.to, part: part.meaning.value,
  };
}

function partAfter(view: View, at: number): { readonly to: number; readonly part: DayPart } | null {
  const part = matchOf(view, at, 'part') ?? matchOf(view, after(view, at, 'filler'), 'part');
  if (part === null || part.meaning.is !== 'part') return null;
  // "10 रात 11" could be either's; a part that a time follows is that one's
  return bareAt(view, part.to) === null ? { to: part.to, part: part.meaning.value } : null;
}

function suffixAt(view: View, at: number): { readonly to: number; readonly half: 'am' | 'pm' } | null {
  const suffix = matchOf(view, at, 'am', 'pm');
  // "9a" and "9p", but not "9 a"
  if (suffix === null || (view.tokens[at]?.text.length === 1 && view.tokens[at]?.joined !== true)) return null;
  return { to: suffix.to, half: suffix.meaning.is === 'am' ? 'am' : 'pm' };
}

function bareAt(view: View, at: number): Bare | null {
  return namedHour(view, at) ?? inDigits(view, at) ?? inWords(view, at);
}

function namedHour(view: View, at: number): Bare | null {
  const named = matchOf(view, at, 'noon', 'midnight');
  if (named === null) return null;
  return { to: named.to, hour: 12, minute: 0, half: named.meaning.is === 'noon' ? 'pm' : 'am', exact: false, named: true };
}

function inDigits(view: View, at: number): Bare | null {
  const { tokens } = view;
  const digits = tokens[at];
  if (digits?.kind !== 'digits') return null;
  const past = minutesPast(view, at, Number(digits.text));
  if (past !== null) return past;
  if (digits.text.length === 4) return clock(at + 1, Number(digits.text.slice(0, 2)), Number(digits.text.slice(2)), true);
  if (digits.text.length > 2) return null;
  const hour = Number(digits.text);
  const [mark, minute] = [tokens[at + 1], tokens[at + 2]];
  const exact = hour > 12 || digits.text.startsWith('0');
  if (mark?.joined === true && /^(?:[:.]|h)$/.test(mark.text) && minute?.joined === true && minute.kind === 'digits') {
    const time = minute.text.length === 2 ? clock(at + 3, hour, Number(minute.text), exact) : null;
    return time === null ? null : { ...time, named: mark.text === ':', full: digits.text.length === 2 };
  }
  return clock(at + 1, hour, 0, exact);
}

/** Nine, nine thirty, half past nine, quarter to six, ten past nine, साढ़े नौ, डेढ़ बजे. */
function inWords(view: View, at: number): Bare | null {
  const share = matchOf(view, at, 'share');
  if (share !== null) {
    const hour = hourWord(view, matchOf(view, share.to, 'pastHour', 'to')?.to ?? -1);
    if (hour === null) return null;
    const minutes = share.meaning.value * 60;
    if (matchOf(view, share.to, 'pastHour') !== null) return clock(hour.to, hour.value, minutes, false);
    return minutes === 15 ? earlier(hour, minutes) : null;
  }
  const offset = matchOf(view, at, 'offset');
  if (offset !== null) {
    const hour = hourWord(view, offset.to);
    if (hour === null) return null;
    const minutes = offset.meaning.value * 60;
    return minutes > 0 ? clock(hour.to, hour.value, minutes, false) : earlier(hour, -minutes);
  }
  const mixed = matchOf(view, at, 'mixed');
  if (mixed !== null) return clock(mixed.to, Math.floor(mixed.meaning.value), (mixed.meaning.value % 1) * 60, false);
  const hour = matchOf(view, at, 'whole', 'unit');
  if (hour === null || hour.meaning.value > 12) return null;
  const past = minutesPast(view, at, hour.meaning.value);
  if (past !== null) return past;
  const tens = matchOf(view, hour.to, 'tens');
  const unit = tens === null ? null : matchOf(view, after(view, tens.to, 'dash'), 'unit');
  const minute = (tens?.meaning.value ?? 0) + (unit?.meaning.value ?? 0);
  return minute > 59 ? null : clock(unit?.to ?? tens?.to ?? hour.to, hour.meaning.value, minute, false);
}

/** 5 past 9. "Ten to five" is not read so: it is a range as well. */
function minutesPast(view: View, at: number, minutes: number): Bare | null {
  const past = matchOf(view, after(view, at + 1, 'minutes'), 'pastHour');
  const hour = past === null ? null : hourWord(view, past.to);
  return hour === null || minutes > 59 ? null : clock(hour.to, hour.value, minutes, false);
}

interface Hour { readonly to: number; readonly value: number }

function earlier(hour: Hour, minutes: number): Bare | null {
  return clock(hour.to, hour.value === 1 ? 12 : hour.value - 1, 60 - minutes, false);
}

function hourWord(view: View, at: number): Hour | null {
  const digits = view.tokens[at];
  if (digits?.kind === 'digits') {
    const value = Number(digits.text);
    return value >= 1 && value <= 12 ? { to: at + 1, value } : null;
  }
  const word = matchOf(view, at, 'whole', 'unit');
  return word === null || word.meaning.value < 1 || word.meaning.value > 12 ? null : { to: word.to, value: word.meaning.value };
}

function clock(to: number, hour: number, minute: number, exact: boolean): Bare | null {
  return hour > 23 || minute > 59 ? null : { to, hour, minute, exact };
}

/** undefined: no such hour is in this part of the day. */
function halfOf(part: DayPart, hour: number): 'am' | 'pm' | null | undefined {
  if (hour > 12) return halfOf(part, hour - 12) === 'pm' ? null : undefined;
  switch (part) {
    case 'morning': return hour === 12 ? undefined : 'am';
    case 'dawn': return hour >= 2 && hour <= 7 ? 'am' : undefined;
    case 'noonish': case 'afternoon': return hour === 11 ? 'am' : hour === 12 || hour <= 6 ? 'pm' : undefined;
    case 'evening': return hour >= 3 && hour <= 11 ? 'pm' : undefined;
    case 'night': return hour >= 7 && hour < 12 ? 'pm' : hour === 12 || hour <= 5 ? 'am' : undefined;
    case 'day': return hour >= 7 && hour < 12 ? 'am' : hour === 12 || hour <= 6 ? 'pm' : undefined;
  }
}
