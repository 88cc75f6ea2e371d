/** Copies of a session to the other stores: batched over sessions, idempotent, retried until stored. */
import { activityInfo } from '@temporalio/activity';
import { z } from 'zod';
import { defineTask } from './task.ts';
import type { SessionCopies } from './copy-writer.ts';

// The session's own state, written by the workflow: checked for its envelope, not field by field.
const input = z.object({ correlation_id: z.string() }).and(
  z.custom<SessionCopies>((value) => typeof value === 'object' && value !== null && 'state' in value && 'view' in value),
);

export const flushSession = defineTask({
  name: 'flushSession', input, timeoutMs: 15_000, retry: 'proxy',
  run: async (copies, { copies: writer }) => { await writer.write(copies, activityInfo().attempt); },
});
