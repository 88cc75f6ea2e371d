/** Days that are named from today: tomorrow, in two weeks, next Monday. What could be either of two days is null. */
import { isDate } from './answer.ts';
import { units } from './reading-number-words.ts';
import { folded, phrases } from './reading-words.ts';

const dayMs = 86_400_000;
/** Ten years; further ahead nobody counts in days. */
const mostDays = 3_650;

/** Monday first. */
const weekdays: readonly (readonly string[])[] = [
  ['monday', 'सोमवार'], ['tuesday', 'मंगलवार'], ['wednesday', 'बुधवार'], ['thursday', 'गुरुवार', 'बृहस्पतिवार'], ['friday', 'शुक्रवार'], ['saturday', 'शनिवार'],
  ['sunday', 'रविवार', 'इतवार'],
].map((names) => names.map(folded));
const weekday = weekdays.flat().join('|');

/** Left over beside a day they make it another one. Hindi `कल` and `परसों` look both ways, so they name no day. */
const otherDays = phrases(
  'day, days, week, weeks, fortnight, month, months, year, years, after, before, until, till, since, ago, last, past, every, each, first, second, third, end, ' +
    'mid, early, late, next, today, tomorrow, yesterday, कल, परसों, दिन, हफ़्ते, महीने, साल, बाद, पहले, पिछले, हर, आज',
);

type Days = (match: RegExpMatchArray, today: number) => number | null;

/** The first that is found is what was said; its words are taken out, and what is left must name no other day. */
const named: readonly (readonly [said: RegExp, days: Days])[] = [
  [/ in (\S+) (day|week)s?(?: time)? /, counted],
  [/ (\S+) (day|week)s? from (?:now|today) /, counted],
  [/ (?:the )?day after tomorrow /, () => 2],
  [/ tomorrow /, () => 1],
  [/ (?:today|आज) /, () => 0],
  [/ yesterday /, () => -1],
  [new RegExp(` (?:(next|this|coming|${folded('अगले')}|${folded('इस')}|${folded('आने वाले')}) )?(${weekday}) `), onWeekday],
];

/** @param today YYYY-MM-DD where the person is. */
export function readRelativeDate(text: string, today: string): string | null {
  if (!isDate(today)) return null;
  const said = ` ${folded(text)} `;
  for (const [pattern, days] of named) {
    const match = pattern.exec(said);
    if (match === null) continue;
    const rest = said.replace(match[0], ' ').split(' ');
    const began = Date.parse(`${today}T00:00:00Z`);
    const ahead = days(match, (new Date(began).getUTCDay() + 6) % 7);
    if (ahead === null || rest.some((word) => otherDays.has(word) || weekdays.flat().includes(word) || /\d/.test(word))) return null;
    const date = new Date(began + ahead * dayMs).toISOString().slice(0, 10);
    return isDate(date) ? date : null;
  }
  return null;
}

function counted([, count = '', unit]: RegExpMatchArray): number | null {
  const number = count === 'a' || count === 'one' ? 1 : units.get(count) ?? (/^\d{1,4}$/.test(count) ? Number(count) : null);
  const days = number === null ? null : number * (unit === 'week' ? 7 : 1);
  return days === null || days > mostDays ? null : days;
}

/**
 * "Next Friday" on a Wednesday is the coming one for some and the one of next week for others, and "Monday" on a Monday is today
 * or in a week: null. Weeks begin on Monday.
 */
function onWeekday([, which = '', name = '']: RegExpMatchArray, today: number): number | null {
  const day = weekdays.findIndex((names) => names.includes(name));
  const isLaterThisWeek = day > today;
  const coming = (day - today + 7) % 7;
  if (which === 'next' || which === folded('अगले')) return isLaterThisWeek ? null : coming === 0 ? 7 : coming;
  if (which === 'this' || which === folded('इस')) return isLaterThisWeek ? coming : null;
  return coming === 0 ? null : coming;
}
