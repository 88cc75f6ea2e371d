/** What counts as a value for each type of question, and which words change nothing beside it. */
import type { Asked } from './asked.ts';
import { dateGrammar, type DateContext } from './dates.ts';
import type { Lexicon } from './lexicon.ts';
import type { Kind, Meaning } from './meaning.ts';
import { numberAt } from './numbers.ts';
import type { Grammar, Item, Span } from './items.ts';
import { timeGrammar } from './times.ts';
import { after, matchOf, type View } from './view.ts';

/** @param given what stands in the text in place of a mark of its own (`placeholders.ts`). */
export function grammarOf(asked: Asked, lexicon: Lexicon, context: DateContext, given: readonly string[]): Grammar {
  switch (asked.rule.type) {
    case 'number': return numberGrammar(asked, lexicon, context);
    case 'boolean': return booleanGrammar;
    case 'single_choice': return choiceGrammar(asked);
    case 'multi_choice': return choicesGrammar(asked, lexicon);
    case 'date': return dateGrammar(context);
    case 'time_range': return timeGrammar(context);
    case 'email': return emailGrammar(given);
    case 'file': case 'text': return { spanAt: givenAt(given), explained: new Set(['wish', 'future']) };
  }
}

// --- Numbers ---

function numberGrammar(asked: Asked, lexicon: Lexicon, { writing }: DateContext): Grammar {
  const own = ownMeasures(asked, lexicon);
  return {
    spanAt: (view, at) => numberAt(view, at, writing),
    explained: new Set(['approx', 'wish', 'future']),
    isOwn: (meaning: Meaning) => meaning.is === 'measure' && own.has(meaning.value),
  };
}

/** The units that the question names itself; where its prompt is not known, people are counted and metres measured. */
function ownMeasures({ own, prompt, rule }: Asked, lexicon: Lexicon): ReadonlySet<string> {
  if (prompt === '') return new Set(['people', ...(rule.integer === true ? [] : ['metre'])]);
  return new Set(meaningsOf(own, lexicon).flatMap((meaning) => (meaning.is === 'measure' ? [meaning.value] : [])));
}

function meaningsOf(words: ReadonlySet<string>, { phrases }: Lexicon): readonly Meaning[] {
  return [...words].flatMap((word) => phrases.get(word) ?? []).flatMap((phrase) => (phrase.words.length === 1 ? phrase.meanings : []));
}

// --- Yes and no ---

const booleanGrammar: Grammar = {
  spanAt(view, at) {
    const said = matchOf(view, at, 'yes', 'agree', 'no');
    return said === null ? null : { to: said.to, values: [said.meaning.is !== 'no'] };
  },
  explained: new Set(['wish', 'future', 'from', 'deadline']),
  // in "no, do not" the second word says no more than the first
  rewritten(items: readonly Item[]) {
    const first = items.findIndex(({ is }) => is === 'value');
    const onlyNo = items.every((item) => item.is !== 'value' || item.values.every((value) => value === false));
    if (first < 0 || !onlyNo || items.slice(0, first).some(({ is }) => is === 'negation')) return items;
    return items.map((item): Item => (item.is === 'negation' ? { is: 'filler', from: item.from, to: item.to } : item));
  },
};

// --- Choices ---

function choiceGrammar({ rule }: Asked): Grammar {
  return {
    spanAt: (view, at) => optionAt(view, at) ?? placeAt(view, at, rule.options),
    explained: new Set(['and', 'wish', 'intensifier', 'deadline', 'future']),
    denies: true,
  };
}

function choicesGrammar({ rule, own }: Asked, lexicon: Lexicon): Grammar {
  const speaksOfWishes = meaningsOf(own, lexicon).some(({ is }) => is === 'wish');
  return {
    spanAt: (view, at) => optionAt(view, at) ?? allAt(view, at, rule.options) ?? placeAt(view, at, rule.options),
    explained: new Set<Kind>(['and', 'dash', 'slash', ...(speaksOfWishes ? ['wish', 'future'] as const : [])]),
    joins: 'all',
  };
}

function optionAt(view: View, at: number): Span | null {
  const [longest] = (view.matches[at] ?? []).filter(({ meanings }) => meanings.some(({ is }) => is === 'option'));
  if (longest === undefined) return null;
  return { to: longest.to, values: longest.meanings.flatMap((meaning) => (meaning.is === 'option' ? [meaning.value] : [])) };
}

function allAt(view: View, at: number, options: readonly string[]): Span | null {
  const all = matchOf(view, at, 'all');
  return all === null ? null : { to: all.to, values: options };
}

/** "The last one", "option 2". A bare 2 could as well be a number of something, so it is asked. */
function placeAt(view: View, at: number, options: readonly string[]): Span | null {
  const ordinal = matchOf(view, at, 'ordinal');
  if (ordinal !== null) {
    const option = options.at(ordinal.meaning.value < 0 ? -1 : ordinal.meaning.value - 1);
    return option === undefined ? null : { to: ordinal.to, values: [option] };
  }
  const word = after(view, at, 'optionWord');
  const digits = view.tokens[word];
  const option = digits?.kind === 'digits' && digits.text.length <= 3 ? options[Number(digits.text) - 1] : undefined;
  return option === undefined ? null : { to: word + 1, values: [option], ...(word === at ? { unsure: true } : {}) };
}

// --- What is written as it is ---

/** An email address, or an upload's id. */
function givenAt(given: readonly string[]) {
  return ({ tokens }: View, at: number): Span | null => {
    if (tokens[at]?.text !== placeholder) return null;
    const nth = tokens.slice(0, at).filter(({ text }) => text === placeholder).length;
    return { to: at + 1, values: given.slice(nth, nth + 1) };
  };
}

/** A mark that no person can type; what is given stands in its place. */
export const placeholder = '\ue000';

/** A name in front of <ana@example.com>, or one that the address itself has, is left out. */
function emailGrammar(given: readonly string[]): Grammar {
  const names = new Set(given.flatMap((address) => address.toLowerCase().split(/[^\p{L}\p{M}]+/u)));
  const valueAt = givenAt(given);
  return {
    spanAt(view, at) {
      const token = view.tokens[at];
      if (token?.kind === 'word' && (names.has(token.text) || isNameBefore(view, at))) return { to: at + 1, values: [], aside: true };
      return valueAt(view, at);
    },
    explained: new Set(['wish', 'future', 'bracket']),
    notTurning: new Set(['to', 'but']),
  };
}

/** Words of a person's name. */
const longestName = 5;

function isNameBefore({ tokens, matches }: View, at: number): boolean {
  const end = tokens.findIndex(({ kind }, index) => index > at && kind !== 'word');
  const words = tokens.slice(0, Math.max(end, 0));
  const isFramed = tokens[end]?.text === '<' && tokens[end + 1]?.text === placeholder;
  return isFramed && words.length <= longestName && words.every((_, index) => (matches[index] ?? []).length === 0);
}

