/** A question as a reader needs it: its rule, and every word that can stand for an option or is the question's own. */
import type { Flow, QuestionRule } from '../flow.ts';
import { LruMap } from '../lru-map.ts';
import { findQuestion, labelsByLanguage, matchLanguage, questionTexts } from '../flow.ts';
import { languages } from './languages/index.ts';
import { phrasesIn } from './meaning.ts';
import { indexed, wordsOf, type Lexicon, type Phrase } from './lexicon.ts';
import { tokensOf } from './tokens.ts';

/** Language → option value → label, as shown (`labelsByLanguage`). */
export type LabelsByLanguage = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Asked {
  readonly rule: QuestionRule;
  /** Tag of the session. */
  readonly language: string;
  readonly labels: LabelsByLanguage;
  /** The prompt in the session's language; '' when it is not known. */
  readonly prompt: string;
  /** What may be said for an option. */
  readonly options: Lexicon;
  /** Words of the prompt, in every language of the flow, and of the id; and how they sound. */
  readonly own: ReadonlySet<string>;
  readonly ownSounds: ReadonlyMap<string, string>;
}

/** Of one flow: more than a shipped one has in all its languages. */
const questionsKept = 500;
const kept = new WeakMap<Flow, LruMap<Asked>>();

/**
 * A question of a flow, ready to be answered in words. Making one ready takes 20 times as long as a reading, so it is kept for as long
 * as its flow is.
 */
export function askedQuestion(flow: Flow, questionId: string, language: string): Asked | null {
  const ofFlow = kept.get(flow) ?? new LruMap<Asked>(questionsKept);
  kept.set(flow, ofFlow);
  const key = `${language} ${questionId}`;
  const question = ofFlow.get(key) ?? madeReady(flow, questionId, language);
  if (question !== null) ofFlow.set(key, question);
  return question;
}

function madeReady(flow: Flow, questionId: string, language: string): Asked | null {
  const rule = findQuestion(flow.rules, questionId);
  if (rule === null) return null;
  const prompts = flow.languages.map((tag) => questionTexts(flow, tag, questionId).prompt);
  const { prompt } = questionTexts(flow, matchLanguage(flow, language) ?? flow.default_language, questionId);
  return asked(rule, labelsByLanguage(flow, questionId), language, prompt, prompts);
}

/** @param prompts in the languages of the flow; without them no word counts as the question's own but those of its id. */
export function asked(rule: QuestionRule, labels: LabelsByLanguage, language: string, prompt = '', prompts: readonly string[] = []): Asked {
  const written = [...prompts, rule.id.replaceAll('_', ' ')].flatMap(wordsOf).filter((word) => /\p{L}/u.test(word));
  const own = new Set([...written, ...written.flatMap((word) => languages.flatMap(({ forms }) => forms(word)))]);
  const { sounds } = indexed([...own].map((word) => ({ words: [word], meanings: [] })), languages);
  return { rule, language, labels, prompt, options: indexed(optionPhrases(rule, labels, language), languages), own, ownSounds: sounds };
}

/** Folded phrases that mean the same, in every language. */
const synonymGroups = languages.flatMap(({ synonyms }) => synonyms.map((line): readonly string[] => phrasesIn(line).map(keyOf)));

function keyOf(phrase: string): string {
  return tokensOf(phrase).filter(({ kind }) => kind !== 'mark').map(({ text }) => text).join(' ');
}

/** Phrase → options it says. An earlier list has the last word: what it knows, a later one does not add to. */
function optionPhrases(rule: QuestionRule, labels: LabelsByLanguage, language: string): readonly Phrase[] {
  const found = new Map<string, ReadonlySet<string>>();
  const add = (pairs: readonly (readonly [phrase: string, value: string])[]): void => {
    const fresh = pairs.filter(([phrase]) => phrase !== '' && !found.has(phrase));
    for (const [phrase, said] of Map.groupBy(fresh, ([key]) => key)) found.set(phrase, new Set(said.map(([, value]) => value)));
  };
  const labelled = (tag: string) => rule.options.map((value) => [keyOf(labelOf(labels, tag, value) ?? ''), value] as const);
  const values = rule.options.map((value) => [keyOf(value.replaceAll('_', ' ')), value] as const);
  add([...values, ...labelled(language)]);
  for (const tag of Object.keys(labels)) if (tag !== language) add(labelled(tag));
  const named = [...found];
  add(named.flatMap(([phrase, options]) => synonymsOf(phrase).flatMap((other) => [...options].map((value) => [other, value] as const))));
  add([...found].flatMap(([phrase, options]) => formsOf(phrase).flatMap((other) => [...options].map((value) => [other, value] as const))));
  const meant = (options: ReadonlySet<string>) => [...options].map((value) => ({ is: 'option', value }) as const);
  return [...found].map(([phrase, options]) => ({ words: phrase.split(' '), meanings: meant(options) }));
}

/** null: the option has none in this language, or a blank one. */
export function labelOf(labels: LabelsByLanguage, tag: string, option: string): string | null {
  const own = Object.hasOwn(labels, tag) ? labels[tag] : undefined;
  const label = own !== undefined && Object.hasOwn(own, option) ? own[option] ?? '' : '';
  return label.trim() === '' ? null : label;
}

function synonymsOf(phrase: string): readonly string[] {
  return synonymGroups.filter((group) => group.includes(phrase)).flat();
}

/** The last word in its other forms: one lamp, several lamps. */
function formsOf(phrase: string): readonly string[] {
  const words = phrase.split(' ');
  const last = words.at(-1) ?? '';
  return languages.flatMap(({ forms }) => forms(last).map((form) => [...words.slice(0, -1), form].join(' ')));
}
