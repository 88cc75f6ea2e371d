/** What stands in the controls of a question, and what it says. */
import type { Json } from '../../domain/json.ts';
import type { AskedQuestion } from '../client/contract.ts';

/** By control: `text`; `choice`; the value of each chosen option; `day`, `month`, `year`; `from`, `until`; `upload`, `name`. */
export type Draft = Readonly<Record<string, string>>;

/** A value, or words for the service to read. null: nothing was said. */
export type Said = { readonly value: Json } | { readonly text: string } | null;

export const chosen = 'chosen';

export function saidBy({ type, options }: AskedQuestion, draft: Draft): Said {
  const part = (name: string): string => (draft[name] ?? '').trim();
  switch (type) {
    case 'text':
      return draft['text'] === undefined || part('text') === '' ? null : { value: draft['text'] };
    case 'email':
    case 'number':
      return part('text') === '' ? null : typed(type, part('text'));
    case 'boolean':
      return part('choice') === '' ? null : { value: part('choice') === 'true' };
    case 'single_choice':
      return part('choice') === '' ? null : { value: part('choice') };
    case 'multi_choice': {
      const values = options.map(({ value }) => value).filter((value) => draft[value] === chosen);
      return values.length === 0 ? null : { value: values };
    }
    case 'date':
      return dateIn(part('day'), part('month'), part('year'));
    case 'time_range':
      return rangeIn(part('from'), part('until'));
    case 'file':
      return part('upload') === '' ? null : { value: part('upload') };
  }
}

function typed(type: 'email' | 'number', text: string): Said {
  if (type === 'number') return /^[+-]?\d+(\.\d+)?$/.test(text) ? { value: Number(text) } : { text };
  return /^\S+@\S+$/.test(text) ? { value: text } : { text };
}

function dateIn(day: string, month: string, year: string): Said {
  const words = [day, month, year].filter((part) => part !== '');
  if (words.length === 0) return null;
  const isNumbers = /^\d{1,2}$/.test(day) && /^\d{1,2}$/.test(month) && /^\d{4}$/.test(year);
  return isNumbers ? { value: `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}` } : { text: words.join(' ') };
}

function rangeIn(from: string, until: string): Said {
  if (from === '' && until === '') return null;
  const [start, end] = [clock(from), clock(until)];
  return start === null || end === null ? { text: [from, until].filter((part) => part !== '').join(' - ') } : { value: { start, end } };
}

/** `9:30` → `09:30`, `17` → `17:00`; null: words. */
function clock(text: string): string | null {
  const match = /^(\d{1,2})(?:[:.](\d{2}))?$/.exec(text);
  return match === null ? null : `${(match[1] ?? '').padStart(2, '0')}:${match[2] ?? '00'}`;
}

/** The controls for a value that was given before. */
export function draftOf({ type }: AskedQuestion, value: Json): Draft {
  if (value === null || type === 'file') return {};
  if (type === 'boolean' || type === 'single_choice') return { choice: plain(value) };
  if (type === 'multi_choice') return Object.fromEntries(listed(value).map((each) => [each, chosen]));
  if (type === 'date') {
    const [year = '', month = '', day = ''] = plain(value).split('-');
    return { day, month, year };
  }
  if (type === 'time_range') {
    const { start, end } = rangeOf(value);
    return { from: start, until: end };
  }
  return { text: plain(value) };
}

/** As text, whatever it is. */
export function plain(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Of an answer to a multi_choice. */
export function listed(value: Json): readonly string[] {
  return Array.isArray(value) ? value.map(plain) : [];
}

/** Of an answer to a time_range. */
export function rangeOf(value: Json): { readonly start: string; readonly end: string } {
  return value !== null && typeof value === 'object' && 'start' in value
    ? { start: plain(value['start'] ?? ''), end: plain(value['end'] ?? '') } : { start: '', end: '' };
}
