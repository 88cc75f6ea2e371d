/**
 * Whether those who approved a changeset may still approve when it comes to be applied: days can lie between the two words.
 * An API key that was revoked or has expired since, or no longer carries the role, takes its approval with it. The roles of
 * a person stand in a token and are known only while that person asks.
 */
import { holds } from '../../domain/message.ts';
import { subjectOfKey, usableKeys } from '../postgres/api-keys.ts';
import type { Queries } from '../postgres/database.ts';
import type { Changeset } from '../../domain/changeset.ts';
import { recordDecision, recordFailure } from './records.ts';
import type { ChangeTarget } from './port.ts';

/** `failure` of a changeset that was refused for this. */
export const roleWithdrawn = 'an approver no longer holds the role';

/**
 * Call it in the transaction that begins to apply. Keys stay as they are until that one ends, so a key that is revoked
 * meanwhile was revoked after it. True: the changeset is recorded as failed, and nothing of it may be applied.
 */
export async function refuseWithdrawn(
  tx: Queries, input: Changeset, appliedTo: ChangeTarget['name'], changeIds: readonly string[],
): Promise<boolean> {
  const { tenant, approved_by: first, second_approved_by: second } = input;
  const approvers = second === null ? [first] : [first, second];
  const keys = await usableKeys(tx, tenant, approvers);
  const mayApprove = (subject: string): boolean => !subjectOfKey(subject) || keys.some(
    (key) => key.subject === subject && holds({ tenant, ...key }, 'approver'),
  );
  if (approvers.every(mayApprove)) return false;
  await recordDecision(tx, input, 'failed', appliedTo, changeIds);
  await recordFailure(tx, tenant, input.changeset_id, roleWithdrawn);
  return true;
}
