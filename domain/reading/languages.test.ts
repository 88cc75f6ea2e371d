import { describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { languageOf, languages } from './languages/index.ts';
import { lexiconOf } from './lexicon.ts';
import { phrasesIn } from './meaning.ts';
import { nearestWord } from './spelling.ts';
import { tokensOf } from './tokens.ts';

test('every folder is a language, and every language has its folder', () => {
  const folders = readdirSync(join(import.meta.dirname, 'languages'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(languages.map(({ tag }) => tag).toSorted()).toEqual(folders.toSorted());
});

test('a tag finds its language without its region, whatever its case; an unknown one finds the first', () => {
  expect(['hi', 'hi-IN', 'HI_in', 'hi-Latn', 'en-GB', 'en'].map((tag) => languageOf(tag).tag)).toEqual(
    ['hi', 'hi', 'hi', 'hi', 'en', 'en'],
  );
  expect(['de', '', 'x-klingon'].map((tag) => languageOf(tag).tag)).toEqual(['en', 'en', 'en']);
});

describe.each(languages.map((language) => [language.tag, language] as const))('%s', (_tag, language) => {
  const lexicon = lexiconOf([language]);

  test('no phrase is empty, and each is found by its first word', () => {
    for (const [list] of language.lexicon) {
      for (const phrase of phrasesIn(list)) {
        const [first = ''] = tokensOf(phrase).map(({ text }) => text);
        expect([phrase, lexicon.phrases.has(first)]).toEqual([phrase, true]);
      }
    }
  });

  test('a word that sounds like a number means that number alone', () => {
    for (const [list, meaning] of language.lexicon) {
      if (meaning.is !== 'whole' && meaning.is !== 'scale') continue;
      for (const word of phrasesIn(list)) {
        for (const sound of language.sounds?.(tokensOf(word)[0]?.text ?? '') ?? []) {
          const heard = lexicon.sounds.get(sound);
          const same = heard === undefined || (lexicon.phrases.get(heard) ?? []).some(
            ({ words, meanings }) => words.length === 1 && meanings.some((other) => 'value' in other && other.value === meaning.value),
          );
          expect([word, sound, heard, same]).toEqual([word, sound, heard, true]);
        }
      }
    }
  });

  test('a spelling that is listed leads to a word that is known', () => {
    const known = new Set([...lexicon.words, ...language.synonyms.flatMap((line) => tokensOf(line).map(({ text }) => text))]);
    for (const [spelling, word] of language.spellings ?? []) expect([spelling, word, known.has(word)]).toEqual([spelling, word, true]);
  });
});

test.each<[string, readonly string[], string | null]>([
  ['tomorow', ['tomorrow', 'today'], 'tomorrow'],
  ['standrad', ['standard'], 'standard'],
  ['offfice', ['office'], 'office'],
  ['hihg', ['high'], 'high'],
  ['fourte', ['fourth', 'fourty'], null],
  ['officer', ['office'], null],
  ['lights', ['fights'], null],
  ['lo', ['low'], null],
  ['slow', ['low'], null],
  ['bank', ['tank'], null],
])('%s is near to %j: %p', (word, known, near) => {
  expect(nearestWord(word, known)).toBe(near);
});
