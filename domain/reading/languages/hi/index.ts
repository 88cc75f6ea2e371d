import { foldedWord } from '../../tokens.ts';
import type { Language } from '../language.ts';
import { latin } from './latin.ts';
import { quantities } from './quantities.ts';
import { soundsOf } from './sounds.ts';
import { speech } from './speech.ts';
import { synonyms } from './synonyms.ts';
import { turns } from './turns.ts';
import { words } from './words.ts';

export const hindi: Language = {
  tag: 'hi',
  lexicon: [...turns, ...quantities, ...words],
  synonyms,
  writing: { decimal: '.', group: ',', lakhs: true, order: () => 'day first' },
  forms,
  sounds: soundsOf,
  spellings: new Map(latin.trim().split('\n').flatMap((line) => {
    const [word = '', spellings = ''] = line.split(': ');
    return spellings.split(' ').map((spelling): [string, string] => [spelling, foldedWord(word.trim())]);
  })),
  nameFrames: [
    /^(?:जी,? )?(?:इस(?:का|की|के)|हमारे (?:दफ़्तर|दफ्तर|ऑफिस) का|उसका|जगह का)?\s*नाम\s+(?:है\s+)?(.+?)(?:\s+है)?\s*[।.]?$/su,
    /^(?:ji,? )?(?:is ?ka|iska|hamare office ka|uska)?\s*(?:naam|nam)\s+(?:hai\s+)?(.+?)(?:\s+hai)?\s*[.]?$/isu,
    /^(.+?)\s+(?:नाम है|naam hai|nam hai|naam h)\s*[।.]?$/isu,
  ],
  counted: /कितने ([\p{L}\p{M}]+)/u,
  speech,
};

/** कैमरा, कैमरे, कैमरों; बत्ती, बत्तियाँ. */
function forms(word: string): readonly string[] {
  if (!/[\u0900-\u097f]$/.test(word)) return [];
  const bare = word.replace(/[ाे]$/, '');
  return [
    `${word}ें`, `${word}ों`, ...(bare === word ? [] : [`${bare}ा`, `${bare}े`, `${bare}ों`]), word.replace(/ी$/, 'ियां'),
    word.replace(/ियां$/, 'ी'),
  ];
}
