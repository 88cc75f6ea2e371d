/** All phrases of one or more languages, to be looked up by their first word. */
import type { Language } from './languages/language.ts';
import type { Meaning } from './meaning.ts';
import { tokensOf } from './tokens.ts';

export type Phrase = {
  readonly words: readonly string[];
  readonly meanings: readonly Meaning[];
};

export type Lexicon = {
  /** By first word, longest first. */
  readonly phrases: ReadonlyMap<string, readonly Phrase[]>;
  /** Every word of every phrase. */
  readonly words: ReadonlySet<string>;
  /** How a word sounds → the word. */
  readonly sounds: ReadonlyMap<string, string>;
  /** By first letter: where to look for a word that is spelt wrong. */
  readonly byLetter: ReadonlyMap<string, readonly string[]>;
};

/** The words of a phrase, as tokens have them. */
export function wordsOf(phrase: string): readonly string[] {
  return tokensOf(phrase).map(({ text }) => text);
}

/** The first language has the last word: what it knows means what it says there, and the others only add. */
export function lexiconOf(languages: readonly Language[]): Lexicon {
  const own = languages.map(({ lexicon }) => phrasesOf(lexicon));
  const all = new Map<string, Phrase>();
  for (const phrases of own.toReversed()) for (const [key, phrase] of phrases) all.set(key, phrase);
  return indexed([...all.values()], languages);
}

export function indexed(phrases: readonly Phrase[], languages: readonly Language[]): Lexicon {
  const words = new Set(phrases.flatMap((phrase) => phrase.words));
  const sounds = new Map<string, string>();
  for (const { sounds: soundsOf } of languages) {
    if (soundsOf === undefined) continue;
    for (const word of words) for (const sound of isForeign(word) ? soundsOf(word) : []) if (!sounds.has(sound)) sounds.set(sound, word);
  }
  return { phrases: byFirstWord(phrases), words, sounds, byLetter: Map.groupBy(words, (word) => word.slice(0, 1)) };
}

function phrasesOf(lexicon: Language['lexicon']): ReadonlyMap<string, Phrase> {
  const phrases = new Map<string, Phrase>();
  for (const [list, meaning] of lexicon) {
    for (const text of list.split(', ')) {
      const words = wordsOf(text);
      const key = words.join(' ');
      phrases.set(key, { words, meanings: [...(phrases.get(key)?.meanings ?? []), meaning] });
    }
  }
  return phrases;
}

function byFirstWord(phrases: readonly Phrase[]): ReadonlyMap<string, readonly Phrase[]> {
  return Map.groupBy(phrases.toSorted((a, b) => b.words.length - a.words.length), ({ words }) => words[0] ?? '');
}

/** Only what is not in Latin letters has a sound that is looked for. */
function isForeign(word: string): boolean {
  return /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u.test(word);
}
