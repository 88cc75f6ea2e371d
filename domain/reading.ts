import { isEmail } from './answer.ts';
import type { QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import { readDate } from './reading-dates.ts';
import { readNumber } from './reading-numbers.ts';
import { readTimeRange } from './reading-times.ts';
import { allWords, folded, noneWords, onlyOne, readBoolean, skipWords, turns, westernDigits } from './reading-words.ts';

/** Language → option value → label, as shown (`labelsByLanguage`). */
export type LabelsByLanguage = Readonly<Record<string, Readonly<Record<string, string>>>>;
export interface Reading { readonly value: Json }
/** The person's own day, YYYY-MM-DD, for "tomorrow"; null: unknown, and such words say nothing. */
export interface PersonsClock { readonly today: string | null }

/** UTF-16 units; what is longer is no short answer, and the patterns below stay quick. */
const maxTextLength = 2000;

/**
 * The scripted reading of what a person wrote, in English and Hindi and the plain words of German, without a model or a guess: whatever
 * can be understood in two ways is null. It finds a value of the question's type; `validateAnswer` judges it.
 * @param labels of a choice; {} when there are none. The session's language counts before the others.
 * @param language of the session.
 */
export function readText(
  rule: QuestionRule,
  labels: LabelsByLanguage,
  text: string,
  language: string,
  { today }: PersonsClock = { today: null },
): Reading | null {
  const skipped: Reading | null = rule.required ? null : { value: null };
  const said = text.length > maxTextLength ? '' : folded(text);
  const isChoice = rule.type === 'single_choice' || rule.type === 'multi_choice';
  if (!isChoice && skipWords.has(said) && skipped !== null) return skipped;
  if (rule.type === 'text') return { value: text };
  if (said === '') return null;
  const value = readValue(rule, labels, westernDigits(text.normalize('NFC')), language, today);
  if (value !== null) return { value };
  return skipWords.has(said) || (rule.type !== 'boolean' && noneWords.has(said)) ? skipped : null;
}

function readValue(rule: QuestionRule, labels: LabelsByLanguage, text: string, language: string, today: string | null): Json {
  switch (rule.type) {
    case 'text':
      return text;
    case 'number':
      return readNumber(rule, text);
    case 'boolean':
      return readBoolean(text);
    case 'single_choice':
      return readChoice(phrasesOf(rule, labels, language), text);
    case 'multi_choice':
      return readChoices(rule, phrasesOf(rule, labels, language), text);
    case 'date':
      return readDate(text, language, today);
    case 'time_range':
      return readTimeRange(text);
    case 'email':
      return readEmail(text);
    case 'file':
      return readUpload(text);
  }
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

/** The option that a text is, by value or label; null when it says more than that, or less. */
export function optionSaid(rule: QuestionRule, labels: LabelsByLanguage, text: string, language: string): string | null {
  return wholeOption(phrasesOf(rule, labels, language), folded(text));
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

// --- Addresses, uploads ---

function readEmail(text: string): string | null {
  const candidates = text.split(/[\s<>()[\],;:"'“”]+/).map((word) => word.replace(/[.!?।]+$/, ''));
  return onlyOne(candidates.filter(isEmail));
}

function readUpload(text: string): string | null {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : null;
}
