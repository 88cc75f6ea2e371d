import { z } from 'zod';

/** A schema without what only says that it may be missing, or may not be changed. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly
    || schema instanceof z.ZodDefault;
  return wraps ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}
