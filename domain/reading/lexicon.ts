/** All phrases of one or more languages, to be looked up by their first word. */
import type { Language } from './languages/language.ts';
import { phrasesIn, type Meaning } from './meaning.ts';
import { tokensOf } from './tokens.ts';

export interface Phrase {
  readonly words: readonly string[];
  readonly meanings: readonly Meaning[];
}

export interface Lexicon {
  /** By first word, longest first. */
  readonly phrases: ReadonlyMap<string, readonly Phrase[]>;
  /** Every word of every phrase. */
  readonly words: ReadonlySet<string>;
  /** How a word sounds → the word. */
  readonly sounds: ReadonlyMap<string, string>;
  /** By first letter: where to look for a word that is spelt wrong. */
  readonly byLetter: ReadonlyMap<string, readonly string[]>;
}

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
  const index = byFirstWord(phrases);
  return { phrases: index, words, sounds: soundsOf(words, index, languages), byLetter: Map.groupBy(words, (word) => word.slice(0, 1)) };
}

/** A sound that two words of different meaning share leads to neither. A word that says something alone counts before one that does not. */
function soundsOf(words: ReadonlySet<string>, index: Lexicon['phrases'], languages: readonly Language[]): ReadonlyMap<string, string> {
  const sounding = languages.flatMap(({ sounds }) => (sounds === undefined ? [] : [sounds]));
  const sounded = [...words].filter(isForeign).flatMap(
    (word) => sounding.flatMap((sounds) => sounds(word).map((sound) => [sound, word] as const)),
  );
  const alone = (word: string) => (index.get(word) ?? []).filter((phrase) => phrase.words.length === 1);
  const meaningOf = (word: string): string => JSON.stringify(alone(word).map(({ meanings }) => meanings));
  const bySound = new Map<string, string | readonly string[]>();
  for (const [sound, word] of sounded) {
    const before = bySound.get(sound);
    if (before === undefined) bySound.set(sound, word);
    else if (before !== word) bySound.set(sound, [before, word].flat());
  }
  return new Map([...bySound].flatMap(([sound, alike]) => {
    if (typeof alike === 'string') return [[sound, alike] as const];
    const telling = alike.filter((word) => meaningOf(word) !== '[]');
    const [first] = telling.length > 0 ? telling : alike;
    return first === undefined || new Set(telling.map(meaningOf)).size > 1 ? [] : [[sound, first] as const];
  }));
}

function phrasesOf(lexicon: Language['lexicon']): ReadonlyMap<string, Phrase> {
  const phrases = new Map<string, Phrase>();
  for (const [list, meaning] of lexicon) {
    for (const text of phrasesIn(list)) {
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
