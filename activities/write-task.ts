/** The row of a parked task: a copy of its workflow, by revision, tried until it is stored. */
import { z } from 'zod';
import type { ParkedTaskState } from '../domain/parked-task.ts';
import { saveTask } from '../stores/postgres/tasks.ts';
import { defineTask } from './task.ts';

// The task's own state, written by the workflow: checked for its envelope, not field by field.
const state = z.custom<ParkedTaskState>(
  (value) => typeof value === 'object' && value !== null && 'task_id' in value && 'revision' in value,
);

export const writeTask = defineTask({
  name: 'writeTask', input: z.object({ correlation_id: z.string(), tenant: z.string(), state }), timeoutMs: 15_000, retry: 'proxy',
  run: async ({ state: task }, { stores: { db, sealer } }) => { await saveTask(db, sealer, task); },
});
