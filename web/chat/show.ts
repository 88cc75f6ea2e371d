/** Values as a person reads them. */
import type { Json } from '../../domain/json.ts';
import type { AskedQuestion } from '../client/contract.ts';
import { listed, plain, rangeOf } from './draft.ts';
import type { Words } from './words/en.ts';

export function shown({ type, options }: AskedQuestion, value: Json, w: Words): string {
  if (value === null) return w.skipped;
  const label = (each: Json): string => options.find((option) => option.value === each)?.label ?? plain(each);
  switch (type) {
    case 'boolean':
      return value === true ? w.yes : w.no;
    case 'single_choice':
      return label(value);
    case 'multi_choice':
      return new Intl.ListFormat(w.tag, { type: 'conjunction' }).format(listed(value).map(label));
    case 'number':
      return typeof value === 'number' ? new Intl.NumberFormat(w.tag).format(value) : plain(value);
    case 'date':
      return dayOf(plain(value), w.tag);
    case 'time_range': {
      const { start, end } = rangeOf(value);
      return w.range(start, end);
    }
    case 'file':
      return w.file;
    default:
      return plain(value);
  }
}

/** `2026-03-29`, a day of no zone. */
function dayOf(text: string, tag: string): string {
  const day = new Date(`${text}T00:00:00Z`);
  return Number.isNaN(day.getTime()) ? text : new Intl.DateTimeFormat(dated(tag), { dateStyle: 'full', timeZone: 'UTC' }).format(day);
}

/** Where English is all that is known, the day comes before the month, as in the questions for one. */
const dated = (tag: string): string => (tag === 'en' ? 'en-GB' : tag);

export function moment(iso: string, tag: string): string {
  return new Intl.DateTimeFormat(dated(tag), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
}
