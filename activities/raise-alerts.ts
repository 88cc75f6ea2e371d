/** Alerts of the dead letter queues of all tenants: which begin, which are over, and who is yet to be told. Runs on a schedule. */
import { z } from 'zod';
import { raiseAlerts as raise, type RaisedAlerts } from './alerts/raise.ts';
import { defineTask } from './task.ts';

export const raiseAlerts = defineTask({
  // a round begins no message after 30 s, and one takes 11 s at most
  name: 'raiseAlerts', timeoutMs: 60_000,
  input: z.object({ correlation_id: z.string() }),
  run: async (_, { deadLetters: { alerting }, stores: { db }, stuck, log, signal }): Promise<RaisedAlerts> => raise(
    { ...alerting, db, stuck, log, signal },
  ),
});
