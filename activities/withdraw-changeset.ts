/** Takes back what is left at its targets of a changeset whose task an operator has discarded. */
import { withdrawChangeset as withdraw } from '../stores/change-target/withdraw.ts';
import { changesetInput, targetFailure } from './apply-changeset.ts';
import { defineTask } from './task.ts';

export const withdrawChangeset = defineTask({
  name: 'withdrawChangeset', input: changesetInput, timeoutMs: 30_000,
  run: async (changeset, { stores: { db }, changeTarget }): Promise<{ status: 'applied' | 'withdrawn' }> => {
    try {
      return { status: await withdraw(db, changeTarget, changeset) };
    } catch (error) {
      throw targetFailure(error);
    }
  },
});
