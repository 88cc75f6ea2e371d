/**
 * Hindi is typed in Devanagari and, as often, in Latin letters, where nobody agrees on a spelling: पच्चीस is pachees, pacchis, pachis. Both
 * are brought to one plain spelling of the sound. What Latin letters do not tell apart (long and short vowels, dental and retroflex) is not
 * told apart; what they write or leave out (the short a inside a word, a nasal) gives a word more than one sound.
 */

const consonants: Readonly<Record<string, readonly string[]>> = {
  क: ['k'], ख: ['kh'], ग: ['g'], घ: ['gh'], ङ: ['n'], च: ['c'], छ: ['c'], ज: ['j'], झ: ['jh', 'j'], ञ: ['n'], ट: ['t'], ठ: ['th'], ड: ['d', 'r'], ढ: ['dh', 'rh'], ण: ['n'],
  त: ['t'], थ: ['th'], द: ['d'], ध: ['dh'], न: ['n'], प: ['p'], फ: ['f'], ब: ['b'], भ: ['bh'], म: ['m'], य: ['y'], र: ['r'], ल: ['l'], व: ['v'], श: ['s'], ष: ['s'], स: ['s'], ह: ['h'],
};
const signs: Readonly<Record<string, readonly string[]>> = {
  'ा': ['a'], 'ि': ['i'], 'ी': ['i'], 'ु': ['u'], 'ू': ['u'], 'ृ': ['ri'], 'े': ['e'], 'ै': ['ai', 'e'], 'ो': ['o'], 'ौ': ['au', 'o'], 'ॉ': ['o', 'a'], 'ॅ': ['e'],
};
const vowels: Readonly<Record<string, readonly string[]>> = {
  अ: ['a'], आ: ['a'], इ: ['i'], ई: ['i'], उ: ['u'], ऊ: ['u'], ऋ: ['ri'], ए: ['e'], ऐ: ['ai', 'e'], ओ: ['o'], औ: ['au', 'o'], ऑ: ['o', 'a'],
};
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

/** Digraphs first: what stands for one consonant becomes one letter. */
function latinSound(word: string): string {
  return plainSound(
    word
      .replaceAll('chh', 'C').replaceAll('ch', 'C').replaceAll('c', 'k').replaceAll('C', 'c').replace(/kc/g, 'c')
      .replaceAll('sh', 's').replaceAll('ph', 'f').replaceAll('ee', 'i').replaceAll('oo', 'u').replaceAll('ou', 'au').replaceAll('q', 'k').replaceAll('w', 'v').replaceAll('z', 'j').replaceAll('x', 'ks'),
  );
}

function plainSound(sound: string): string {
  return sound.replace(/([a-z])\1+/g, '$1').replace(/iy(?=[aeo])/g, 'i').replace(/([^aeiou])h(?=[^aeiou]|$)/g, (whole, before: string) => (before === 't' || before === 'd' ? whole : before));
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
