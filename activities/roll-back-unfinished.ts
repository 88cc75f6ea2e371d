/** Rolls back what was applied of a changeset whose task an operator has discarded. */
import { rollBackBegun } from '../stores/change-target/roll-back-unfinished.ts';
import { changesetInput, targetFailure } from './apply-changeset.ts';
import { defineTask } from './task.ts';

export const rollBackUnfinished = defineTask({
  name: 'rollBackUnfinished', input: changesetInput, timeoutMs: 30_000,
  run: async (changeset, { stores: { db }, changeTarget }): Promise<{ status: 'applied' | 'rolled_back' }> => {
    try {
      return { status: await rollBackBegun(db, changeTarget, changeset) };
    } catch (error) {
      throw targetFailure(error);
    }
  },
});
