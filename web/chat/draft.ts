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
      return part('text') === '' ? null : /^\S+@\S+$/.test(part('text')) ? { value: part('text') } : { text: part('text') };
    case 'number':
      return part('text') === '' ? null : /^[+-]?\d+(\.\d+)?$/.test(part('text')) ? { value: Number(part('text')) } : { text: part('text') };
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
  if (value === null) return {};
  if (type === 'boolean' || type === 'single_choice') return { choice: String(value) };
  if (type === 'multi_choice' && Array.isArray(value)) return Object.fromEntries((value as Json[]).map((each) => [String(each), chosen]));
  if (type === 'date') {
    const [year = '', month = '', day = ''] = String(value).split('-');
    return { day, month, year };
  }
  if (type === 'time_range' && typeof value === 'object' && 'start' in value) {
    return { from: String(value['start']), until: String(value['end']) };
  }
  return type === 'file' ? {} : { text: String(value) };
}
