/** Numbers in a query come as text, of which JavaScript would take more for one than people mean: `` for 0, `0x10` for 16. */
import { z } from 'zod';
import { unwrapped } from './unwrapped.ts';

/** Digits, with a decimal point where one is meant. */
const numeral = /^[+-]?\d{1,20}(\.\d{1,20})?$/;

/** The query with what is no number, where one is expected, as what its schema refuses. */
export function withNumbers(schema: z.ZodType, query: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!(schema instanceof z.ZodObject)) return query;
  const members = schema.shape as Readonly<Record<string, z.ZodType>>;
  return Object.fromEntries(Object.entries(query).map(([name, text]) => (
    typeof text === 'string' && isNumber(members[name]) && !numeral.test(text) ? [name, Number.NaN] : [name, text]
  )));
}

function isNumber(member: z.ZodType | undefined): boolean {
  if (member === undefined) return false;
  const schema = unwrapped(member);
  return schema instanceof z.ZodNumber || (schema instanceof z.ZodPipe && schema.in instanceof z.ZodNumber);
}
