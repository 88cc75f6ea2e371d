/** A word that is one letter off from one that is known. */

/** Shorter words have too many neighbours. */
const leastLetters = 5;

/**
 * The known word that `word` is one letter off from: one letter more, less, other, or two that changed places. The first letter is
 * hardly ever wrong, and an added last one makes another word (officer). null when none is near, or more than one.
 */
export function nearestWord(word: string, known: readonly string[]): string | null {
  const near = [...new Set(known.filter((other) => other !== word && isNear(word, other)))];
  return near.length === 1 ? near[0] ?? null : null;
}

function isNear(word: string, other: string): boolean {
  if (word[0] !== other[0] || Math.abs(word.length - other.length) > 1) return false;
  const swapped = isSwapped(word, other);
  if (word.length < leastLetters || other.length < leastLetters) return word.length >= 4 && swapped;
  if (swapped) return true;
  const same = commonStart(word, other);
  if (word.length === other.length) return word.slice(same + 1) === other.slice(same + 1);
  if (word.length < other.length) return word.slice(same) === other.slice(same + 1);
  return same < other.length && word.slice(same + 1) === other.slice(same);
}

function isSwapped(word: string, other: string): boolean {
  const at = commonStart(word, other);
  if (word.length !== other.length || word.slice(at + 2) !== other.slice(at + 2)) return false;
  return word[at] === other[at + 1] && word[at + 1] === other[at];
}

function commonStart(word: string, other: string): number {
  let at = 0;
  while (at < word.length && word[at] === other[at]) at += 1;
  return at;
}
