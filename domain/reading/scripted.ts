/** A reading as a value or nothing, for callers that ask no further. */
import type { QuestionRule } from '../flow.ts';
import type { Json } from '../json.ts';
import { asked, type LabelsByLanguage } from './asked.ts';
import { readText, type PersonsClock } from './read-text.ts';
import { folded } from './tokens.ts';

export type { LabelsByLanguage } from './asked.ts';
export interface ScriptedReading { readonly value: Json }

/**
 * @param labels of a choice; {} when there are none. The session's language counts before the others.
 * @returns the one certain value, null as a value for a skip; null when there is none.
 */
export function readScripted(
  rule: QuestionRule, labels: LabelsByLanguage, text: string, language: string, clock: PersonsClock = { today: null },
): ScriptedReading | null {
  const reading = readText(asked(rule, labels, language), text, clock);
  if (reading.kind === 'value') return { value: reading.value };
  return reading.kind === 'skip' ? { value: null } : null;
}

/** The option that a text is, by value or label; null when it says more than that, or less. */
export function optionSaid(rule: QuestionRule, labels: LabelsByLanguage, text: string, language: string): string | null {
  const said = folded(text);
  const named = (tag: string) => rule.options.filter((option) => folded(labels[tag]?.[option] ?? '') === said);
  const others = Object.keys(labels).filter((tag) => tag !== language).flatMap(named);
  for (const found of [[...rule.options.filter((option) => folded(option) === said), ...named(language)], others]) {
    const options = new Set(found);
    if (options.size > 0) return options.size === 1 ? [...options][0] ?? null : null;
  }
  return null;
}
