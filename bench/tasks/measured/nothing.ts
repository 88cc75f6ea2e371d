/** Work that takes no time, as a task of the product and as an activity that is nothing else. */
import { z } from 'zod';
import { sessionTask } from '../../../activities/inputs.ts';
import { defineTask } from '../../../activities/task.ts';

export interface NothingInput {
  readonly correlation_id: string;
  readonly tenant: string;
  readonly session_id: string;
  readonly number: number;
}

export const nothing = defineTask({
  name: 'nothing', timeoutMs: 30_000, input: sessionTask.extend({ number: z.number().int() }),
  run: ({ number }) => Promise.resolve({ number }),
});

export function bareNothing({ number }: NothingInput): Promise<{ number: number }> {
  return Promise.resolve({ number });
}
