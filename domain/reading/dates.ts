/** Days that are written out: 2026-12-24, 24/12/2026, Thursday 24 December 2026, २४ दिसंबर २०२६. */
import type { Writing } from './languages/language.ts';
import { dateOf, partsOf, weekdayOf } from './calendar.ts';
import { numberAt } from './numbers.ts';
import { relativeDayAt } from './relative-days.ts';
import type { Grammar, Span } from './items.ts';
import { clockAt } from './clock.ts';
import { after, matchOf, type View } from './view.ts';

export interface DateContext {
  readonly writing: Writing;
  readonly order: 'day first' | 'month first' | null;
  readonly today: string | null;
}

export function dateGrammar(context: DateContext): Grammar {
  return {
    spanAt: (view, at) => dateAt(view, at, context) ?? hourAside(view, at),
    explained: new Set(['wish', 'future', 'from']),
    narrowed: (values, tense) => {
      const { today } = context;
      if (tense === null || today === null) return values;
      const fitting = values.filter((value) => typeof value === 'string' && (tense === 'past' ? value <= today : value >= today));
      return fitting;
    },
  };
}

/** The hour of a day is not asked for; it is left out, and that is said. */
function hourAside(view: View, at: number): Span | null {
  const clock = clockAt(view, at);
  if (clock !== null && clock.named) return { to: clock.to, values: [], aside: true };
  const part = matchOf(view, at, 'part');
  return part === null || matchOf(view, at, 'period') !== null ? null : { to: part.to, values: [], aside: true };
}

/** The day that begins at a token. A weekday beside it must be its own. */
export function dateAt(view: View, at: number, context: DateContext): Span | null {
  const weekday = matchOf(view, at, 'weekday');
  if (weekday !== null) {
    const rest = after(view, weekday.to, 'pause', 'bracket');
    const date = writtenAt(view, after(view, after(view, rest, 'article'), 'filler'), context) ?? writtenAt(view, rest, context);
    if (date !== null) return onlyOn(date, weekday.meaning.value);
    return relativeDayAt(view, at, context.today);
  }
  const date = writtenAt(view, at, context);
  if (date === null) return relativeDayAt(view, at, context.today);
  const then = after(view, date.to, 'pause', 'bracket', 'in', 'filler');
  const day = matchOf(view, then, 'weekday') ?? matchOf(view, date.to, 'weekday');
  return day === null ? date : { ...onlyOn(date, day.meaning.value), to: after(view, day.to, 'bracket') };
}

function onlyOn(date: Span, weekday: number): Span {
  const values = date.values.filter((value) => typeof value === 'string' && weekdayOf(value) === weekday);
  return { ...date, values };
}

function writtenAt(view: View, at: number, context: DateContext): Span | null {
  return inDigits(view, at, context) ?? dayThenMonth(view, at, context) ?? monthThenDay(view, at, context);
}

function inDigits({ tokens }: View, at: number, { order }: DateContext): Span | null {
  const [a, mark, b, again, c, end] = tokens.slice(at, at + 6);
  if (a?.kind !== 'digits' || b?.kind !== 'digits' || c?.kind !== 'digits') return null;
  if (!/^[-./]$/.test(mark?.text ?? '') || mark?.text !== again?.text) return null;
  if ([mark, b, again, c].some((token) => token?.joined !== true)) return null;
  if (end?.joined === true && (end.kind === 'word' || /^[-./:]$/.test(end.text) && tokens[at + 6]?.joined === true)) return null;
  const [first, second, third] = [a.text, b.text, c.text].map(Number) as [number, number, number];
  const to = at + 5;
  if (second > 31 || b.text.length > 2) return null;
  if (a.text.length === 4) return { to, values: present([dateOf(first, second, third)]) };
  if (a.text.length > 2 || (c.text.length !== 4 && c.text.length !== 2)) return null;
  // a year of two digits could be the day as well
  const year = c.text.length === 4 ? third : 2_000 + third;
  const [dayFirst, monthFirst] = [dateOf(year, second, first), dateOf(year, first, second)];
  const isDayFirst = mark?.text === '.' || order === 'day first';
  const either = isDayFirst ? [dayFirst ?? monthFirst] : order === 'month first' ? [monthFirst ?? dayFirst] : [dayFirst, monthFirst];
  return { to, values: [...new Set(present(either))], unsure: c.text.length === 2 };
}

/** 24 December 2026, the 3rd of April 2027, अट्ठाईस नवंबर 2026. */
function dayThenMonth(view: View, at: number, context: DateContext): Span | null {
  const day = dayAt(view, at, context);
  if (day === null) return null;
  const month = matchOf(view, after(view, after(view, day.to, 'filler'), 'dash'), 'month') ?? matchOf(view, day.to, 'month');
  return month === null ? null : withYear(view, month.to, day.value, month.meaning.value, context);
}

/** December 24th, 2026; Nov. 28, 2026. */
function monthThenDay(view: View, at: number, context: DateContext): Span | null {
  const month = matchOf(view, at, 'month');
  if (month === null) return null;
  const day = dayAt(view, after(view, after(view, after(view, month.to, 'pause'), 'dash'), 'filler'), context);
  return day === null ? null : withYear(view, day.to, day.value, month.meaning.value, context);
}

function dayAt(view: View, at: number, { writing }: DateContext): { readonly to: number; readonly value: number } | null {
  const ordinal = matchOf(view, at, 'ordinal');
  const tens = matchOf(view, at, 'tens');
  if (tens !== null) {
    const unit = matchOf(view, after(view, tens.to, 'dash'), 'ordinal', 'unit');
    return unit === null ? null : { to: unit.to, value: tens.meaning.value + unit.meaning.value };
  }
  if (ordinal !== null) return ordinal.meaning.value > 0 ? { to: ordinal.to, value: ordinal.meaning.value } : null;
  const [digits] = view.tokens.slice(at, at + 1);
  if (digits?.kind === 'digits') {
    if (digits.text.length > 2) return null;
    const isSuffixed = view.tokens[at + 1]?.joined === true;
    return { to: isSuffixed ? after(view, at + 1, 'ordinalSuffix') : at + 1, value: Number(digits.text) };
  }
  const word = numberAt(view, at, writing);
  const [value] = word?.values ?? [];
  return word === null || value === undefined ? null : { to: word.to, value };
}

/** Without a year the next such day is meant, most likely; it is asked. */
function withYear(view: View, at: number, day: number, month: number, { today }: DateContext): Span {
  for (const from of [after(view, at, 'pause'), after(view, at, 'dash'), after(view, at, 'filler'), at]) {
    const year = view.tokens[from];
    if (year?.kind !== 'digits' || year.text.length !== 4) continue;
    return { to: from + 1, values: present([dateOf(Number(year.text), month, day)]) };
  }
  if (today === null) return { to: at, values: [] };
  const { year } = partsOf(today);
  const [next] = present([dateOf(year, month, day), dateOf(year + 1, month, day)]).filter((date) => date >= today);
  return { to: at, values: next === undefined ? [] : [next], unsure: true };
}

function present(dates: readonly (string | null)[]): readonly string[] {
  return dates.filter((date) => date !== null);
}
