/** What a text says against a value that somebody else, a language model, has read out of it. */
import { isList, sameValue, type Json } from '../json.ts';
import type { Asked } from './asked.ts';
import { judgementOf, type PersonsClock } from './judgement.ts';
import { turns, valuesIn } from './items.ts';
import { distinct } from './sentence.ts';

/** They only join words that the script does not know, and say nothing against a value. */
const linking: ReadonlySet<string> = new Set(['and', 'to', 'dash', 'slash']);

/**
 * True when the text cannot mean the value: it says another one, or it denies, bounds, doubts, asks or skips. False does not make the
 * value right: it may still be a guess, so it is for the person to confirm ("Do you mean 40 people?").
 */
export function contradicts(text: string, value: Json, asked: Asked, clock: PersonsClock): boolean {
  const { judged, grammar } = judgementOf(asked, text, clock);
  const inOrder = (answer: Json): Json => (isList(answer) ? asked.rule.options.filter((option) => answer.includes(option)) : answer);
  const isSame = (other: Json): boolean => sameValue(inOrder(other), inOrder(value));
  switch (judged.kind) {
    case 'value': return !isSame(judged.value);
    case 'ambiguous': return !(grammar.joins === 'all' ? [judged.values] : judged.values).some(isSame);
    case 'help': case 'skip': case 'none': case 'dontKnow': return true;
    case 'nothing': break;
  }
  const { items } = judged;
  if (items.some((item) => item.is === 'correction' || (!linking.has(item.is) && turns(item, grammar)))) return true;
  const found = distinct(valuesIn(items));
  return found.length > 0 && !(grammar.joins === 'all' ? [found] : found).some(isSame);
}
