/** What a word or a phrase can say, in any language. A language lists its phrases for each. */

/** Words that say something about a value, or nothing; `sentence.ts` has what each does. */
export type Sense =
  // say nothing
  | 'filler' | 'article' | 'polite' | 'opener' | 'only' | 'own'
  // leave a value as it is, for some types
  | 'approx' | 'intensifier' | 'wish' | 'and' | 'in' | 'from' | 'deadline' | 'every' | 'future'
  // turn or split the sense: with one of them nothing is taken
  | 'negation' | 'or' | 'but' | 'bound' | 'hedge' | 'past' | 'closed' | 'idiom'
  // speak of the question, or replace what was said before
  | 'question' | 'interrogative' | 'correction' | 'apology' | 'dontKnow' | 'skip' | 'none' | 'all'
  | 'yes' | 'no' | 'agree'
  // parts of numbers, dates and times
  | 'to' | 'till' | 'between' | 'after' | 'pastHour' | 'oclock' | 'am' | 'pm' | 'noon' | 'midnight' | 'wholeDay'
  | 'opens' | 'closes' | 'dayGroup'
  | 'this' | 'next' | 'ahead' | 'ago' | 'ordinalSuffix' | 'optionWord' | 'minutes' | 'minus'
  // marks
  | 'pause' | 'ask' | 'dash' | 'slash' | 'bracket';

export type DayPart = 'morning' | 'noonish' | 'afternoon' | 'evening' | 'night' | 'dawn' | 'day';

export type Meaning =
  | { readonly is: Sense }
  /** unit: 1 to 9 that may follow tens; whole: any other below a hundred; scale: dozen, hundred and up; scales: one that needs a count. */
  | { readonly is: 'unit' | 'whole' | 'tens' | 'scale' | 'scales' | 'suffix'; readonly value: number }
  /** mixed: 1.5 as a word; offset: added to the number after it (साढ़े, सवा, पौने); share: a half of what follows. */
  | { readonly is: 'mixed' | 'offset' | 'share'; readonly value: number }
  /** ordinal: third; last is -1. */
  | { readonly is: 'ordinal' | 'month' | 'weekday' | 'period'; readonly value: number }
  /** Days from today that a word can mean: कल is yesterday and tomorrow. */
  | { readonly is: 'days'; readonly value: readonly number[] }
  | { readonly is: 'part'; readonly value: DayPart }
  | { readonly is: 'measure' | 'option'; readonly value: string };

export type Kind = Meaning['is'];
/** Phrases, parted by commas, and what each of them says. */
export type Entry = readonly [phrases: string, meaning: Meaning];

/** The phrases of a list, which may run over lines. */
export function phrasesIn(list: string): readonly string[] {
  return list.split(',').map((phrase) => phrase.trim().replace(/\s+/g, ' ')).filter((phrase) => phrase !== '');
}

/** `means('please, kindly', 'polite')`. */
export function means(phrases: string, is: Sense): Entry {
  return [phrases, { is }];
}

type Counted = 'unit' | 'whole' | 'ordinal' | 'month' | 'weekday';

/** Words for `first`, `first` + 1 … in order; `_` where a line has none, `/` between words for the same. */
export function countedFrom(first: number, is: Counted, ...lines: readonly string[]): readonly Entry[] {
  return lines.flatMap((line) => line.trim().split(/\s+/).flatMap((words, at): Entry[] =>
    words === '_' ? [] : [[words.replaceAll('/', ', ').replaceAll('~', ' '), { is, value: first + at }]]));
}
