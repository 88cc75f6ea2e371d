/** A text cut into words, digits and marks: nothing but white space is left out, so that each of them can be accounted for. */

export interface Token {
  /** As it was written. */
  readonly raw: string;
  /** The folded word, digits as 0 to 9, or the mark itself. */
  readonly text: string;
  readonly kind: 'word' | 'digits' | 'mark';
  /** Nothing stands between it and the token before it. */
  readonly joined: boolean;
}

/** More than the longest answer that is no story; what is longer is not read. */
export const maxTokens = 80;

/** Lower case, no accents, no nukta, one nasal sign, punctuation as one space: how two writings of one word are compared. */
export function folded(text: string): string {
  return foldedWord(text).replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ').trim();
}

export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of plain(text).matchAll(/[\p{L}\p{M}](?:[\p{L}\p{M}'’]*[\p{L}\p{M}])?|\d+|\S/gu)) {
    const [raw] = match;
    const joined = tokens.length > 0 && match.index === end;
    end = match.index + raw.length;
    const kind = /^\d/.test(raw) ? 'digits' : /^[\p{L}\p{M}]/u.test(raw) ? 'word' : 'mark';
    tokens.push({ raw, text: kind === 'word' ? wordText(raw, joined) : raw, kind, joined });
  }
  return tokens;
}

/** 100m is metres, 100M is not. */
function wordText(raw: string, joined: boolean): string {
  return raw === 'M' && joined ? raw : foldedWord(raw);
}

/**
 * One way of writing the same: full width as usual, digits of any script as 0 to 9. A raised 2 or a ½ stays what it is, since 10² is
 * not 102. Invisible characters, skin tones and the dots of "a.m." go.
 */
function plain(text: string): string {
  return text
    .replace(/\u200b|\u200c|\u200d|\u2060|\ufe0f|\u00ad|[\u{1f3fb}-\u{1f3ff}]/gu, '')
    .replace(/[^\p{No}]+/gu, (part) => part.normalize('NFKC'))
    .replace(/\p{Nd}/gu, digitOf)
    .replace(/(?<=[\p{L}\p{N}])_+(?=[\p{L}\p{N}])/gu, ' ')
    .replaceAll('\u066b', '.').replaceAll('\u066c', ',')
    .replace(/\b([ap])\.\s?m\b\.?/giu, '$1m');
}

/** Ten digits of a script stand in a row, from a code that ends in 0 or 6 (Unicode 16, BMP). */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  const low = code & 15;
  return String(/\p{Nd}/u.test(String.fromCodePoint(code - low)) ? low : low - 6);
}

/** One word, however it is written: no accents, no nukta, one nasal sign. */
export function foldedWord(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f\u093c'’]|\u200c|\u200d/g, '')
    .replaceAll('\u0901', '\u0902')
    .normalize('NFKC')
    .toLowerCase();
}
