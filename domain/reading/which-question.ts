/** Which of two questions a text speaks of: the one that is asked, or the one before it, which it corrects: "no, 30". */
import type { Asked } from './asked.ts';
import { openingsOf } from './openings.ts';
import { readText, type PersonsClock, type Reading } from './read-text.ts';

export interface Turn { readonly of: 'current' | 'previous'; readonly reading: Reading }

/**
 * A text that begins with a correction and then says a value of the previous question amends it. Without such a beginning, and where
 * the question at hand can be answered by the whole of it ("no"), it is the answer to that one.
 * @param previous the question that was answered last; null: none, or its answer can no longer be changed.
 */
export function whichQuestion(previous: Asked | null, current: Asked, text: string, clock: PersonsClock): Turn {
  const reading = readText(current, text, clock);
  const answer: Turn = { of: 'current', reading };
  if (previous === null) return answer;
  // "no basic" denies, "no, basic" corrects
  const isChoice = previous.rule.type === 'single_choice' || previous.rule.type === 'multi_choice' || previous.rule.type === 'boolean';
  const isAnswered = reading.kind !== 'not_understood' && reading.kind !== 'ambiguous';
  if (isAnswered && (previous.rule.type === 'text' || (current.rule.type !== 'text' && reading.kind !== 'value'))) return answer;
  for (const { rest, isCertain } of openingsOf(current, text)) {
    if (!isCertain && (isChoice || previous.rule.type === 'text')) continue;
    const before = readText(previous, rest, clock);
    if (before.kind === 'value' || before.kind === 'ambiguous') return { of: 'previous', reading: before };
  }
  return answer;
}
