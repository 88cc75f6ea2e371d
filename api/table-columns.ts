/** The columns of a table without rows, from the schema of what its rows would be: a file that is empty still says of what. */
import { z } from 'zod';
import { unwritten, type Column } from '../analytics/reports/report-table.ts';
import { unwrapped } from './unwrapped.ts';

/** As tableOf names them: members of objects by their path, a list of numbers as `low` and `high`. `list`: schema of the rows together. */
export function columnsOf(list: z.ZodType): readonly Column[] {
  const rows = unwrapped(list);
  const columns = rows instanceof z.ZodArray ? columnsIn(rows.element as z.ZodType, '') : [];
  // the forms that a row may have share members
  return [...new Map(columns.map((column) => [column.name, column])).values()];
}

function columnsIn(given: z.ZodType, path: string): Column[] {
  const schema = unwrapped(given);
  const below = (name: string, member: z.ZodType): Column[] => (
    unwritten.has(name) ? [] : columnsIn(member, path === '' ? name : `${path}.${name}`)
  );
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((form) => columnsIn(form as z.ZodType, path));
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape).flatMap(([name, member]) => below(name, member as z.ZodType));
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum) {
    return schema.keyType.options.flatMap((name) => below(String(name), schema.valueType as z.ZodType));
  }
  if (schema instanceof z.ZodArray && unwrapped(schema.element as z.ZodType) instanceof z.ZodNumber) {
    return ['low', 'high'].map((end) => ({ name: `${path}.${end}`, type: 'number' }));
  }
  return [{ name: path, type: schema instanceof z.ZodNumber ? 'number' : schema instanceof z.ZodBoolean ? 'boolean' : 'text' }];
}
