/** All changes of a decision in one transaction, with the before-images it found; nothing when a target has changed since. */
import { z } from 'zod';
import { applyChangeset as apply } from '../stores/change-target.ts';
import { sessionTask, values } from './inputs.ts';
import { defineTask } from './task.ts';

const change = z.object({
  sequence: z.number().int(), recommendation_id: z.uuid(), target: z.string(), target_type: z.string(), target_key: z.string(),
  operation: z.enum(['create', 'update', 'delete']), before: values.nullable(), after: values.nullable(),
});

export const applyChangeset = defineTask({
  name: 'applyChangeset',
  input: sessionTask.extend({ changeset_id: z.uuid(), changes: z.array(change).readonly(), requested_by: z.string(), approved_by: z.string(), risk_score: z.number(), status: z.enum(['applied', 'rejected']) }),
  run: async (changeset, { db }): Promise<{ status: 'applied' | 'rejected' | 'stale' }> => ({ status: await apply(db, changeset) }),
});
