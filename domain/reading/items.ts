/** A text as a row of items: values, and words by what they do beside them. */
import type { Json } from '../json.ts';
import type { Kind, Meaning } from './meaning.ts';
import type { View } from './view.ts';

/** A value that stands somewhere in the text, with all it can mean. `unsure`: it says more than was written, so it is asked. */
export interface Span { readonly to: number; readonly values: readonly Json[]; readonly unsure?: boolean; readonly aside?: boolean }

export interface Grammar {
  /** The value that begins at a token, the longest. */
  readonly spanAt: (view: View, at: number) => Span | null;
  /** Kinds of words that change nothing beside a value of this type. */
  readonly explained: ReadonlySet<Kind>;
  /** Further kinds that are values of their own kind here, such as yes and no. */
  readonly notTurning?: ReadonlySet<Kind>;
  /** Units of measurement that the question itself speaks in. */
  readonly isOwn?: (meaning: Meaning) => boolean;
  /** What was said of several values together; the default takes one alone. */
  readonly joins?: 'all' | 'one';
  /** "This week, not this month" says this week. */
  readonly denies?: boolean;
  /** Another look at the items, where what one says hangs on the others. */
  readonly rewritten?: (items: readonly Item[]) => readonly Item[];
  /** Values without words that would be ambiguous by the tense: past or future. */
  readonly narrowed?: (values: readonly Json[], tense: 'past' | 'future' | null) => readonly Json[];
}

export type Item =
  | { readonly is: 'value'; readonly from: number; readonly to: number; readonly values: readonly Json[]; readonly unsure: boolean }
  | { readonly is: 'aside' | 'unknown' | Kind; readonly from: number; readonly to: number };

/** They explain nothing, wherever they stand. */
const always: ReadonlySet<Kind> = new Set([
  'filler', 'article', 'polite', 'opener', 'only', 'own', 'pause', 'bracket', 'in', 'correction', 'apology', 'ask',
]);
/** With one of them a value is not what was said, or not for certain. */
export const turning: ReadonlySet<Kind> = new Set([
  'or', 'but', 'bound', 'hedge', 'past', 'closed', 'idiom', 'after', 'to', 'till', 'between', 'dash', 'slash', 'minus', 'deadline', 'and',
]);
/** They answer in place of a value. */
export const answers: ReadonlySet<Kind> = new Set(['question', 'dontKnow', 'skip', 'none', 'no', 'yes', 'agree', 'negation']);

export function itemsOf(view: View, grammar: Grammar): readonly Item[] {
  const items: Item[] = [];
  for (let at = 0; at < view.tokens.length;) {
    const item = itemAt(view, at, grammar);
    items.push(item);
    at = item.to;
  }
  return items;
}

function itemAt(view: View, at: number, grammar: Grammar): Item {
  const span = grammar.spanAt(view, at);
  const [longest] = view.matches[at] ?? [];
  if (span !== null && (longest === undefined || span.to >= longest.to)) {
    if (span.aside === true) return { is: 'aside', from: at, to: span.to };
    if (span.values.length === 0) return { is: 'unknown', from: at, to: span.to };
    return { is: 'value', from: at, to: span.to, values: span.values, unsure: span.unsure === true };
  }
  if (longest === undefined) return { is: 'unknown', from: at, to: at + 1 };
  const same = (view.matches[at] ?? []).filter(({ to }) => to === longest.to).flatMap(({ meanings }) => meanings);
  const known = (kinds: (kind: Kind) => boolean) => same.find((meaning) => kinds(meaning.is) || grammar.isOwn?.(meaning) === true);
  // what turns a sense counts before what says nothing, where a word can do both; but a type may know better
  const meaning = known((kind) => grammar.notTurning?.has(kind) === true || grammar.explained.has(kind))
    ?? known((kind) => turning.has(kind)) ?? known((kind) => answers.has(kind)) ?? known((kind) => always.has(kind));
  if (meaning !== undefined) return { is: grammar.isOwn?.(meaning) === true ? 'own' : meaning.is, from: at, to: longest.to };
  return { is: 'unknown', from: at, to: longest.to };
}

/** With it in the text a value is not certain, or not meant. */
export function turns({ is }: Item, { explained, notTurning }: Grammar): boolean {
  if (is === 'negation' || is === 'no' || is === 'none' || is === 'dontKnow' || is === 'skip') return true;
  return turning.has(is as Kind) && !explained.has(is as Kind) && notTurning?.has(is as Kind) !== true;
}

/** What an item is by where it stands. */
export function withoutEdges(items: readonly Item[]): readonly Item[] {
  return items.map((item, at) => (item.is === 'value' ? item : { ...item, is: roleOf(item.is, items.slice(0, at), items.slice(at + 1)) }));
}

type Role = Exclude<Item['is'], 'value'>;

function roleOf(is: Role, before: readonly Item[], behind: readonly Item[]): Role {
  const [last, next] = [before.at(-1)?.is, behind[0]?.is];
  const [valueBefore, valueBehind] = [valuesIn(before).length > 0, valuesIn(behind).length > 0];
  switch (is) {
    case 'dash':
      return last === 'value' && next === 'value' ? is : 'pause';
    case 'and': // "50+", "50 and": more follows, but not here
      return valueBefore && !valueBehind && !behind.some((item) => item.is === 'unknown') ? 'bound' : is;
    case 'yes': case 'agree': // where it is no value it only agrees to answer
      return 'opener';
    case 'no': { // "no, 30" and "no wait, 30" take back what was said before
      const begins = before.every((item) => item.is === 'opener' || item.is === 'polite') && next === 'pause';
      const isCorrecting = [last, next, behind[1]?.is].some((near) => near === 'correction' || near === 'apology');
      return valueBehind && (begins || isCorrecting) ? 'correction' : is;
    }
    case 'apology':
      return valueBefore && valueBehind ? 'correction' : 'polite';
    default:
      return is;
  }
}

export function valuesIn(items: readonly Item[]): readonly Json[] {
  return items.flatMap((item) => (item.is === 'value' ? item.values : []));
}
