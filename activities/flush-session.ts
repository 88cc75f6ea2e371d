/** Copies of a session to the other stores: batched over sessions, idempotent, retried until stored. */
import { activityInfo } from '@temporalio/activity';
import { z } from 'zod';
import type { ToldCopies } from '../domain/session-copy.ts';
import { defineTask } from './task.ts';

// The session's own, written by the workflow: checked for its envelope, not field by field.
const input = z.object({ correlation_id: z.string() }).and(
  z.custom<ToldCopies>((value) => (
    typeof value === 'object' && value !== null && 'view' in value && ('state' in value || 'changes' in value)
  )),
);

export const flushSession = defineTask({
  name: 'flushSession', input, timeoutMs: 15_000, retry: 'proxy',
  /** false: the archive does not have what they go on from, and nothing was stored. */
  run: async (told, { copies: writer }) => writer.write(told, activityInfo().attempt),
});
