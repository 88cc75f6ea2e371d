import { isDate, isEmail } from './answer.ts';
import type { QuestionRule } from './flow.ts';
import type { Json } from './json.ts';

/** Language → option value → label, as shown (`labelsByLanguage`). */
export type LabelsByLanguage = Readonly<Record<string, Readonly<Record<string, string>>>>;
export type Reading = { readonly value: Json };

/** UTF-16 units; what is longer is no short answer, and the patterns below stay quick. */
const maxTextLength = 2000;

/**
 * The scripted reading of what a person wrote, in English and Hindi, without a model, a clock or a guess: whatever
 * can be understood in two ways is null. It finds a value of the question's type; `validateAnswer` judges it.
 * @param labels of a choice; {} when there are none. The session's language counts before the others.
 * @param language of the session.
 */
export function readText(
  rule: QuestionRule,
  labels: LabelsByLanguage,
  text: string,
  language: string,
): Reading | null {
  const skipped: Reading | null = rule.required ? null : { value: null };
  const said = text.length > maxTextLength ? '' : folded(text);
  const isChoice = rule.type === 'single_choice' || rule.type === 'multi_choice';
  if (!isChoice && skipWords.has(said) && skipped !== null) return skipped;
  if (rule.type === 'text') return { value: text };
  if (said === '') return null;
  const value = readValue(rule, labels, westernDigits(text.normalize('NFC')), language);
  if (value !== null) return { value };
  return skipWords.has(said) || (rule.type !== 'boolean' && noneWords.has(said)) ? skipped : null;
}

function readValue(rule: QuestionRule, labels: LabelsByLanguage, text: string, language: string): Json {
  switch (rule.type) {
    case 'text':
      return text;
    case 'number':
      return readNumber(text);
    case 'boolean':
      return readBoolean(text);
    case 'single_choice':
      return readChoice(phrasesOf(rule, labels, language), text);
    case 'multi_choice':
      return readChoices(rule, phrasesOf(rule, labels, language), text);
    case 'date':
      return readDate(text);
    case 'time_range':
      return readTimeRange(text);
    case 'email':
      return readEmail(text);
    case 'file':
      return readUpload(text);
  }
}

// --- Words ---

/** Lower case, no accents, no nukta, one nasal sign, punctuation as one space: how two writings are compared. */
function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f\u093c'’]|\u200c|\u200d/g, '')
    .replaceAll('\u0901', '\u0902')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim();
}

function phrases(list: string): ReadonlySet<string> {
  return new Set(list.split(',').map(folded));
}

const skipWords = phrases(
  'skip, skip it, skip this, skip please, please skip, not now, later, pass, n/a, na, ' +
    'छोड़ें, छोड़ दें, छोड़ दो, छोड़ो, बाद में, अभी नहीं',
);
const noneWords = phrases(
  "no, none, nothing, not yet, no thanks, no thank you, don't know, i don't know, i don't have one, " +
    'नहीं, कुछ नहीं, पता नहीं',
);
const yesWords = phrases('yes, y, yeah, yep, yup, true, हाँ');
const noWords = phrases('no, n, nope, nah, false, नहीं, ना, मत');
/** Said alone they agree; inside a sentence they mean too many things. */
const agreements = phrases(
  'sure, ok, okay, of course, please do, certainly, absolutely, definitely, जी, ठीक है, बिल्कुल, ज़रूर',
);
/** A `no` that refuses nothing. */
const noIdioms = phrases('no problem, no worries, no idea, no doubt, no preference, no matter');
/** They turn or split the sense of a sentence: no single value is taken out of it. */
const turningWords = phrases(
  "not, no, don't, doesn't, isn't, aren't, never, without, except, but, or, nor, neither, either, maybe, unsure, " +
    'नहीं, मत, या, अलावा, सिवाय, लेकिन, शायद',
);

function turns(text: string): boolean {
  return folded(text).split(' ').some((word) => turningWords.has(word));
}

function westernDigits(text: string): string {
  return text.replace(/[०-९]/g, (digit) => String(digit.charCodeAt(0) - 0x966));
}

function onlyOne<T>(found: readonly T[]): T | null {
  const distinct = new Set(found);
  return distinct.size === 1 ? (found[0] ?? null) : null;
}

function readBoolean(text: string): boolean | null {
  const said = folded(text);
  if (agreements.has(said)) return true;
  if ([...noIdioms].some((idiom) => said.includes(idiom))) return null;
  const words = said.split(' ');
  if (words.some((word) => turningWords.has(word) && !noWords.has(word))) return null;
  const ends = [words[0] ?? '', words.at(-1) ?? ''];
  const yes = ends.some((word) => yesWords.has(word));
  const no = ends.some((word) => noWords.has(word));
  return yes === no ? null : yes;
}

// --- Numbers ---

const units = numberWords(
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
    'eighteen nineteen',
  'शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस',
  '_ _ _ _ _ _ छः _ _ _ _ _ _ _ _ पन्द्रह _ _ अट्ठारह _',
);
const tens: ReadonlyMap<string, number> = new Map(
  'twenty thirty forty fifty sixty seventy eighty ninety'
    .split(' ')
    .map((word, at): [string, number] => [word, (at + 2) * 10])
    .concat([[folded('बीस'), 20]]),
);
const scales: ReadonlyMap<string, number> = new Map([
  ['hundred', 100],
  ['thousand', 1000],
  [folded('सौ'), 100],
  [folded('हज़ार'), 1000],
]);

/** Lines of words for 0, 1, 2 … in order; `_` where a line has none. */
function numberWords(...lines: readonly string[]): ReadonlyMap<string, number> {
  const pairs = lines.flatMap((line) => line.split(' ').map((word, at): [string, number] => [folded(word), at]));
  return new Map(pairs.filter(([word]) => word !== ''));
}

const digits = /^[-−]?(?:\d+|\d{1,3}(?:,\d{2,3})*,\d{3})(?:\.\d+)?$/;

/** The one number of a text, in digits or in words up to a few thousand; with two different ones, null. */
function readNumber(text: string): number | null {
  if (turns(text)) return null;
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
    if (run.length === 0 && /\d/.test(chunk)) return null; // 12k, 3rd, 10-20, 50%: not certainly that number
  }
  return onlyOne(found);
}

function numberChunks(text: string): readonly string[] {
  return text
    .toLowerCase()
    .replace(/(\p{L})-(?=\p{L})/gu, '$1 ')
    .replace(/\b(hundred|thousand) and\b/g, '$1')
    .split(/\s+/)
    .map((chunk) => chunk.replace(/^[("'~“]+|[)"'.,;:!?।”]+$/g, ''))
    .filter((chunk) => chunk !== '')
    .map((chunk) => (/\d/.test(chunk) ? chunk : folded(chunk)));
}

function isNumberPart(chunk: string): boolean {
  return digits.test(chunk) || units.has(chunk) || tens.has(chunk) || scales.has(chunk);
}

/** Digits begin a number and only a scale may follow them; number words follow one another. */
function continues(run: readonly string[], chunk: string): boolean {
  const last = run.at(-1);
  if (last === undefined || !isNumberPart(chunk) || digits.test(chunk)) return false;
  return !digits.test(last) || scales.has(chunk);
}

/** `two hundred five` → 205; null for words that make no number together, such as `one two`. */
function numberOf(run: readonly string[]): number | null {
  let total = 0;
  let current: number | null = null;
  for (const word of run) {
    const scale = scales.get(word);
    const unit = units.get(word) ?? tens.get(word);
    if (digits.test(word)) current = Number(word.replaceAll(',', '').replace('−', '-'));
    else if (scale === 1000 && total === 0) [total, current] = [(current ?? 1) * 1000, 0];
    else if (scale === 100 && (current === null || (current > 0 && current < 10))) current = (current ?? 1) * 100;
    else if (unit !== undefined && fits(current, unit)) current = (current ?? 0) + unit;
    else return null;
  }
  const number = total + (current ?? 0);
  return Number.isFinite(number) ? number : null;
}

function fits(current: number | null, unit: number): boolean {
  if (current === null || current % 100 === 0) return current === null || unit > 0;
  return current % 10 === 0 && current % 100 >= 20 && unit > 0 && unit < 10;
}

// --- Choices ---

/** What may be said for an option, and the option's value; an earlier list counts before a later one. */
type Phrases = readonly (readonly (readonly [phrase: string, value: string])[])[];

function phrasesOf(rule: QuestionRule, labels: LabelsByLanguage, language: string): Phrases {
  const labelled = (of: string): readonly (readonly [string, string])[] =>
    rule.options.flatMap((value) => {
      const own = Object.hasOwn(labels, of) ? labels[of] : undefined;
      const label = own !== undefined && Object.hasOwn(own, value) ? folded(own[value] ?? '') : '';
      return label === '' ? [] : [[label, value] as const];
    });
  const values = rule.options.map((value) => [folded(value), value] as const);
  const others = Object.keys(labels).filter((other) => other !== language);
  return [[...values, ...labelled(language)], others.flatMap(labelled)];
}

function readChoice(choices: Phrases, text: string): string | null {
  const said = folded(text);
  const whole = wholeOption(choices, said);
  if (whole !== null) return whole;
  if (turns(text)) return null;
  const inside = choices.flat().filter(([phrase]) => phrase !== '' && ` ${said} `.includes(` ${phrase} `));
  // In "this week please" both "this week" and a "week" would match: the longer phrase is what was said.
  const partOfLonger = (phrase: string): boolean =>
    inside.some(([other]) => other !== phrase && ` ${other} `.includes(` ${phrase} `));
  return onlyOne(inside.filter(([phrase]) => !partOfLonger(phrase)).map(([, value]) => value));
}

function wholeOption(choices: Phrases, said: string): string | null {
  for (const list of choices) {
    const values = list.filter(([phrase]) => phrase === said).map(([, value]) => value);
    if (values.length > 0) return onlyOne(values);
  }
  return null;
}

function readChoices(rule: QuestionRule, choices: Phrases, text: string): readonly string[] | null {
  const whole = wholeOption(choices, folded(text));
  if (whole !== null) return [whole];
  if (allWords.has(folded(text))) return rule.options;
  const separator = /[,;\n&+]|(?<!\p{L})(?:and|और|तथा)(?![\p{L}\p{M}])/giu;
  const parts = text.split(separator).map(folded).filter((part) => part !== '');
  const values = parts.map((part) => wholeOption(choices, part));
  if (values.length === 0 || values.includes(null)) return null;
  return rule.options.filter((option) => values.includes(option));
}

const allWords = phrases('all, all of them, everything, all of the above, सभी, सब, सब कुछ');

// --- Times ---

type Clock = {
  readonly hour: number;
  readonly minute: number;
  readonly half: 'am' | 'pm' | null;
  /** Written on the 24-hour clock: 17, 00, 09. */
  readonly exact: boolean;
};

const dayPart = '(सुबह|दोपहर|शाम|रात)?(?:\\s*(?:के|को))?\\s*';
const unit = "(?:\\s*([ap])\\.?m\\.?|\\s*(?:o'?clock|hrs|बजे))?";
const clock = `(?<![\\d:.\\p{L}])(\\d{1,2})(?:[:.](\\d{2}))?${unit}(?![\\d:\\p{L}])`;
const between = '\\s*(?:-|–|—|to|till|until|and|से)\\s*';
const timeRange = new RegExp(`${dayPart}${clock}${between}${dayPart}${clock}`, 'gu');

/** `9 to 5`, `09:00-17:30`, `9am to 5pm`, `सुबह 9 बजे से शाम 6 बजे`: exactly one range and no other digits. */
function readTimeRange(text: string): { readonly start: string; readonly end: string } | null {
  if (turns(text)) return null;
  const said = clockDigits(text);
  const [match, ...more] = said.matchAll(timeRange);
  if (match === undefined || more.length > 0 || /\d/.test(said.replace(match[0], ''))) return null;
  const start = clockOf(match[1], match[2], match[3], match[4]);
  const end = clockOf(match[5], match[6], match[7], match[8]);
  const range = start === null || end === null ? null : resolveRange(start, end);
  return range === null || range[0] === range[1] ? null : { start: shown(range[0]), end: shown(range[1]) };
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
  return `${twoDigits(Math.floor(minuteOfDay / 60))}:${twoDigits(minuteOfDay % 60)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

// --- Dates, addresses, uploads ---

const months: readonly (readonly string[])[] = [
  ['january', 'jan', 'जनवरी'],
  ['february', 'feb', 'फ़रवरी'],
  ['march', 'mar', 'मार्च'],
  ['april', 'apr', 'अप्रैल'],
  ['may', 'मई'],
  ['june', 'jun', 'जून'],
  ['july', 'jul', 'जुलाई'],
  ['august', 'aug', 'अगस्त'],
  ['september', 'sep', 'sept', 'सितंबर', 'सितम्बर'],
  ['october', 'oct', 'अक्टूबर', 'अक्तूबर'],
  ['november', 'nov', 'नवंबर', 'नवम्बर'],
  ['december', 'dec', 'दिसंबर', 'दिसम्बर'],
].map((names) => names.map(folded));

const numericDate =
  /(?<![\d.:/-])(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})([./-])(\d{1,2})\5(\d{4}))(?![\d:/-]|\.\d|t\d)/giu;

/** The one date of a text. 29.03.2026 is day first; 03/04/2026 could be either and is null. */
function readDate(text: string): string | null {
  if (turns(text)) return null;
  const [match, ...more] = text.matchAll(numericDate);
  if (match === undefined) return readNamedDate(text);
  if (more.length > 0 || /\d/.test(text.replace(match[0], ''))) return null;
  const [, year, month, day, first = '', separator, second = '', lastYear] = match;
  if (year !== undefined) return dateOf(year, Number(month), Number(day));
  const [a, b] = [Number(first), Number(second)];
  if (separator === '.' || a > 12 || a === b) return dateOf(lastYear, b, a);
  return b > 12 ? dateOf(lastYear, a, b) : null;
}

/** `29 March 2026`, `March 29th, 2026`, `29 मार्च 2026`. */
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

function readEmail(text: string): string | null {
  const candidates = text.split(/[\s<>()[\],;:"'“”]+/).map((word) => word.replace(/[.!?।]+$/, ''));
  return onlyOne(candidates.filter(isEmail));
}

function readUpload(text: string): string | null {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : null;
}
