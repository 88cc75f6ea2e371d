/**
 * The input of a task as fields of a form, by its schema: texts, numbers, choices, and JSON where a value has no fixed parts. Values
 * are edited as texts; what a text cannot be turned into is sent as it is, for the service to judge.
 */
import type { WholeTask } from '../client/contract.ts';

export type Value = WholeTask['input'];
export type Kind = 'text' | 'number' | 'boolean' | 'choice' | 'json';

export interface InputField {
  /** Of the value in the input: `/flow/id`. */
  readonly pointer: string;
  readonly label: string;
  readonly kind: Kind;
  readonly choices: readonly string[];
  /** An empty text is null. */
  readonly isNullable: boolean;
  /** As it was; undefined: it was not there. */
  readonly value: Value | undefined;
  readonly isHidden: boolean;
}

/** Texts of fields that were touched, by pointer. */
export type Edits = ReadonlyMap<string, string>;

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
}

/** How a hidden value begins; it goes back as it came. */
const mask = '•••';
const depthMax = 3;

export function fieldsOf(task: Pick<WholeTask, 'input' | 'input_schema'>): readonly InputField[] {
  return fieldsBelow(isRecord(task.input_schema) ? task.input_schema : {}, task.input, [], 0);
}

function fieldsBelow(given: Schema, value: Value | undefined, path: readonly string[], depth: number): InputField[] {
  const { schema, isNullable } = withoutNull(given);
  const { properties } = schema;
  if (properties !== undefined && depth < depthMax && (isRecord(value) || path.length === 0)) {
    const members: Readonly<Record<string, Value | undefined>> = isRecord(value) ? value : {};
    // what the schema does not know is shown, and judged by the service
    const names = [...new Set([...Object.keys(properties), ...Object.keys(members)])];
    return names.flatMap((name) => fieldsBelow(properties[name] ?? {}, members[name], [...path, name], depth + 1));
  }
  const choices = schema.enum?.every((each) => typeof each === 'string') === true ? schema.enum : [];
  const isHidden = typeof value === 'string' && value.startsWith(mask);
  return [{
    pointer: `/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`, label: path.join(' / '),
    kind: kindOf(schema, value, choices), choices, isNullable, value, isHidden,
  }];
}

/** A schema that also takes null says so in one of two ways. */
function withoutNull(given: Schema): { readonly schema: Schema; readonly isNullable: boolean } {
  if (typeof given.type === 'object') {
    const [only, ...more] = given.type.filter((each) => each !== 'null');
    const isNullable = given.type.includes('null');
    return { schema: only === undefined || more.length > 0 ? given : { ...given, type: only }, isNullable };
  }
  const isNullable = given.anyOf?.some(({ type }) => type === 'null') === true;
  return { schema: isNullable && given.anyOf?.length === 2 ? given.anyOf.find(({ type }) => type !== 'null') ?? given : given, isNullable };
}

function kindOf({ type }: Schema, value: Value | undefined, choices: readonly string[]): Kind {
  if (choices.length > 0) return 'choice';
  if (type === 'boolean') return 'boolean';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'string' || (type === undefined && typeof value === 'string')) return 'text';
  return 'json';
}

/** What stands in the control. A hidden value stands as nothing, and stays as it is unless something is typed. */
export function textOf({ kind, value, isHidden }: InputField): string {
  if (value === undefined || value === null || isHidden) return '';
  return kind === 'json' || typeof value !== 'string' ? JSON.stringify(value, null, kind === 'json' ? 2 : 0) : value;
}

export interface Change { readonly field: InputField; readonly text: string }

export function changesOf(fields: readonly InputField[], edits: Edits): readonly Change[] {
  return fields.flatMap((field) => {
    const text = edits.get(field.pointer);
    return text === undefined || text === textOf(field) ? [] : [{ field, text }];
  });
}

/** Fields whose text is no JSON, though it has to be. */
export function unreadable(changes: readonly Change[]): readonly InputField[] {
  return changes.flatMap(({ field, text }) => (field.kind === 'json' && parsed(text) === undefined && text.trim() !== '' ? [field] : []));
}

/** The input with its changes. */
export function amended(input: Value, changes: readonly Change[]): Value {
  const copy = structuredClone(input);
  for (const { field, text } of changes) {
    const parts = field.pointer.slice(1).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = parts.pop() ?? '';
    let target: unknown = copy;
    for (const part of parts) target = isRecord(target) ? target[part] : undefined;
    if (!isRecord(target)) continue;
    const value = valueOf(field, text);
    if (value === undefined) delete target[last];
    else target[last] = value as Value;
  }
  return copy;
}

function valueOf({ kind, isNullable }: InputField, text: string): unknown {
  if (text === '' && isNullable) return null;
  if (kind === 'json') return text.trim() === '' ? undefined : parsed(text);
  if (kind === 'boolean') return text === 'true';
  if (kind === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The field that a mistake at a pointer below /input belongs to; null: none. */
export function fieldAt(fields: readonly InputField[], pointer: string): InputField | null {
  const inside = pointer.replace(/^\/input/, '');
  return fields.find((field) => inside === field.pointer || inside.startsWith(`${field.pointer}/`)) ?? null;
}

function isRecord(value: unknown): value is Record<string, Value> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
