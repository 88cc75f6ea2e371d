/**
 * Whether those who approved a changeset may still do so when it comes to be applied: days can lie between the two words, and
 * a session may have begun before it was known who stands behind a key.
 *
 * - Two people are two persons. A key's is read from its row where the session did not know it yet.
 * - An approval counts while its approver holds the role. An API key that was revoked or has expired since, or no longer has
 *   the role, takes its approval with it; a person does who was seen since with a newer token without the role.
 */
import { holds, type Role } from '../../domain/message.ts';
import { personName } from '../../domain/person.ts';
import { keysOf, subjectOfKey } from '../postgres/api-keys.ts';
import type { Queries } from '../postgres/database.ts';
import { knownRoles } from '../postgres/people.ts';
import type { Changeset } from '../../domain/changeset.ts';
import { recordDecision, recordFailure } from './records.ts';
import type { ChangeTarget } from './port.ts';

/** `failure` of a changeset that was refused for this. */
export const roleWithdrawn = 'an approver no longer holds the role';
export const onePerson = 'two of those who have to be different people are one person';

/**
 * Call it in the transaction that begins to apply. Keys stay as they are until that one ends, so a key that is revoked
 * meanwhile was revoked after it. True: the changeset is recorded as failed, and nothing of it may be applied.
 */
export async function refuseApproved(
  tx: Queries, input: Changeset, appliedTo: ChangeTarget['name'], changeIds: readonly string[],
): Promise<boolean> {
  const reason = await whyNot(tx, input);
  if (reason === null) return false;
  await recordDecision(tx, input, 'failed', appliedTo, changeIds);
  await recordFailure(tx, input.tenant, input.changeset_id, reason);
  return true;
}

async function whyNot(tx: Queries, input: Changeset): Promise<string | null> {
  const { tenant, people, requested_by: requester, approved_by: first, second_approved_by: second } = input;
  const approvers = second === null ? [first] : [first, second];
  const keys = new Map((await keysOf(tx, tenant, [requester, ...approvers])).map((key) => [key.subject, key]));
  const personOf = (subject: string, known: string | null | undefined): string => (
    known ?? keys.get(subject)?.person ?? personName(tenant, subject)
  );
  const approving = [personOf(first, people?.approved_by), ...(second === null ? [] : [personOf(second, people?.second_approved_by)])];
  const persons = [personOf(requester, people?.requested_by), ...approving];
  if (new Set(persons).size < persons.length) return onePerson;
  const seen = await knownRoles(tx, approving);
  const mayApprove = (subject: string, at: number): boolean => {
    const roles: readonly Role[] | undefined = subjectOfKey(subject) ? keys.get(subject)?.roles ?? [] : seen.get(approving[at] ?? '');
    // nothing newer than the token that approved is known
    return roles === undefined || holds({ tenant, subject, roles }, 'approver');
  };
  return approvers.every(mayApprove) ? null : roleWithdrawn;
}
