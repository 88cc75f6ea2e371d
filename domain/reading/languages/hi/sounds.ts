/**
 * Hindi is typed in Devanagari and, as often, in Latin letters, where nobody agrees on a spelling: पच्चीस is pachees, pacchis, pachis.
 * Both are brought to one plain spelling of the sound. What Latin letters do not tell apart (long and short vowels, dental and retroflex)
 * is not told apart; what they write or leave out (the short a inside a word, a nasal) gives a word more than one sound.
 */

/** Letter, then its sounds. */
function table(list: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(list.trim().split(/\s+/).map((pair) => [pair.slice(0, 1), pair.slice(1).split('/')]));
}

const consonants = table(`
  कk खkh गg घgh ङn चc छc जj झjh/j ञn टt ठth डd/r ढdh/rh णn तt थth दd धdh नn
  पp फf बb भbh मm यy रr लl वv शs षs सs हh
`);
const signs = table('ाa िi ीi ुu ूu ृri ेe ैai/e ोo ौau/o ॉo/a ॅe');
const vowels = table('अa आa इi ईi उu ऊu ऋri एe ऐai/e ओo औau/o ऑo/a');
const halant = '्';
const nasal = 'ं';

/** A word of many syllables would have thousands of spellings; the first ones are those that people use. */
const maxSounds = 32;
/** No word of ours is longer. */
const maxLetters = 24;

export function soundsOf(word: string): readonly string[] {
  if (word.length > maxLetters) return [];
  if (/^[a-z]+$/.test(word)) return [latinSound(word)];
  return /^[\u0900-\u097f]+$/.test(word) ? [...new Set(devanagariSounds(Array.from(word)).map(plainSound))] : [];
}

/** Digraphs first: what stands for one consonant becomes one letter. C keeps a च from being taken for a क. */
const latinSounds: readonly (readonly [written: string, sound: string])[] = [
  ['chh', 'C'], ['ch', 'C'], ['c', 'k'], ['C', 'c'], ['kc', 'c'], ['sh', 's'], ['ph', 'f'], ['ee', 'i'], ['oo', 'u'], ['ou', 'au'],
  ['q', 'k'],
  ['w', 'v'], ['z', 'j'], ['x', 'ks'],
];

function latinSound(word: string): string {
  return plainSound(latinSounds.reduce((sound, [written, plain]) => sound.replaceAll(written, plain), word));
}

/** No letter twice, no breath behind a consonant but for t and d, no glide between i and a vowel. */
function plainSound(sound: string): string {
  return sound.replace(/([a-z])\1+/g, '$1').replace(/iy(?=[aeo])/g, 'i').replace(/([^aeioutd])h(?=[^aeiou]|$)/g, '$1');
}

function devanagariSounds(letters: readonly string[]): readonly string[] {
  let sounds: readonly string[] = [''];
  for (const [at, letter] of letters.entries()) {
    const next = letters[at + 1];
    sounds = combined(sounds, partsOf(letter, next, letters[at - 1] === halant, at === 0)).slice(0, maxSounds);
  }
  return sounds;
}

function combined(sounds: readonly string[], parts: readonly string[]): readonly string[] {
  return parts.flatMap((part) => sounds.map((sound) => sound + part));
}

function partsOf(letter: string, next: string | undefined, afterHalant: boolean, first: boolean): readonly string[] {
  if (letter === nasal) return next !== undefined && 'पफबभम'.includes(next) ? ['n', 'm', ''] : ['n', ''];
  if (letter === halant) return [''];
  const sign = signs[letter] ?? vowels[letter];
  if (sign !== undefined) return sign;
  const consonant = consonants[letter];
  if (consonant === undefined) return [''];
  const hasVowel = next !== undefined && (next === halant || next in signs);
  if (hasVowel) return consonant;
  if (next === undefined) return afterHalant ? combined(consonant, ['', 'a']) : consonant;
  return combined(consonant, first ? ['a', 'e', ''] : ['a', '']);
}
