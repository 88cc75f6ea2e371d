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
  const isAnswered = reading.kind !== 'not_understood' && reading.kind !== 'ambiguous';
  if (isAnswered && (previous.rule.type === 'text' || (current.rule.type !== 'text' && reading.kind !== 'value'))) return answer;
  const before = amendment(previous, current, text, clock);
  return before === null ? answer : { of: 'previous', reading: before };
}

/**
 * What a text says of the question that was answered last when it begins with a correction; null: nothing.
 * @param current the question that is asked, whose own words the text may use as well; without one the previous itself.
 */
export function amendment(previous: Asked, current: Asked, text: string, clock: PersonsClock): Reading | null {
  const { type } = previous.rule;
  // "no basic" denies, "no, basic" corrects
  const needsCertainty = type === 'single_choice' || type === 'multi_choice' || type === 'boolean' || type === 'text';
  for (const { rest, isCertain } of openingsOf(current, text)) {
    if (!isCertain && needsCertainty) continue;
    const reading = readText(previous, rest, clock);
    if (reading.kind === 'value' || reading.kind === 'ambiguous') return reading;
  }
  return null;
}
