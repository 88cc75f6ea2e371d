/** What the inputs of tasks have in common. */
import { z } from 'zod';
import type { Json } from '../domain/json.ts';

export const sessionTask = z.object({
  correlation_id: z.string(), tenant: z.string(), session_id: z.uuid(),
});

export const flowVersion = z.object({ id: z.string(), version: z.number().int() });

export const json: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);
export const values = z.record(z.string(), json);
