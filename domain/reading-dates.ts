/** The one date of a text, in English, Hindi or German. */
import { isDate } from './answer.ts';
import { readRelativeDate } from './reading-relative-dates.ts';
import { folded, onlyOne, turns } from './reading-words.ts';

const months: readonly (readonly string[])[] = [
  ['january', 'jan', 'januar', 'jänner', 'जनवरी'],
  ['february', 'feb', 'februar', 'फ़रवरी'],
  ['march', 'mar', 'märz', 'maerz', 'मार्च'],
  ['april', 'apr', 'अप्रैल'],
  ['may', 'mai', 'मई'],
  ['june', 'jun', 'juni', 'जून'],
  ['july', 'jul', 'juli', 'जुलाई'],
  ['august', 'aug', 'अगस्त'],
  ['september', 'sep', 'sept', 'सितंबर', 'सितम्बर'],
  ['october', 'oct', 'oktober', 'okt', 'अक्टूबर', 'अक्तूबर'],
  ['november', 'nov', 'नवंबर', 'नवम्बर'],
  ['december', 'dec', 'dezember', 'dez', 'दिसंबर', 'दिसम्बर'],
].map((names) => names.map(folded));

const numericDate =
  /(?<![\d.:/-])(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})([./-])(\d{1,2})\5(\d{4}))(?![\d:/-]|\.\d|t\d)/giu;

/** Where 03/04/2026 is 3 April for everybody; in plain English it can be either. */
const dayFirst = /^(?:hi|mr|ta|te|kn|gu|bn|ml|de|fr|es|it|pt|nl|pl|ru|en-(?:gb|in|au|nz|ie|za))(?:-|$)/i;
const monthFirst = /^en-us(?:-|$)/i;

/** The one date of a text. 29.03.2026 is day first everywhere; 03/04/2026 is read as the language writes it, else null. */
export function readDate(text: string, language: string, today: string | null): string | null {
  if (turns(text)) return null;
  const [match, ...more] = text.matchAll(numericDate);
  if (match === undefined) return readNamedDate(text) ?? (today === null ? null : readRelativeDate(text, today));
  if (more.length > 0 || /\d/.test(text.replace(match[0], ''))) return null;
  const [, year, month, day, first = '', separator, second = '', lastYear] = match;
  if (year !== undefined) return dateOf(year, Number(month), Number(day));
  const [a, b] = [Number(first), Number(second)];
  if (separator === '.' || a > 12 || a === b) return dateOf(lastYear, b, a);
  if (b > 12 || monthFirst.test(language)) return dateOf(lastYear, a, b);
  return dayFirst.test(language) ? dateOf(lastYear, b, a) : null;
}

/** `29 March 2026`, `March 29th, 2026`, `29 मार्च 2026`, `29. März 2026`. */
function readNamedDate(text: string): string | null {
  const words = folded(text).split(' ').map((word) => word.replace(/^(\d+)(?:st|nd|rd|th)$/, '$1'));
  const named = words.flatMap((word) => {
    const month = months.findIndex((names) => names.includes(word));
    return month < 0 ? [] : [month + 1];
  });
  const numbers = words.filter((word) => /\d/.test(word));
  const month = onlyOne(named);
  const day = numbers.find((word) => /^\d{1,2}$/.test(word));
  const year = numbers.find((word) => /^\d{4}$/.test(word));
  if (month === null || numbers.length !== 2 || day === undefined) return null;
  return dateOf(year, month, Number(day));
}

function dateOf(year: string | undefined, month: number, day: number): string | null {
  const date = `${year ?? ''}-${twoDigits(month)}-${twoDigits(day)}`;
  return isDate(date) ? date : null;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
