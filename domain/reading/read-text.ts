/**
 * The scripted reading of what a person wrote, without a model or a guess. It accounts for every word: each is part of the value, or a
 * word that is known to change nothing beside it, else nothing is taken. What can be understood in two ways is asked back.
 */
import { isEmail, validateAnswer } from '../answer.ts';
import type { Json } from '../json.ts';
import type { Asked } from './asked.ts';
import { unframed } from './free-text.ts';
import { grammarOf, placeholder } from './grammars.ts';
import { languageOf, languages } from './languages/index.ts';
import { lexiconOf } from './lexicon.ts';
import { judge, type Judged } from './sentence.ts';
import { maxTokens, tokensOf, type Token } from './tokens.ts';
import { rawOf, viewOf, type Correction, type Lookup, type View } from './view.ts';

/** The person's own day, YYYY-MM-DD, for "tomorrow"; null: unknown, and such words say nothing. */
export type PersonsClock = { readonly today: string | null };

export type Reading =
  /** `leftOut`: words that speak of something else; `corrected`: words read as another one letter off; `replaced`: values that the text itself takes back. */
  | { readonly kind: 'value'; readonly value: Json; readonly leftOut: readonly string[]; readonly corrected: readonly Correction[]; readonly replaced: readonly Json[] }
  /** One candidate: to be confirmed; more: one of them is meant. Each is a right answer of the question. */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly Json[] }
  /** A question about the question, or about one of its options. It is no refusal. */
  | { readonly kind: 'help'; readonly about: string | null }
  | { readonly kind: 'skip' }
  | { readonly kind: 'cannot_skip' }
  /** Words that the script could not explain, or that turn the sense of the rest. */
  | { readonly kind: 'not_understood'; readonly unexplained: readonly string[] };

/** UTF-16 units; what is longer is no short answer, and the patterns below stay quick. */
const maxTextLength = 2000;

/** The languages in the order in which a session of each has their words looked up: its own first, then as they are listed. */
const orders = languages.map((own) => [own, ...languages.filter((other) => other !== own)]);
const lookups: ReadonlyMap<string, Omit<Lookup, 'spelling'>> = new Map(
  orders.map(([own = languages[0], ...others]) => {
    const sounding = [own, ...others].flatMap(({ sounds }) => (sounds === undefined ? [] : [sounds]));
    return [own.tag, { lexicon: lexiconOf([own, ...others]), latinSounds: own.sounds !== undefined, sounds: (word) => sounding.flatMap((sounds) => sounds(word)), spellings: own.spellings ?? new Map() }];
  }),
);

export function readText(asked: Asked, text: string, clock: PersonsClock): Reading {
  if (asked.rule.type === 'text') return readFreeText(asked, text, clock);
  const { rest, given } = givenIn(asked, text);
  const tokens = text.length > maxTextLength ? [] : tokensOf(rest);
  if (tokens.length === 0 || tokens.length > maxTokens) return { kind: 'not_understood', unexplained: [] };
  const { judged, view } = bestJudgement(asked, tokens, clock, given);
  return readingOf(asked, judged, view);
}

/** What is judged, and on which view of the text. */
export type Judgement = { readonly judged: Judged; readonly view: View };

/** In the words of the session's language first, then of the others; last with words that are one letter off. */
export function bestJudgement(asked: Asked, tokens: readonly Token[], clock: PersonsClock, given: readonly string[]): Judgement {
  const own = languageOf(asked.language);
  const order = orders.find(([first]) => first === own) ?? orders[0] ?? [];
  let first: Judgement | null = null;
  for (const spelling of [false, true]) {
    for (const language of order) {
      const lookup = lookups.get(language.tag);
      if (lookup === undefined) continue;
      const view = viewOf(tokens, asked, { ...lookup, spelling });
      if (spelling && view.corrected.length === 0) continue;
      const context = { writing: own.writing, order: own.writing.order(asked.language), today: clock.today };
      const judged = judge(view, grammarOf(asked, lookup.lexicon, context, given));
      first ??= { judged, view };
      if (isSettled(judged)) return { judged, view };
    }
  }
  return first ?? { judged: { kind: 'nothing', unexplained: [], values: [] }, view: { tokens, matches: [], corrected: [] } };
}

/** Another language could not say more: something is understood, or what was said turns the sense. */
function isSettled(judged: Judged): boolean {
  return judged.kind !== 'nothing' || (judged.unexplained.length > 0 && judged.unexplained.every(({ is }) => is !== 'unknown'));
}

function readingOf(asked: Asked, judged: Judged, view: View): Reading {
  const { rule } = asked;
  switch (judged.kind) {
    case 'value': {
      const value = rule.type === 'multi_choice' ? rule.options.filter((option) => isAmong(judged.value, option)) : judged.value;
      return { kind: 'value', value, leftOut: judged.asides.map(({ from, to }) => rawOf(view, from, to)), corrected: view.corrected, replaced: judged.replaces };
    }
    case 'ambiguous': {
      const values = rule.type === 'multi_choice' ? [rule.options.filter((option) => judged.values.includes(option))] : judged.values;
      const candidates = values.filter((value) => validateAnswer(rule, value).ok);
      return candidates.length === 0 ? { kind: 'not_understood', unexplained: [] } : { kind: 'ambiguous', candidates };
    }
    case 'help':
      return { kind: 'help', about: optionNamed(view) };
    case 'skip':
    case 'dontKnow':
      return rule.required ? { kind: 'cannot_skip' } : { kind: 'skip' };
    case 'none':
      return rule.required ? { kind: 'not_understood', unexplained: [] } : { kind: 'skip' };
    case 'nothing':
      return { kind: 'not_understood', unexplained: judged.unexplained.map(({ from, to }) => rawOf(view, from, to)) };
  }
}

function isAmong(list: Json, option: string): boolean {
  return Array.isArray(list) && list.includes(option);
}

function optionNamed({ matches }: View): string | null {
  const named = new Set(matches.flatMap((list) => list.flatMap(({ meanings }) => meanings.flatMap((meaning) => (meaning.is === 'option' ? [meaning.value] : [])))));
  return named.size === 1 ? [...named][0] ?? null : null;
}

/** A text is its own value, but for one that only asks or only skips. */
function readFreeText(asked: Asked, text: string, clock: PersonsClock): Reading {
  const tokens = text.length > maxTextLength ? [] : tokensOf(text);
  if (tokens.length > 0 && tokens.length <= maxTokens) {
    const { judged, view } = bestJudgement(asked, tokens, clock, []);
    const isExplained = view.corrected.length === 0 && judged.kind !== 'nothing';
    const isQuestion = judged.kind === 'help' && tokens.length > 1 && isExplainedQuestion(view, asked);
    const isAnswered = judged.kind === 'skip' || judged.kind === 'dontKnow' || (judged.kind === 'help' && (isQuestion || isLoneHelp(view)));
    if (isExplained && isAnswered) return readingOf(asked, judged, view);
  }
  return { kind: 'value', value: unframed(text), leftOut: [], corrected: [], replaced: [] };
}

/** Every word belongs to a question, none is a name. */
function isExplainedQuestion(view: View, asked: Asked): boolean {
  return judge(view, { spanAt: () => null, explained: new Set(['wish', 'future', 'from']) }).kind === 'help' && view.matches.every((list, at) => list.length > 0 || isInside(view, at)) && asked.rule.type === 'text';
}

function isInside({ matches }: View, at: number): boolean {
  return matches.slice(0, at).some((list, from) => list.some(({ to }) => to > at && from < at));
}

function isLoneHelp({ matches, tokens }: View): boolean {
  const said = tokens.flatMap(({ kind }, at) => (kind === 'mark' ? [] : [at]));
  return said.length === 0 ? false : said.every((at) => (matches[at] ?? []).some(({ meanings }) => meanings.some(({ is }) => is === 'question' || is === 'polite' || is === 'opener')) || isInside({ matches, tokens, corrected: [] }, at));
}

/** Email addresses and upload ids, each with a mark in its place. */
function givenIn({ rule }: Asked, text: string): { readonly rest: string; readonly given: readonly string[] } {
  const given: string[] = [];
  const plain = text.replaceAll(placeholder, ' ');
  if (rule.type === 'email') {
    const rest = plain.normalize('NFC').replace(/[^\s<>()[\],;:"'“”]+/g, (word) => {
      const address = word.replace(/[.!?।]+$/, '');
      if (!isEmail(address)) return word;
      given.push(address);
      return ` ${placeholder}${word.slice(address.length)}`;
    });
    return { rest, given };
  }
  if (rule.type !== 'file') return { rest: plain, given };
  const rest = plain.replace(/(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])/gi, (id) => {
    given.push(id.toLowerCase());
    return ` ${placeholder} `;
  });
  return { rest, given };
}
