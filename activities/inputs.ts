/** What the inputs of tasks have in common. */
import { z } from 'zod';
import type { Json } from '../domain/json.ts';
import type { Payer } from './model/payer.ts';

export const sessionTask = z.object({
  correlation_id: z.string(), tenant: z.string(), session_id: z.uuid(),
});

/** Whose budget a task uses. Optional: sessions that began before it was known send none, and then pay for themselves. */
export const owner = z.string().nullable().default(null);

export function payerOf(
  { tenant, session_id, owner: user }: { readonly tenant: string; readonly session_id: string; readonly owner: string | null },
): Payer {
  return { tenant, user: user ?? `session:${session_id}` };
}

export const flowVersion = z.object({ id: z.string(), version: z.number().int() });

export const json: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);
export const values = z.record(z.string(), json);
