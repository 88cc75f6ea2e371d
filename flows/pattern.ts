/** Characters of a pattern's source. */
export const maxPatternLength = 200;
/** Ways through a pattern that a text may make the engine try: 10 million are about 0.1 s of one core. */
const maxWays = 1e7;

/**
 * Why a text pattern is refused, or null when it is safe to run on every answer. JavaScript's engine backtracks,
 * so this bounds the ways in which the pattern could match: choices multiply along a sequence, add up in an
 * alternation and are raised to the power of a repetition. `(a+)+` has no bound; `[A-Z]{2}-\d+` has 200.
 * @param maxLength the longest text that the pattern will meet, in characters.
 */
export function patternMistake(pattern: string, maxLength: number): string | null {
  if (pattern.length > maxPatternLength) return `the pattern is longer than ${maxPatternLength} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return `the pattern does not compile: ${error instanceof Error ? error.message : 'unknown reason'}`;
  }
  const reader = new PatternReader(pattern, maxLength);
  const ways = reader.alternatives();
  if (reader.hasBackreference) return 'the pattern has a backreference, which can backtrack without end';
  if (ways <= maxWays) return null;
  return reader.hasNestedChoice
    ? 'the pattern repeats a group that itself repeats or chooses, which can backtrack without end'
    : `the pattern has too many repetitions for texts of ${maxLength} characters; use fewer, or lower max`;
}

/** Walks a pattern that compiles (flag `u`) and counts the ways through it. */
class PatternReader {
  hasBackreference = false;
  hasNestedChoice = false;
  private readonly pattern: string;
  private readonly maxLength: number;
  private at = 0;

  constructor(pattern: string, maxLength: number) {
    this.pattern = pattern;
    this.maxLength = maxLength;
  }

  alternatives(): number {
    let ways = this.sequence();
    while (this.take('|')) ways += this.sequence();
    return ways;
  }

  private sequence(): number {
    let ways = 1;
    while (this.at < this.pattern.length && !['|', ')'].includes(this.pattern.charAt(this.at))) {
      ways *= this.repeated(this.atom());
    }
    return ways;
  }

  private atom(): number {
    if (this.take('(')) {
      this.skip(/\?(?:[:=!]|<[=!]|<[^>]*>|[a-z-]*:)/y);
      const ways = this.alternatives();
      this.at += 1;
      return ways;
    }
    if (this.skip(/\\(?:[1-9]|k<)/y)) this.hasBackreference = true;
    else if (!this.skip(/\[(?:\\[^]|[^\]\\])*\]|\\[pPu]\{[^}]*\}|\\[^]/y)) this.at += 1;
    return 1;
  }

  private repeated(ways: number): number {
    const quantifier = this.skip(/(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/y);
    if (quantifier === null) return ways;
    const [text, least = '0', comma = '', most = ''] = quantifier;
    const [from, to] = text.startsWith('{')
      ? [Number(least), comma === '' ? Number(least) : most === '' ? this.maxLength : Number(most)]
      : [text.startsWith('+') ? 1 : 0, text.startsWith('?') ? 1 : this.maxLength];
    if (ways > 1 && to > 1) this.hasNestedChoice = true;
    const counts = Math.max(1, Math.min(to, this.maxLength) - from + 1);
    return counts * ways ** Math.min(to, this.maxLength);
  }

  private take(character: string): boolean {
    if (this.pattern.charAt(this.at) !== character) return false;
    this.at += 1;
    return true;
  }

  private skip(what: RegExp): RegExpExecArray | null {
    what.lastIndex = this.at;
    const match = what.exec(this.pattern);
    if (match !== null) this.at = what.lastIndex;
    return match;
  }
}
