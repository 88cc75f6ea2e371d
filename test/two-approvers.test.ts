/** A decision on more than ten changes: two different approvers, end to end, in a flow that the tenant publishes. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { catalogue, changes } from './support/pending-second.ts';
import { cast, person, type Body, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();

let people: Awaited<ReturnType<typeof cast>>;
beforeAll(async () => {
  people = await cast(instance);
  expect((await people.admin.call('PUT', '/admin/flows/catalogue/', catalogue)).status).toBe(201);
});

interface Pending { readonly ana: Person; readonly session: Body; readonly approvalId: string; readonly changesetId: string }

let owners = 0;

/** A session of somebody who had none yet, decided by ben, waiting for the second approver. */
async function pending(roles: readonly ['user', ...'approver'[]] = ['user']): Promise<Pending> {
  owners += 1;
  const ana = await person(instance, people.tenant, `ana-${owners}`, ...roles);
  const answered = await ana.answerAll(await ana.start({ flow: 'catalogue' }), { name: `Catalogue ${owners}` });
  const session = await ana.inState(answered.session_id as string, 'awaiting_approval');
  const { body: proposal } = await people.ben.get(`/sessions/${session.session_id}/recommendations/`);
  expect(proposal.recommendations).toHaveLength(changes);
  const { status, body } = await people.ben.post(`/sessions/${session.session_id}/decision/`, {
    approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), proposal_hash: proposal.proposal_hash,
    dry_run: false,
  });
  expect([status, body.status, body.changes.length]).toEqual([200, 'pending_second_approval', changes]);
  expect(body.approval_id).toMatch(/^[0-9a-f-]{36}$/);
  return { ana, session, approvalId: body.approval_id, changesetId: body.changeset_id };
}

const decide = (who: Person, approvalId: string, decision = 'approve'): Promise<Reply> =>
  who.post(`/approvals/${approvalId}/decide/`, { decision, reason: 'looked at it' });
const approver = (subject: string): Promise<Person> => person(instance, people.tenant, subject, 'approver');

describe('a decision on more than ten changes', () => {
  test('is applied only when a second approver, who is neither the first nor the requester, approves', async () => {
    const { ana, session, approvalId, changesetId } = await pending(['user', 'approver']);
    const { ben, admin } = people;
    const { body: recorded } = await ben.get(`/changesets/${changesetId}/`);
    expect(recorded).toMatchObject({ status: 'pending_second_approval', approved_by: 'ben', applied_at: null });
    expect((await ana.get(`/sessions/${session.session_id}/`)).body.state).toBe('awaiting_approval');
    for (const who of [ben, ana]) {
      const refused = await decide(who, approvalId);
      expect([refused.status, refused.body.code]).toEqual([403, 'same_person']);
    }
    expect((await decide(await person(instance, people.tenant, 'cy', 'user', 'analyst'), approvalId)).status).toBe(403);
    expect((await ben.get(`/changesets/${changesetId}/`)).body.status).toBe('pending_second_approval');

    const approved = await decide(await approver('eve'), approvalId);
    expect([approved.status, approved.body]).toEqual([200, { approval_id: approvalId, changeset_id: changesetId, status: 'applied' }]);
    expect(await ana.inState(session.session_id, 'completed')).toMatchObject({ stage: 'completed', progress_percent: 100 });
    const { body: changeset } = await admin.get(`/changesets/${changesetId}/`);
    expect(changeset).toMatchObject({ status: 'applied', requested_by: ana.subject, approved_by: 'ben' });
    expect(changeset.changes).toHaveLength(changes);
    const late = await decide(await approver('eve-2'), approvalId);
    expect([late.status, late.body.code]).toEqual([409, 'wrong_state']);
  });

  test('is not there for another tenant', async () => {
    const { approvalId } = await pending();
    const foreign = await cast(instance);
    for (
      const [who, id] of [
        [foreign.ben, approvalId], [foreign.admin, approvalId], [people.ben, '4f8c0de5-0000-4000-8000-000000000000'],
      ] as const
    ) {
      const refused = await decide(who, id);
      expect([refused.status, refused.body.code]).toEqual([404, 'not_found']);
    }
  });

  test('is rejected as a whole by the second approver, and nothing is applied', async () => {
    const { ana, session, approvalId, changesetId } = await pending();
    const rejected = await decide(await approver('eve'), approvalId, 'reject');
    expect([rejected.status, rejected.body.status]).toEqual([200, 'rejected']);
    const { body: changeset } = await people.ben.get(`/changesets/${changesetId}/`);
    expect(changeset).toMatchObject({ status: 'rejected', applied_at: null });
    const { body: after } = await ana.get(`/sessions/${session.session_id}/`);
    expect([after.state, after.stage, after.ended_at === null]).toEqual(['cancelled', 'approval_decision', false]);
  });

  test('has exactly one final word, whoever speaks at the same moment', async () => {
    const voices = await Promise.all(['eve', 'eve-2', 'eve-3', 'eve-4'].map(approver));
    for (let round = 0; round < 3; round += 1) {
      const { ana, session, approvalId, changesetId } = await pending();
      const words = voices.map((_, at) => ((at + round) % 2 === 0 ? 'approve' : 'reject'));
      const replies = await Promise.all(voices.map((who, at) => decide(who, approvalId, words[at])));
      const final = replies.filter(({ status }) => status === 200);
      expect([round, replies.map(({ status }) => status).sort((a, b) => a - b)]).toEqual([round, [200, 409, 409, 409]]);
      const { body: changeset } = await people.ben.get(`/changesets/${changesetId}/`);
      expect(changeset.status).toBe(final[0]?.body.status);
      const { body: after } = await ana.get(`/sessions/${session.session_id}/`);
      expect(after.stage).toBe(changeset.status === 'applied' ? 'completed' : 'approval_decision');
      expect((await people.ben.get(`/changesets/?session_id=${session.session_id}`)).body.total).toBe(1);
    }
  });
});
