/** Days that are named from today: tomorrow, in two weeks, next Monday, दस दिन बाद. What could be either of two days is both. */
import { dayAfter, weekdayOf } from './calendar.ts';
import { numberAt } from './numbers.ts';
import type { Span } from './items.ts';
import { after, matchOf, type View } from './view.ts';

/** Counting days knows no decimals, so the marks of every language do. */
const plainWriting = { decimal: '.', group: ',', lakhs: false, order: () => null } as const;

/** @param today YYYY-MM-DD where the person is; null: unknown, and such words name no day. */
export function relativeDayAt(view: View, at: number, today: string | null): Span | null {
  const named = namedAt(view, at) ?? countedAt(view, at) ?? weekdayAt(view, at, today);
  if (named === null) return null;
  const dates = today === null ? [] : named.days.map((days) => dayAfter(today, days)).filter((date) => date !== null);
  return { to: named.to, values: dates, ...(named.unsure === true ? { unsure: true } : {}) };
}

interface Named { readonly to: number; readonly days: readonly number[]; readonly unsure?: boolean }

function namedAt(view: View, at: number): Named | null {
  const day = matchOf(view, at, 'days');
  return day === null ? null : { to: day.to, days: day.meaning.value };
}

/** In ten days, ten days from now, दस दिन में, 10 days ago. "10 days" alone is most likely ahead, and asked. */
function countedAt(view: View, at: number): Named | null {
  const before = matchOf(view, at, 'in');
  const start = before?.to ?? at;
  const number = numberAt(view, start, plainWriting);
  const article = number === null ? matchOf(view, start, 'article') : null;
  const period = matchOf(view, number?.to ?? article?.to ?? start, 'period');
  if (period === null || (number === null && article === null)) return null;
  const [count] = number === null ? [1] : number.values;
  if (count === undefined || !Number.isInteger(count) || count < 0) return null;
  const days = count * period.meaning.value;
  const ago = matchOf(view, period.to, 'ago');
  if (ago !== null) return { to: ago.to, days: [-days] };
  const ahead = matchOf(view, period.to, 'ahead', 'in');
  if (ahead !== null) return { to: ahead.to, days: [days] };
  return { to: period.to, days: [days], unsure: before === null };
}

/**
 * "Next Friday" on a Wednesday is the coming one for some and the one of next week for others, and "Monday" on a Monday is today
 * or in a week: both. Weeks begin on Monday.
 */
function weekdayAt(view: View, at: number, today: string | null): Named | null {
  const which = matchOf(view, at, 'this', 'next', 'future');
  const weekday = matchOf(view, which?.to ?? at, 'weekday');
  if (weekday === null) return null;
  if (today === null) return { to: weekday.to, days: [] };
  const now = weekdayOf(today);
  const day = weekday.meaning.value;
  const isLaterThisWeek = day > now;
  const coming = (day - now + 7) % 7;
  const to = after(view, weekday.to, 'in');
  if (which?.meaning.is === 'next') return { to, days: isLaterThisWeek ? [coming, coming + 7] : [coming === 0 ? 7 : coming] };
  if (which?.meaning.is === 'this') return { to, days: isLaterThisWeek ? [coming] : [] };
  return { to, days: coming === 0 ? [0, 7] : [coming] };
}
