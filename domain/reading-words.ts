/** How two writings of one word are compared, and the words that say yes, no, skip or that nothing is certain. */

/** Lower case, no accents, no nukta, one nasal sign, punctuation as one space. */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f\u093c'’]|\u200c|\u200d/g, '')
    .replaceAll('\u0901', '\u0902')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim();
}

/** A set of comma-separated phrases, folded. */
export function phrases(list: string): ReadonlySet<string> {
  return new Set(list.split(',').map(folded));
}

export const skipWords = phrases(
  'skip, skip it, skip this, skip please, please skip, not now, later, pass, n/a, na, überspringen, bitte überspringen, später, nicht jetzt, ' +
    'छोड़ें, छोड़ दें, छोड़ दो, छोड़ो, बाद में, अभी नहीं',
);
export const noneWords = phrases(
  "no, none, nothing, not yet, no thanks, no thank you, don't know, i don't know, i don't have one, nein, nein danke, keine, nichts, noch nicht, weiß nicht, ich weiß nicht, " +
    'नहीं, कुछ नहीं, पता नहीं',
);
export const allWords = phrases('all, all of them, everything, all of the above, alle, alles, सभी, सब, सब कुछ');

const yesWords = phrases('yes, y, yeah, yep, yup, true, ja, jawohl, हाँ, haan');
const noWords = phrases('no, n, nope, nah, false, nein, nee, नहीं, नही, ना, मत, nahi, nahin');
/** Said alone they agree; inside a sentence they mean too many things. */
const agreements = phrases(
  'sure, ok, okay, of course, please do, certainly, absolutely, definitely, klar, natürlich, gern, gerne, sicher, selbstverständlich, auf jeden fall, genau, stimmt, जी, ठीक है, बिल्कुल, ज़रूर, ji, theek hai, zaroor',
);
/** A `no` that refuses nothing. */
const noIdioms = phrases('no problem, no worries, no idea, no doubt, no preference, no matter');
/** They turn or split the sense of a sentence: no single value is taken out of it. */
const turningWords = phrases(
  "not, no, don't, doesn't, isn't, aren't, never, without, except, but, or, nor, neither, either, maybe, unsure, " +
    'nein, nicht, kein, keine, keinen, ohne, außer, ausser, aber, oder, weder, entweder, sondern, vielleicht, ' +
    'नहीं, नही, मत, या, अलावा, सिवाय, लेकिन, शायद',
);

/** True when something in the text turns or splits its sense. "Or so" only says that a number is round. */
export function turns(text: string): boolean {
  return folded(text).replace(/(?<= )(?:or|oder) so\b/g, '').split(' ').some((word) => turningWords.has(word));
}

export function westernDigits(text: string): string {
  return text.replace(/[०-९]/g, (digit) => String(digit.charCodeAt(0) - 0x966));
}

export function onlyOne<T>(found: readonly T[]): T | null {
  const distinct = new Set(found);
  return distinct.size === 1 ? (found[0] ?? null) : null;
}

/** Yes or no, said first or last; a sentence that turns decides nothing. */
export function readBoolean(text: string): boolean | null {
  const said = folded(text);
  if (agreements.has(said)) return true;
  if ([...noIdioms].some((idiom) => said.includes(idiom))) return null;
  const words = said.split(' ');
  if (words.some((word) => turningWords.has(word) && !noWords.has(word))) return null;
  const ends = [words[0] ?? '', words.at(-1) ?? ''];
  const yes = ends.some((word) => yesWords.has(word));
  const no = ends.some((word) => noWords.has(word));
  return yes === no ? null : yes;
}
