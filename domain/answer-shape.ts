/** What an answer looks like, for those who are to see that there is one and not what it says. */
import { isList, type Json } from './json.ts';

export const shapeTypes = ['text', 'number', 'boolean', 'list', 'object', 'none'] as const;

/** `length`: code points of a text, items of a list, members of an object. */
export interface Shape { readonly type: (typeof shapeTypes)[number]; readonly length?: number }

export function shapeOf(value: Json): Shape {
  if (value === null) return { type: 'none' };
  if (typeof value === 'string') return { type: 'text', length: Array.from(value).length };
  if (typeof value === 'number') return { type: 'number' };
  if (typeof value === 'boolean') return { type: 'boolean' };
  return isList(value) ? { type: 'list', length: value.length } : { type: 'object', length: Object.keys(value).length };
}
