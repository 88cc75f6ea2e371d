import type { QuestionRule } from '../../domain/flow.ts';
import type { Json } from '../../domain/json.ts';
import { optionSaid, type LabelsByLanguage } from '../../domain/reading/scripted.ts';
import { visibleText } from './visible-text.ts';

/**
 * What a model proposed, as the question's own type where nothing is lost on the way: "12" and 12.0 are 12, an option may be
 * named by its label. Nothing becomes a number or a yes that was not one. undefined when it is no such value; whether the
 * value is a right answer `validateAnswer` says. null is never one: only a person skips a question.
 */
export function proposedValue(rule: QuestionRule, labels: LabelsByLanguage, language: string, proposed: unknown): Json | undefined {
  const value = typeof proposed === 'string' ? visibleText(proposed).trim() : proposed;
  switch (rule.type) {
    case 'number':
      return numberOf(value);
    case 'boolean':
      return typeof value === 'boolean' ? value : yesOrNo.get(typeof value === 'string' ? value.toLowerCase() : '');
    case 'single_choice':
      return optionOf(rule, labels, language, value);
    case 'multi_choice':
      return optionsOf(rule, labels, language, value);
    case 'time_range':
      return timeRangeOf(value);
    case 'text':
    case 'date':
    case 'email':
      return typeof value === 'string' && value !== '' ? value : undefined;
    case 'file':
      return undefined; // an upload's id is looked up, not read
  }
}

const yesOrNo: ReadonlyMap<string, boolean> = new Map([['true', true], ['yes', true], ['false', false], ['no', false]]);

/** Plain decimals of up to 15 digits are exactly the number they are written as. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(value) || value.replace(/\D/g, '').length > 15) return undefined;
  return Number(value);
}

function optionOf(rule: QuestionRule, labels: LabelsByLanguage, language: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return rule.options.includes(value) ? value : optionSaid(rule, labels, value, language) ?? undefined;
}

/** One text is one option: a list inside of it would be a second reading. No option at all is no answer: only a person skips. */
function optionsOf(rule: QuestionRule, labels: LabelsByLanguage, language: string, value: unknown): readonly string[] | undefined {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (items.length === 0 || items.length > rule.options.length) return undefined;
  const options = items.map((item) => optionOf(rule, labels, language, typeof item === 'string' ? visibleText(item).trim() : item));
  return options.every((option) => option !== undefined) ? options : undefined;
}

function timeRangeOf(value: unknown): Json | undefined {
  if (typeof value !== 'object' || value === null || !('start' in value) || !('end' in value)) return undefined;
  const [start, end] = [value.start, value.end].map((time) => (typeof time === 'string' ? time.trim().replace(/^\d:/, '0$&') : undefined));
  return start === undefined || end === undefined ? undefined : { start, end };
}
