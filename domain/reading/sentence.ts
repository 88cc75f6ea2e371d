/**
 * What a whole text says, once each part of it is known. Every word is a value, or has a meaning that this type of question knows, or is
 * left unexplained; with one of the latter nothing is taken.
 */
import type { Json } from '../json.ts';
import { canonicalJson, sameValue } from '../json.ts';
import { answers, itemsOf, turning, turns, valuesIn, withoutEdges, type Grammar, type Item } from './items.ts';
import type { Kind } from './meaning.ts';
import type { View } from './view.ts';

export type Judged =
  | { readonly kind: 'value'; readonly value: Json; readonly asides: readonly Item[]; readonly replaces: readonly Json[] }
  | { readonly kind: 'ambiguous'; readonly values: readonly Json[] }
  | { readonly kind: 'help' | 'skip' | 'none' | 'dontKnow' }
  /** `items`: the whole text, for whoever can explain more of it. */
  | { readonly kind: 'nothing'; readonly unexplained: readonly Item[]; readonly items: readonly Item[] };

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
