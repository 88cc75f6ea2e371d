/** A business unit with its shifts, or nothing. Done twice it is done once. */
import { z } from 'zod';
import { sessionTask } from '../../../activities/inputs.ts';
import { defineTask } from '../../../activities/task.ts';

const shift = z.object({
  key: z.string(), name: z.string(), starts_at: z.string(), ends_at: z.string(), headcount: z.number().int().positive(),
});

export const openUnit = defineTask({
  name: 'openUnit', timeoutMs: 30_000,
  input: sessionTask.extend({
    key: z.string(), name: z.string(), expected_users: z.number().int().positive(), shifts: z.array(shift).max(50),
  }),
  run: async ({ tenant, key, name, expected_users, shifts }, { stores: { db } }) => db.asTenant(tenant).transaction(async (tx) => {
    await tx.query(
      `INSERT INTO configuration.business_units (tenant, key, name, type, expected_users, opens_at, closes_at) VALUES ($1, $2, $3,
         'office', $4, '08:00', '18:00')
       ON CONFLICT (tenant, key) DO NOTHING`, [tenant, key, name, expected_users],
    );
    for (const { key: shiftKey, name: shiftName, starts_at, ends_at, headcount } of shifts) {
      await tx.query(
        `INSERT INTO configuration.shifts (tenant, key, name, starts_at, ends_at, headcount) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant, key) DO NOTHING`, [tenant, `${key}/${shiftKey}`, shiftName, starts_at, ends_at, headcount],
      );
    }
    return { key, shifts: shifts.length };
  }),
});
