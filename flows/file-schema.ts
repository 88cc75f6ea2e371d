import { z } from 'zod';
import { questionTypes } from '../domain/flow.ts';
import type { FlowSource, Path } from './source.ts';
import { mended } from './stand-ins.ts';
import type { Part, StandIns } from './stand-ins.ts';

/*
 * The shape of a flow file. Each question and recommendation is parsed on its own, so that a mistake in one hides
 * none in another, and none further down in the same one. A text is written by language, or as one text in the default language.
 */

const id = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be a lower-case name: letters, digits and _, at most 64');
const writtenText = z
  .string()
  .max(2000, 'must have at most 2000 characters')
  .refine((text) => text.isWellFormed() && !text.includes('\u0000'), 'must be well-formed Unicode without U+0000');
const text = z.union([writtenText, z.record(z.string(), writtenText.nullable())], {
  error: 'must be a text of at most 2000 characters, or such texts by language like { en: … }',
});
const limit = z.union([z.number(), z.string()], { error: 'must be a number, or a date for a date question' });
const expressionOrLiteral = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be an expression, a number, true or false',
});

export const HeaderSchema = z.strictObject({
  id,
  version: z.int().min(1, 'must be 1 or more').max(1_000_000, 'must be at most 1000000'),
  default_language: z.string(),
  languages: z
    .array(z.string().regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'must be a language tag like en or pt-BR').max(35))
    .min(1, 'must name at least one language')
    .max(50, 'must name at most 50 languages'),
  title: text,
  description: text.optional(),
  reminders: z.boolean().optional(),
  questions: z.array(z.unknown()).min(1, 'must have at least one question'),
  recommendations: z.array(z.unknown()).max(100, 'must have at most 100 rules').default([]),
});

export const QuestionSchema = z.strictObject({
  id,
  type: z.enum(questionTypes),
  required: z.boolean().default(true),
  pii: z.boolean().default(false),
  when: z.string().optional(),
  prompt: text,
  help: text.optional(),
  retry_text: text.optional(),
  options: z
    .array(
      z.strictObject({
        value: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be letters, digits, _ . or -, at most 64'),
        label: text,
      }),
    )
    .min(1, 'must have at least one option')
    .max(200, 'must have at most 200 options')
    .optional(),
  min: limit.optional(),
  max: limit.optional(),
  integer: z.boolean().optional(),
  bands: z.array(z.number()).min(1, 'must have at least one bound').max(19, 'must have at most 19 bounds').optional(),
  pattern: z.string().optional(),
  group: z.string().min(1, 'must not be empty').max(64, 'must have at most 64 characters').optional(),
});

export const RecommendationSchema = z.strictObject({
  id,
  when: z.string().optional(),
  target: z.strictObject({ type: z.string(), key: z.string() }),
  operation: z.enum(['upsert', 'delete']).default('upsert'),
  values: z.record(z.string(), expressionOrLiteral).default({}),
  confidence: z.number().min(0, 'must be 0 or more').max(1, 'must be 1 or less'),
  always: z.boolean().default(false),
  depends_on: z.array(z.string()).default([]),
  rationale: text,
});

export type WrittenText = z.infer<typeof text>;
export type WrittenHeader = z.infer<typeof HeaderSchema>;
export type WrittenQuestion = z.infer<typeof QuestionSchema>;
export type WrittenRecommendation = z.infer<typeof RecommendationSchema>;

const wrongText = '?';

/** In the place of a text: the languages that are right stay as they are. */
function textInstead(value: unknown): WrittenText {
  if (typeof value !== 'object' || value === null) return wrongText;
  const entries = Object.entries(value).map(([language, words]): [string, string | null] => {
    const read = writtenText.nullable().safeParse(words);
    return [language, read.success ? read.data : wrongText];
  });
  return Object.fromEntries(entries);
}

/** In the place of a wrong option's value: none that an author would choose, and no other option's. */
const optionInstead = (at: number): string => `wrong.option.${at}`;

const standIns: StandIns = (place, value, at) => {
  switch (place) {
    case 'id': return 'wrong_id';
    case 'type': return 'text';
    case 'prompt': case 'help': case 'retry_text': case 'options.*.label': case 'title': case 'description': case 'rationale':
      return textInstead(value);
    case 'options.*': return { value: optionInstead(at), label: wrongText };
    case 'options.*.value': return optionInstead(at);
    case 'version': return 1;
    case 'default_language': return 'en';
    case 'languages': return ['en'];
    case 'languages.*': return 'en';
    case 'questions': return [null];
    case 'target': return { type: wrongText, key: "''" };
    case 'target.type': return wrongText;
    case 'target.key': return "''";
    case 'confidence': return 1;
    case 'depends_on.*': return wrongText;
    default: return undefined;
  }
};

/**
 * A part of the file in its shape. Its mistakes are noted; what is wrong has stand-ins, and a wrong id stays as it was written
 * (empty when it is no text). Null when nothing of the part can be read.
 */
export function parsePart<T extends { readonly id: string }>(
  schema: z.ZodType<T>, value: unknown, path: Path, source: FlowSource,
): Part<T> | null {
  const result = schema.safeParse(value);
  if (result.success) return { data: result.data, wrong: new Set() };
  const { issues } = result.error;
  for (const issue of issues) {
    const at = [...path, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) source.reportField(at, key, `unknown field '${key}'`);
    } else {
      source.report(at, reasonOf(issue, at, source));
    }
  }
  const part = mended(value, issues, standIns);
  const again = part === null ? null : schema.safeParse(part.data);
  if (part === null || again?.success !== true) return null;
  return { data: { ...again.data, id: writtenId(value) }, wrong: part.wrong };
}

/** The id of a part as it was written, or '' when it is none. */
export function writtenId(part: unknown): string {
  return typeof part === 'object' && part !== null && 'id' in part && typeof part.id === 'string' ? part.id : '';
}

function reasonOf(issue: z.core.$ZodIssue, at: Path, source: FlowSource): string {
  const field = String(at.at(-1) ?? 'the file');
  if (at.length > 0 && !source.has(at)) return `missing field '${field}'`;
  if (issue.code === 'invalid_type') return `'${field}' must be ${article(issue.expected)}`;
  if (issue.code === 'invalid_value') return `'${field}' must be one of ${issue.values.map(String).join(', ')}`;
  return `'${field}' ${issue.message}`;
}

function article(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'a text (quote it if it looks like a number)',
    int: 'a whole number',
    object: 'a map of fields',
    array: 'a list',
    record: 'a map',
    boolean: 'true or false',
  };
  return (Object.hasOwn(words, expected) ? words[expected] : undefined) ?? `a ${expected}`;
}
