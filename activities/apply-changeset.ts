/** All changes of a decision at the change target, or none of them: nothing when a target has changed since the proposal. */
import { ApplicationFailure } from '@temporalio/activity';
import { z } from 'zod';
import { applyChanges } from '../stores/change-target/apply.ts';
import { ChangeTargetError } from '../stores/change-target/port.ts';
import { sessionTask, values } from './inputs.ts';
import { defineTask } from './task.ts';

const change = z.object({
  sequence: z.number().int(), recommendation_id: z.uuid(), target: z.string(), target_type: z.string(), target_key: z.string(),
  operation: z.enum(['create', 'update', 'delete']), before: values.nullable(), after: values.nullable(),
});

const person = z.string().nullable();
const people = z.object({ requested_by: person, approved_by: person, second_approved_by: person });

export const changesetInput = sessionTask.extend({
  changeset_id: z.uuid(), changes: z.array(change).readonly(), requested_by: z.string(), approved_by: z.string(),
  second_approved_by: z.string().nullable(), people: people.exactOptional(), approval_id: z.uuid().nullable(), risk_score: z.number(),
  status: z.enum(['applied', 'rejected', 'pending_second_approval']),
});

export const applyChangeset = defineTask({
  name: 'applyChangeset', input: changesetInput, timeoutMs: 30_000,
  run: async (
    changeset, { stores: { db }, changeTarget },
  ): Promise<{ status: 'pending_second_approval' | 'applied' | 'rejected' | 'stale' }> => {
    try {
      return { status: await applyChanges(db, changeTarget, changeset) };
    } catch (error) {
      throw targetFailure(error);
    }
  },
});

/** A no stays a no, however often it is asked: that is for a person. What was applied before it has been taken back. */
export function targetFailure(error: unknown): unknown {
  if (!(error instanceof ChangeTargetError)) return error;
  return ApplicationFailure.create({
    type: 'external_api', message: `The change target failed: ${error.message}`,
    nonRetryable: error.kind === 'refused' || error.kind === 'wrong_answer',
    details: [{ kind: error.kind, status: error.status }], cause: error,
    ...(error.retryAfterMs === null ? {} : { nextRetryDelay: Math.min(error.retryAfterMs, longestRetryAfterMs) }),
  });
}

/** A Retry-After beyond this is not waited for in one piece. */
const longestRetryAfterMs = 300_000;
