/**
 * Schemas as programs read them: the same ones that check, in the plainest words that mean the same. Generators of clients
 * know a part of JSON Schema only; docs/decisions/0023 says which words were too many for which of them.
 */
import type { ZodOpenApiOverride, ZodOpenApiOverrideContext } from 'zod-openapi/api';

type Schema = ZodOpenApiOverrideContext['jsonSchema'];

/** Formats say all that their patterns say. */
const ownPattern = new Set(['uuid', 'date-time', 'email']);

export const plainer: ZodOpenApiOverride = ({ jsonSchema: schema, io }) => {
  if (schema.pattern !== undefined && ownPattern.has(schema.format ?? '')) delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  // what a name may be is checked, and is nothing that a generated client could say
  delete schema.propertyNames;
  // an answer may have more than its reader knows
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
  // every answer is for reading
  delete schema.readOnly;
  withoutAlternatives(schema);
  if (io === 'input') for (const member of Object.values(schema.properties ?? {})) defaultInWords(member);
};

/** openapi-typescript takes a member of a request that has a default for one that has to be sent. */
function defaultInWords(member: Schema | boolean): void {
  if (typeof member === 'boolean' || member.default === undefined) return;
  const words = `Default: ${JSON.stringify(member.default)}`;
  member.description = member.description === undefined ? words : `${member.description}. ${words}`;
  delete member.default;
}

/** `anyOf` of plain types, null among them, as one schema with several types. */
function withoutAlternatives(schema: Schema): void {
  const { anyOf: parts } = schema;
  if (parts === undefined) return;
  const plain = parts.filter((part): part is Schema => !('$ref' in part) && typeof part.type === 'string' && isPlain(part.type));
  const detailed = plain.filter((part) => Object.keys(part).length > 1);
  // the details of two would not say which of them they speak of
  if (plain.length < parts.length || detailed.length > 1) return;
  delete schema.anyOf;
  Object.assign(schema, ...detailed, { type: plain.map((part) => part.type) });
  if (schema.enum !== undefined) schema.enum = [...schema.enum, ...(plain.some((part) => part.type === 'null') ? [null] : [])];
}

function isPlain(type: string): boolean {
  return type !== 'object' && type !== 'array';
}
