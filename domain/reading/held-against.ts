/** What a text says about a value that somebody else, a language model, has read out of it. */
import type { Json } from '../json.ts';
import { canonicalJson, isList } from '../json.ts';
import type { Asked } from './asked.ts';
import { judgementOf, type PersonsClock } from './judgement.ts';
import { distinct, split, turns, valuesIn, type Item } from './sentence.ts';

/**
 * supported: the text says this value and no other, in a clause that leaves nothing unexplained; open: it says neither this nor another
 * value, so the value is a guess, to be confirmed; contradicted: it says another value, or turns, asks, skips or denies.
 */
export type Support = 'supported' | 'open' | 'contradicted';

/** They only join words that the script does not know, and say nothing against a value. */
const linking: ReadonlySet<string> = new Set(['and', 'to', 'dash', 'slash']);

export function heldAgainst(value: Json, asked: Asked, text: string, clock: PersonsClock): Support {
  const { judged, grammar } = judgementOf(asked, text, clock);
  const isSame = (other: Json): boolean => sameAnswer(other, value, asked.rule.options);
  switch (judged.kind) {
    case 'value': return isSame(judged.value) ? 'supported' : 'contradicted';
    case 'ambiguous': return judged.values.some(isSame) ? 'open' : 'contradicted';
    case 'help': case 'skip': case 'none': case 'dontKnow': return 'contradicted';
    case 'nothing': break;
  }
  const { items } = judged;
  if (items.some((item) => !linking.has(item.is) && turns(item, grammar))) return 'contradicted';
  const found = distinct(valuesIn(items));
  if (found.length === 0) return 'open';
  const meant = grammar.joins === 'all' ? [found] : found;
  if (!meant.some(isSame)) return 'contradicted';
  const clauses = split(items, ({ is }) => is === 'pause').filter((clause) => valuesIn(clause).length > 0);
  const isClear = (clause: readonly Item[]): boolean => clause.every((item) => item.is !== 'unknown' && (item.is !== 'value' || !item.unsure));
  return meant.length === 1 && clauses.every(isClear) ? 'supported' : 'open';
}

function sameAnswer(one: Json, other: Json, options: readonly string[]): boolean {
  const inOrder = (value: Json): Json => (isList(value) ? options.filter((option) => value.includes(option)) : value);
  return canonicalJson(inOrder(one)) === canonicalJson(inOrder(other));
}
