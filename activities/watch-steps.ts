/** Drops in conversion, of all tenants. Runs on a schedule. */
import { z } from 'zod';
import { watchSteps as watch, type Watched } from './alerts/watch.ts';
import { defineTask } from './task.ts';

export const watchSteps = defineTask({
  // two queries, and one more for each follow-up that is not the usual one, of a minute at most
  name: 'watchSteps', timeoutMs: 540_000,
  input: z.object({ correlation_id: z.string() }),
  run: async (_, { deadLetters: { alerting }, stores: { db }, reports, log }): Promise<Watched> => watch({
    ...reports, db, log, channels: alerting.channels.map(({ name }) => name), now: Date.now(),
  }),
});
