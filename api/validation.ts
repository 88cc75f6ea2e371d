/** Requests against their schemas, with every mistake named: what, where, how to mend it. */
import type { z } from 'zod';
import type { Mistake } from '../domain/message.ts';
import { Problem } from './problem.ts';

export function validated<Schema extends z.ZodType>(schema: Schema, value: unknown, where: 'body' | 'query'): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => mistakesOf(issue, where));
  throw new Problem(
    'invalid_request', `${where === 'body' ? 'The body' : 'The query'} is not valid: ${errors[0]?.message ?? ''}`,
    { errors: errors.slice(0, 20) },
  );
}

function mistakesOf(issue: z.core.$ZodIssue, where: 'body' | 'query'): Mistake[] {
  const at = `/${issue.path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
  const pointer = issue.path.length === 0 ? '' : at;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}/${key}`, code: 'unknown_field', message: `There is no field ${key.slice(0, 80)} in this ${where}.`,
      fix: 'Leave it out, or correct its name.',
    }));
  }
  return [{ pointer, code: issue.code, message: `${pointer === '' ? `The ${where}` : pointer}: ${issue.message}`, fix: fixOf(issue) }];
}

function fixOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `Give a value of type ${issue.expected}.`;
  if (issue.code === 'invalid_value') return `Use one of: ${issue.values.map(String).join(', ')}.`;
  if (issue.code === 'too_big') return `Keep it at or below ${String(issue.maximum)}.`;
  if (issue.code === 'too_small') return `Keep it at or above ${String(issue.minimum)}.`;
  return 'See the schema of this route in /openapi.json.';
}

// U+0000 cannot be stored as text, lone surrogates are no characters: refused wherever they stand.
const unfit = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

export function isFitText(text: string): boolean {
  return !unfit.test(text);
}

/** Pointer of the first string or key that no store can hold, or null. `except` names members that the domain judges itself. */
export function unfitText(body: unknown, except: readonly string[]): string | null {
  const open: [value: unknown, pointer: string][] = [[body, '']];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, pointer] = next;
    if (typeof value === 'string' && !isFitText(value)) return pointer;
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, member] of Object.entries(value)) {
      if (!isFitText(key)) return pointer;
      if (pointer !== '' || !except.includes(key)) open.push([member, `${pointer}/${key}`]);
    }
  }
  return null;
}
