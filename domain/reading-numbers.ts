/** The one number of a text, in English, Hindi or German. */
import type { QuestionRule } from './flow.ts';
import { scales, tens, units, wholeNumber } from './reading-number-words.ts';
import { folded, onlyOne, phrases, turns } from './reading-words.ts';

const digits = /^[-−]?(?:\d+|\d{1,3}(?:,\d{2,3})*,\d{3})(?:\.\d+)?$/;

/** They make another number of the one beside them, by a share, a count or a unit that nobody asked for. */
const otherMeasures = phrases(
  'half, quarter, couple, few, several, million, millions, mn, billion, lakh, lakhs, crore, crores, km, kilometre, kilometres, kilometer, kilometers, ' +
    'feet, foot, ft, mile, miles, yard, yards, percent, bakers, halb, halbe, halber, halbes, halben, anderthalb, viertel, paar, einige, mehrere, ' +
    'millionen, mio, milliarde, milliarden, kilometern, meile, meilen, prozent, आधा, डेढ़, ढाई, सवा, साढ़े, लाख, करोड़, किलोमीटर, प्रतिशत',
);

/** The one number of a text, in digits or in words up to a few thousand; with two different ones, null. */
export function readNumber(rule: QuestionRule, text: string): number | null {
  if (turns(text)) return null;
  const said = withoutUnits(rule, text.replace(/half (?:a )?dozen|(?:ein )?halbes dutzend|आधा दर्जन/gi, 'six'));
  if (folded(said).split(' ').some((word) => otherMeasures.has(word) || word.endsWith('einhalb'))) return null;
  return numberIn(said);
}

/** `12k` is 12 thousand. `100m` is metres where the number may have fractions; in a count it could be millions, and stays as it is. */
function withoutUnits(rule: QuestionRule, text: string): string {
  const said = text
    .replace(/(?<=\d)\s?k(?![\p{L}\p{M}])/giu, ' thousand')
    .replace(/(?<=\d)(?:people|persons|users|staff|ppl|leute|personen|mitarbeiter|लोग)(?![\p{L}\p{M}])/giu, '')
    .replace(/(?<=\d)[\s-]?ish(?![\p{L}\p{M}])/giu, '');
  const metres = said.replace(/(?<=\d)\s?(?:m|mtrs?|met(?:re|er)s?|मीटर)(?![\p{L}\p{M}])/gu, '');
  if (rule.integer !== true) return metres;
  return metres === said ? said : said.replace(/(?<=\d)\s(?=m)/g, '');
}

function numberIn(text: string): number | null {
  const found: number[] = [];
  let run: readonly string[] = [];
  let negative = false;
  for (const chunk of [...numberChunks(text), '']) {
    if (continues(run, chunk)) {
      run = [...run, chunk];
      continue;
    }
    const value = run.length === 0 ? null : numberOf(run);
    if (run.length > 0 && value === null) return null;
    if (value !== null) found.push(negative ? -value : value);
    if (run.length > 0 || !isNumberPart(chunk)) negative = chunk === 'minus';
    run = isNumberPart(chunk) ? [chunk] : [];
    if (run.length === 0 && /\d/.test(chunk)) return null; // 3rd, 10-20, 50%: not certainly that number
  }
  return onlyOne(found);
}

function numberChunks(text: string): readonly string[] {
  return text
    .toLowerCase()
    .replace(/(\p{L})-(?=\p{L})/gu, '$1 ')
    .replace(/\b(hundred|thousand) and\b/g, '$1')
    .replace(/\b(hundert|tausend) und\b/g, '$1')
    .split(/\s+/)
    .map((chunk) => chunk.replace(/^[("'~“]+|[)"'.,;:!?।”]+$/g, ''))
    .filter((chunk) => chunk !== '')
    .map((chunk) => (/\d/.test(chunk) ? chunk : folded(chunk)));
}

function isNumberPart(chunk: string): boolean {
  return digits.test(chunk) || units.has(chunk) || tens.has(chunk) || scales.has(chunk) || wholeNumber(chunk) !== undefined;
}

/** Digits begin a number and only a scale may follow them; number words follow one another. */
function continues(run: readonly string[], chunk: string): boolean {
  const last = run.at(-1);
  if (last === undefined || !isNumberPart(chunk) || digits.test(chunk)) return false;
  return !digits.test(last) || scales.has(chunk);
}

/** `two hundred five` → 205; null for words that make no number together, such as `one two`. */
function numberOf(run: readonly string[]): number | null {
  if (scales.get(run.at(-1) ?? '') === 12) return dozens(run.slice(0, -1));
  let total = 0;
  let current: number | null = null;
  for (const [at, word] of run.entries()) {
    const scale = scales.get(word);
    const unit = units.get(word) ?? tens.get(word) ?? wholeNumber(word);
    if (digits.test(word)) current = Number(word.replaceAll(',', '').replace('−', '-'));
    else if (scale === 1000 && total === 0) [total, current] = [decimal((current ?? 1) * 1000), 0];
    else if (scale === 100 && (current === null || (current > 0 && current < 10))) current = (current ?? 1) * 100;
    else if (unit !== undefined && !standsApart(run[at - 1], word) && fits(current, unit)) current = (current ?? 0) + unit;
    else return null;
  }
  const number = total + (current ?? 0);
  return Number.isFinite(number) ? number : null;
}

/** "तीस पाँच" and "zwanzig fünf" are two numbers, where "twenty five" is one. */
function standsApart(before: string | undefined, word: string): boolean {
  if (before === undefined || scales.has(before)) return false;
  return wholeNumber(word) !== undefined || wholeNumber(before) !== undefined;
}

/** `a dozen`, `two dozen`. */
function dozens(run: readonly string[]): number | null {
  const count = run.length === 0 ? 1 : numberOf(run);
  return count !== null && Number.isInteger(count) && count > 0 && count < 100 ? count * 12 : null;
}

/** 1.1 thousand is 1100, not 1100.0000000000002. */
function decimal(number: number): number {
  return Number(number.toPrecision(15));
}

function fits(current: number | null, unit: number): boolean {
  if (unit >= 100) return current === null || current === 0;
  if (current === null || current % 100 === 0) return current === null || unit > 0;
  return current % 10 === 0 && current % 100 >= 20 && unit > 0 && unit < 10;
}
