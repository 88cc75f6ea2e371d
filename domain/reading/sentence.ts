/**
 * What a whole text says, once each part of it is known. Every word is a value, or has a meaning that this type of question knows, or is
 * left unexplained; with one of the latter nothing is taken.
 */
import type { Json } from '../json.ts';
import { canonicalJson, sameValue } from '../json.ts';
import type { Kind, Meaning } from './meaning.ts';
import type { View } from './view.ts';

/** A value that stands somewhere in the text, with all it can mean. `unsure`: it says more than was written, so it is asked. */
export type Span = { readonly to: number; readonly values: readonly Json[]; readonly unsure?: boolean; readonly aside?: boolean };

export type Grammar = {
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
};

export type Item =
  | { readonly is: 'value'; readonly from: number; readonly to: number; readonly values: readonly Json[]; readonly unsure: boolean }
  | { readonly is: 'aside' | 'unknown' | Kind; readonly from: number; readonly to: number };

export type Judged =
  | { readonly kind: 'value'; readonly value: Json; readonly asides: readonly Item[]; readonly replaces: readonly Json[] }
  | { readonly kind: 'ambiguous'; readonly values: readonly Json[] }
  | { readonly kind: 'help' | 'skip' | 'none' | 'dontKnow' }
  /** `items`: the whole text, for whoever can explain more of it. */
  | { readonly kind: 'nothing'; readonly unexplained: readonly Item[]; readonly items: readonly Item[] };

/** They explain nothing, wherever they stand. */
const always: ReadonlySet<Kind> = new Set([
  'filler', 'article', 'polite', 'opener', 'only', 'own', 'pause', 'bracket', 'in', 'correction', 'apology', 'ask',
]);
/** With one of them a value is not what was said, or not for certain. */
const turning: ReadonlySet<Kind> = new Set([
  'or', 'but', 'bound', 'hedge', 'past', 'closed', 'idiom', 'after', 'to', 'till', 'between', 'dash', 'slash', 'minus', 'deadline', 'and',
]);
/** They answer in place of a value. */
const answers: ReadonlySet<Kind> = new Set(['question', 'dontKnow', 'skip', 'none', 'no', 'yes', 'agree', 'negation']);

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

export function judge(view: View, grammar: Grammar): Judged {
  const edged = withoutEdges(itemsOf(view, grammar));
  const items = grammar.rewritten?.(edged) ?? edged;
  const has = (...kinds: readonly (Kind | 'unknown')[]) => items.some(({ is }) => (kinds as readonly string[]).includes(is));
  const all = items.flatMap((item) => (item.is === 'value' ? item.values : []));
  const unknown = items.filter(({ is }) => is === 'unknown');
  if (has('question')) return { kind: 'help' };
  if (all.length === 0 && unknown.length === 0) {
    const instead = answerInstead(items);
    if (instead !== null) return instead;
  }
  if (has('ask')) return unknown.length > 0 || all.length === 0 ? { kind: 'help' } : { kind: 'ambiguous', values: distinct(all) };
  if (unknown.length > 0) return { kind: 'nothing', unexplained: unknown, items };
  return judgeValues(items, grammar, all);
}

/** A skip, a not-knowing or a none that stands alone; with a `not` beside it it is none of them. */
function answerInstead(items: readonly Item[]): Judged | null {
  const said = items.map(({ is }) => is).filter((is) => answers.has(is as Kind) || turning.has(is as Kind));
  const [first] = said;
  if (first === undefined || said.includes('negation')) return null;
  // "no, skip" skips, "no skip" does not
  const isParted = items.some(({ is }) => is === 'pause');
  for (const kind of ['dontKnow', 'skip', 'none'] as const) {
    const soft = (is: string) => ['hedge', 'yes', 'agree', 'deadline'].includes(is) || (is === 'no' && (kind !== 'skip' || isParted));
    if (said.includes(kind) && said.every((is) => is === 'dontKnow' || is === 'skip' || is === 'none' || soft(is))) return { kind };
  }
  return said.every((is) => is === 'no') ? { kind: 'none' } : null;
}

function judgeValues(items: readonly Item[], grammar: Grammar, all: readonly Json[]): Judged {
  const turned = (item: Item): boolean => turns(item, grammar);
  const last = items.findLastIndex(({ is }) => is === 'correction');
  const before = items.slice(0, Math.max(last, 0));
  const rest = items.slice(last + 1);
  const nothing = (): Judged => ({ kind: 'nothing', unexplained: items.filter(turned), items });
  if (all.length === 0 || (last >= 0 && valuesIn(rest).length === 0)) return nothing();
  if (last >= 0 && items.some(({ is }) => is === 'negation')) return nothing();
  const denies = rest.some(({ is }) => is === 'negation' || is === 'no');
  const kept = denies && grammar.denies === true ? affirmed(rest) : rest;
  if (kept === null || (denies && grammar.denies !== true)) return nothing();
  const values = distinct(narrowed(valuesIn(kept), kept, grammar));
  const isUnsure = (item: Item): boolean => (item.is === 'value' ? item.unsure : turned(item) && !isTense(item, grammar));
  if (kept.some(isUnsure)) return { kind: 'ambiguous', values };
  const asides = items.filter(({ is }) => is === 'aside');
  if (grammar.joins === 'all') return { kind: 'value', value: values, asides, replaces: [] };
  const [value] = values;
  if (value === undefined) return nothing();
  if (values.length > 1) return { kind: 'ambiguous', values };
  return { kind: 'value', value, asides, replaces: distinct(valuesIn(before)).filter((other) => !sameValue(other, value)) };
}

/** With it in the text a value is not certain, or not meant. */
export function turns({ is }: Item, { explained, notTurning }: Grammar): boolean {
  if (is === 'negation' || is === 'no' || is === 'none' || is === 'dontKnow' || is === 'skip') return true;
  return turning.has(is as Kind) && !explained.has(is as Kind) && notTurning?.has(is as Kind) !== true;
}

function isTense({ is }: Item, { narrowed: tense }: Grammar): boolean {
  return tense !== undefined && is === 'past';
}

function narrowed(values: readonly Json[], items: readonly Item[], { narrowed: narrow }: Grammar): readonly Json[] {
  if (narrow === undefined) return values;
  const past = items.some(({ is }) => is === 'past');
  const future = items.some(({ is }) => is === 'future');
  return narrow(values, past === future ? null : past ? 'past' : 'future');
}

/**
 * Clauses that deny something, and clauses that do not: "not high, standard". null unless each denial has its own value, and none
 * of the values is both.
 */
function affirmed(items: readonly Item[]): readonly Item[] | null {
  const denialsIn = (clause: readonly Item[]): number => clause.filter(({ is }) => is === 'negation' || is === 'no').length;
  const isDenial = (clause: readonly Item[]): boolean => denialsIn(clause) > 0;
  const clauses = split(items, (item) => item.is === 'pause').filter((clause) => isDenial(clause) || valuesIn(clause).length > 0);
  const denials = clauses.filter(isDenial);
  if (denials.some((clause) => denialsIn(clause) !== 1 || valuesIn(clause).length === 0)) return null;
  const kept = clauses.filter((clause) => !isDenial(clause)).flat();
  const denied = new Set(denials.flatMap(valuesIn).map(canonicalJson));
  return valuesIn(kept).length === 0 || valuesIn(kept).some((value) => denied.has(canonicalJson(value))) ? null : kept;
}

/** What an item is by where it stands. */
function withoutEdges(items: readonly Item[]): readonly Item[] {
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

export function distinct(values: readonly Json[]): readonly Json[] {
  return [...new Map(values.map((value) => [canonicalJson(value), value])).values()];
}

export function split(items: readonly Item[], isEnd: (item: Item) => boolean): readonly (readonly Item[])[] {
  const parts: Item[][] = [[]];
  for (const item of items) {
    if (isEnd(item)) parts.push([]);
    else parts.at(-1)?.push(item);
  }
  return parts;
}
