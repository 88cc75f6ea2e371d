/** Requests against their schemas, with every mistake named: what, where, how to mend it. */
import type { z } from 'zod';
import type { Mistake } from '../domain/message.ts';
import { Problem } from './problem.ts';

/** A rule that a schema adds by refine(): what is said of what breaks it (after its name), and how to mend it. */
export interface Rule { readonly message: string; readonly params: { readonly code: string; readonly fix: string } }

export function rule(code: string, message: string, fix: string): Rule {
  return { message, params: { code, fix } };
}

export const mistakesMax = 20;

export function validated<Schema extends z.ZodType>(schema: Schema, value: unknown, where: 'body' | 'query'): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => mistakesOf(issue, value, where));
  throw new Problem(
    'invalid_request', `${where === 'body' ? 'The body' : 'The query'} is not valid: ${errors[0]?.message ?? ''}`,
    { errors: errors.slice(0, mistakesMax) },
  );
}

/** Of a name that the caller made up, characters that are said back. */
const shownCharacters = 80;

/** One step of a JSON pointer (RFC 6901). */
function step(part: PropertyKey): string {
  return `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function mistakesOf(issue: z.core.$ZodIssue, value: unknown, where: 'body' | 'query'): Mistake[] {
  const pointer = issue.path.map(step).join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}${step(key.slice(0, shownCharacters))}`, code: 'unknown_field',
      message: `There is no field ${key.slice(0, shownCharacters)} in this ${where}.`,
      fix: 'Leave it out, or correct its name.',
    }));
  }
  const named = pointer === '' ? `The ${where}` : pointer;
  if (issue.path.length > 0 && isMissing(value, issue.path)) {
    return [{ pointer, code: 'missing_field', message: `${named} is missing.`, fix: `Add it. ${fixOf(issue)}` }];
  }
  return [{ pointer, code: codeOf(issue), message: `${named}: ${issue.message}`, fix: fixOf(issue) }];
}

/** Whether nothing stands there. */
function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return false;
    at = (at as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return at === undefined;
}

function codeOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'custom' ? ruleOf(issue).code : issue.code;
}

/** Every rule of ours says how to mend what breaks it: one that does not is a fault of ours, found by its test. */
function ruleOf({ params }: z.core.$ZodIssueCustom): Rule['params'] {
  if (typeof params?.['code'] === 'string' && typeof params['fix'] === 'string') return { code: params['code'], fix: params['fix'] };
  throw new Error('A rule of a schema does not say how to mend what breaks it.');
}

function fixOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'custom': return ruleOf(issue).fix;
    case 'invalid_type': return `Give ${kinds[issue.expected] ?? `a value of type ${issue.expected}`}.`;
    case 'invalid_value': return `Use one of: ${issue.values.map(String).join(', ')}.`;
    case 'too_big': return `Keep it at or below ${String(issue.maximum)}${unitOf(issue.origin)}.`;
    case 'too_small': return `Keep it at or above ${String(issue.minimum)}${unitOf(issue.origin)}.`;
    case 'not_multiple_of': return `Give a multiple of ${issue.divisor}.`;
    case 'invalid_format': return formats[issue.format] ?? `Give text of the form ${issue.pattern ?? issue.format}.`;
    case 'unrecognized_keys': return 'Leave them out, or correct their names.';
    case 'invalid_key': return `Correct the name. ${issue.issues.map(fixOf).join(' ')}`;
    case 'invalid_element': return issue.issues.map(fixOf).join(' ');
    case 'invalid_union': return [...new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : [fixOf(first)])))].join(' Or: ');
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text', number: 'a number', int: 'a whole number', boolean: 'true or false', array: 'a list: [ … ]', object: 'an object: { … }',
  record: 'an object: { … }', null: 'null',
};

const formats: Readonly<Record<string, string>> = {
  uuid: 'Give a UUID, such as 0b0e7a52-6f1c-4d0a-9a3e-0c8f5b7f2d11.',
  datetime: 'Give a time with its offset, such as 2026-11-25T08:30:00Z.',
};

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' items' : '';
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
      if (pointer !== '' || !except.includes(key)) open.push([member, `${pointer}${step(key)}`]);
    }
  }
  return null;
}
