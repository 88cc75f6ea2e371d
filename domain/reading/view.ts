/** A text with all that its words can mean, at every place. */
import type { Asked } from './asked.ts';
import type { Lexicon, Phrase } from './lexicon.ts';
import type { Kind, Meaning, Sense } from './meaning.ts';
import { nearestWord } from './spelling.ts';
import type { Token } from './tokens.ts';

export interface Match { readonly to: number; readonly meanings: readonly Meaning[] }
export interface Correction { readonly from: string; readonly to: string }

export interface View {
  readonly tokens: readonly Token[];
  /** What can begin at each token, longest first. */
  readonly matches: readonly (readonly Match[])[];
  /** Words that were taken for another by their spelling. */
  readonly corrected: readonly Correction[];
}

/** How words are looked up: by which languages' phrases, and whether a word may be one letter off. */
export interface Lookup {
  readonly lexicon: Lexicon;
  readonly spelling: boolean;
  /** Whether a word in Latin letters may be one of another script; never a word that is known as it stands. */
  readonly latinSounds: boolean;
  readonly sounds: (word: string) => readonly string[];
  /** Spellings that count before any other. */
  readonly spellings: ReadonlyMap<string, string>;
}

/** A sign for less or more is a bracket only around an address; `grammars.ts` knows where. */
const markLists: readonly (readonly [marks: string, ...senses: readonly Sense[]])[] = [
  [',;.!।:…"“”„\'‘’`=•*|', 'pause'], ['()[]{}', 'bracket'], ['<>', 'bound', 'bracket'], ['≤≥', 'bound'],
  ['-–—‐−‑', 'dash'], ['?', 'ask'], ['/', 'slash'],
];
const marks: ReadonlyMap<string, readonly Meaning[]> = new Map(
  markLists.flatMap(([list, ...senses]) => Array.from(list).map((mark) => [mark, senses.map((is) => ({ is }))] as const)),
);

export function viewOf(tokens: readonly Token[], asked: Asked, lookup: Lookup): View {
  const corrected: Correction[] = [];
  const words = tokens.map((token) => {
    const word = knownWord(token, asked, lookup);
    if (word !== null) return word;
    const near = lookup.spelling && token.kind === 'word' ? nearest(token.text, asked, lookup) : null;
    if (near !== null) corrected.push({ from: token.raw, to: near });
    return near ?? token.text;
  });
  return { tokens, matches: tokens.map((_, at) => matchesAt({ tokens, words }, at, asked, lookup)), corrected };
}

/** The word of our lists that a token is: itself, or one that sounds the same; null: none. */
function knownWord({ text, kind }: Token, { options, own, ownSounds }: Asked, lookup: Lookup): string | null {
  const { lexicon, latinSounds, sounds, spellings } = lookup;
  if (kind !== 'word') return text;
  const spelt = spellings.get(text);
  if (spelt !== undefined) return spelt;
  if (lexicon.words.has(text) || options.words.has(text) || own.has(text)) return text;
  if (!latinSounds && /^[a-z]/.test(text)) return null;
  for (const sound of sounds(text)) {
    const word = options.sounds.get(sound) ?? lexicon.sounds.get(sound) ?? ownSounds.get(sound);
    if (word !== undefined) return word;
  }
  return null;
}

function nearest(text: string, { options, own }: Asked, { lexicon }: Lookup): string | null {
  return nearestWord(text, [...(lexicon.byLetter.get(text.slice(0, 1)) ?? []), ...options.words, ...own]);
}

/** The tokens, and the word that each is taken for. */
interface Words { readonly tokens: readonly Token[]; readonly words: readonly string[] }

function matchesAt(said: Words, at: number, { options, own }: Asked, { lexicon }: Lookup): readonly Match[] {
  const { tokens, words } = said;
  const first = words[at] ?? '';
  const found = [...(options.phrases.get(first) ?? []), ...(lexicon.phrases.get(first) ?? [])].flatMap((phrase): readonly Match[] => {
    const to = endOf(phrase, said, at);
    return to === null ? [] : [{ to, meanings: phrase.meanings }];
  });
  const token = tokens[at];
  const mark = token?.kind === 'mark' ? marks.get(token.text) : undefined;
  if (mark !== undefined) found.push({ to: at + 1, meanings: mark });
  if (own.has(first)) found.push({ to: at + 1, meanings: [{ is: 'own' }] });
  return found.toSorted((a, b) => b.to - a.to);
}

/** Where the phrase ends; a hyphen inside it does not count. */
function endOf({ words: wanted }: Phrase, { tokens, words }: Words, from: number): number | null {
  let at = from;
  for (const [index, word] of wanted.entries()) {
    const isHyphen = tokens[at]?.text === '-' && tokens[at]?.joined === true && tokens[at + 1]?.joined === true;
    if (index > 0 && word !== words[at] && isHyphen) at += 1;
    if (words[at] !== word) return null;
    at += 1;
  }
  return at;
}

export interface Found<K extends Kind> { readonly to: number; readonly meaning: Meaning & { readonly is: K } }

/** The longest match of this kind at a token. */
export function matchOf<K extends Kind>({ matches }: View, at: number, ...kinds: readonly K[]): Found<K> | null {
  for (const { to, meanings } of matches[at] ?? []) {
    const meaning = meanings.find((each): each is Meaning & { readonly is: K } => (kinds as readonly Kind[]).includes(each.is));
    if (meaning !== undefined) return { to, meaning };
  }
  return null;
}

/** The token after a match of any of these kinds, or the same place. */
export function after(view: View, at: number, ...kinds: readonly Kind[]): number {
  return matchOf(view, at, ...kinds)?.to ?? at;
}

/** The same for as many as there are. */
export function afterAll(view: View, at: number, ...kinds: readonly Kind[]): number {
  let to = at;
  for (let next = after(view, to, ...kinds); next !== to; next = after(view, to, ...kinds)) to = next;
  return to;
}

export function rawOf({ tokens }: View, from: number, to: number): string {
  return tokens.slice(from, to).map(({ raw, joined }, index) => (index > 0 && !joined ? ` ${raw}` : raw)).join('');
}
