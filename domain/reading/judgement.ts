/** A text, judged in the words of one language after the other. */
import { isEmail } from '../answer.ts';
import type { Asked } from './asked.ts';
import { grammarOf, placeholder } from './grammars.ts';
import { languageOf, languages } from './languages/index.ts';
import type { Language } from './languages/language.ts';
import { lexiconOf } from './lexicon.ts';
import type { Grammar } from './items.ts';
import { judge, type Judged } from './sentence.ts';
import { maxTokens, tokensOf, type Token } from './tokens.ts';
import { viewOf, type Lookup, type View } from './view.ts';

/** The person's own day, YYYY-MM-DD, for "tomorrow"; null: unknown, and such words say nothing. */
export interface PersonsClock { readonly today: string | null }

/** What is judged, on which view of the text, and by which grammar. */
export interface Judgement { readonly judged: Judged; readonly view: View; readonly grammar: Grammar }

/** UTF-16 units; what is longer is no short answer, and the patterns below stay quick. */
const maxTextLength = 2000;

/** With more words that nobody knows a text is no misspelt answer. */
const mostMisspelt = 4;

/** How words are looked up in a session of each language: its own first, then the others as they are listed. */
const lookups: ReadonlyMap<Language, Omit<Lookup, 'spelling'>> = new Map(
  languages.map((own) => {
    const order = [own, ...languages.filter((other) => other !== own)];
    const sounding = order.flatMap((language) => (language.sounds === undefined ? [] : [language.sounds]));
    const sounds = (word: string) => sounding.flatMap((soundsOf) => soundsOf(word));
    return [own, { lexicon: lexiconOf(order), latinSounds: own.sounds !== undefined, sounds, spellings: own.spellings ?? new Map() }];
  }),
);

export function judgementOf(asked: Asked, text: string, clock: PersonsClock): Judgement {
  const { rest, given } = givenIn(asked, text);
  const tokens = text.length > maxTextLength ? [] : tokensOf(rest);
  return bestOf(asked, tokens.length > maxTokens ? [] : tokens, clock, given);
}

/** In the words of the session's language first, then of the others; last with words that are one letter off. */
function bestOf(asked: Asked, tokens: readonly Token[], { today }: PersonsClock, given: readonly string[]): Judgement {
  const own = languageOf(asked.language);
  const context = { writing: own.writing, order: own.writing.order(asked.language), today };
  let first: Judgement | null = null;
  for (const spelling of [false, true]) {
    if (spelling && first !== null && unknownWords(first.view) > mostMisspelt) break;
    for (const [, lookup] of [...lookups].toSorted(([a], [b]) => Number(b === own) - Number(a === own))) {
      const view = viewOf(tokens, asked, { ...lookup, spelling });
      if (spelling && view.corrected.length === 0) continue;
      const grammar = grammarOf(asked, lookup.lexicon, context, given);
      const judgement = { judged: judge(view, grammar), view, grammar };
      first ??= judgement;
      if (isSettled(judgement.judged)) return judgement;
    }
  }
  return first ?? nothingOf(tokens);
}

function nothingOf(tokens: readonly Token[]): Judgement {
  const grammar: Grammar = { spanAt: () => null, explained: new Set() };
  return { judged: { kind: 'nothing', unexplained: [], items: [] }, view: { tokens, matches: [], corrected: [] }, grammar };
}

function unknownWords({ tokens, matches }: View): number {
  return tokens.filter(({ kind }, at) => kind === 'word' && matches[at]?.length === 0).length;
}

/** Another language could not say more: something is understood, or what was said turns the sense. */
function isSettled(judged: Judged): boolean {
  return judged.kind !== 'nothing' || (judged.unexplained.length > 0 && judged.unexplained.every(({ is }) => is !== 'unknown'));
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
