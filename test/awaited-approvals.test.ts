/** What waits for an approver is one list, and it says who may decide. */
import { beforeAll, expect, test } from '@jest/globals';
import { pendingSecond } from './support/pending-second.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let people: Awaited<ReturnType<typeof cast>>;
beforeAll(async () => { people = await cast(instance); });

const waiting = async (who: Person, query = ''): Promise<Body[]> => (await who.get(`/approvals/${query}`)).body.results;
const idsOf = (list: readonly Body[]): string[] => list.map(({ session_id: id }) => id);

test('from the moment of the proposal until it is decided, first by anyone, then by a second person, the longest waiting first', async () => {
  const { ana, ben, admin, tenant } = people;
  const answered = await ana.answerAll(await ana.start());
  const first = await ana.inState(answered.session_id as string, 'awaiting_approval');
  await until('it is listed', async () => (await waiting(ben)).length === 1);
  const [anyone] = await waiting(ben);
  const { body: proposal } = await ben.get(`/sessions/${first.session_id}/recommendations/`);
  const preview = await ben.post(`/sessions/${first.session_id}/decision/`, {
    approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id),
  });
  expect(anyone).toEqual({
    session_id: first.session_id, approval_id: null, flow: first.flow, owner: 'ana', changes: proposal.recommendations.length,
    risk_score: preview.body.risk_score, waiting_since: expect.stringMatching(/Z$/), waits_for: 'anyone', may_decide: true, reason: null,
  });

  const dora = await person(instance, tenant, 'dora', 'user', 'approver');
  const second = await pendingSecond({ ana: dora, ben, admin });
  // at once: ben's own decision must not look as if it were still to be taken
  expect((await waiting(ben)).map((each) => [each.session_id, each.waits_for, each.approval_id, each.may_decide, each.reason])).toEqual([
    [first.session_id, 'anyone', null, true, null],
    [second.session_id, 'second_person', second.approval_id, false, 'same_person'],
  ]);
  expect(Date.parse(anyone.waiting_since)).toBeLessThan(Date.parse((await waiting(ben))[1].waiting_since));

  // who asked for it may not decide either, and neither may a key that such a person made
  const eve = await person(instance, tenant, 'eve', 'approver');
  expect((await waiting(dora)).map(({ may_decide: may }) => may)).toEqual([true, false]);
  expect((await waiting(eve)).map(({ may_decide: may }) => may)).toEqual([true, true]);
  expect(idsOf(await waiting(ben, '?waits_for=me'))).toEqual([first.session_id]);
  expect(idsOf(await waiting(eve, '?waits_for=me'))).toEqual([first.session_id, second.session_id]);
  expect(idsOf(await waiting(eve, '?waits_for=anyone'))).toEqual([first.session_id]);
  expect(idsOf(await waiting(eve, '?waits_for=second_person'))).toEqual([second.session_id]);
  const page = (await eve.get('/approvals/?limit=1')).body;
  expect([idsOf(page.results), page.total]).toEqual([[first.session_id], 2]);
  expect(idsOf((await eve.get(`/approvals/?limit=1&cursor=${page.next_cursor}`)).body.results)).toEqual([second.session_id]);

  expect((await eve.post(`/approvals/${second.approval_id}/decide/`, { decision: 'approve' })).body.status).toBe('applied');
  await until('what is decided is gone', async () => idsOf(await waiting(eve)).join() === first.session_id);
});

test('is shown to approvers alone, of their own tenant', async () => {
  expect((await people.ana.get('/approvals/')).status).toBe(403);
  expect((await people.cy.get('/approvals/')).status).toBe(403);
  const { ben: stranger } = await cast(instance);
  expect(await waiting(stranger)).toEqual([]);
});

test('sessions are found by id, owner or the correlation id of their start, exactly, and sorted by what happened last', async () => {
  const { admin, tenant } = await cast(instance);
  const [fay, gus] = [await person(instance, tenant, 'fay', 'user'), await person(instance, tenant, 'gus', 'user')];
  const older = (await fay.post('/sessions/', {}, { headers: { 'x-correlation-id': 'call-7' } })).body;
  const newer = await gus.start();
  const found = async (query: string, who = admin): Promise<string[]> => idsOf((await who.get(`/sessions/?${query}`)).body.results);
  await until('both are listed', async () => (await found('')).length === 2);
  await until('by the request too', async () => (await found('q=call-7')).length === 1);
  expect(await found(`q=${older.session_id}`)).toEqual([older.session_id]);
  expect(await found('q=gus')).toEqual([newer.session_id]);
  expect(await found('q=call')).toEqual([]);
  expect(await found('q=gus', fay)).toEqual([]);
  expect(await found('')).toEqual([newer.session_id, older.session_id]);
  await fay.gives(older.session_id, 'setup_urgency', 'immediate');
  await until('the copy follows', async () => (await found('sort=last_activity_at'))[0] === older.session_id);
  expect(await found('sort=started_at')).toEqual([newer.session_id, older.session_id]);
  expect((await admin.get('/sessions/?sort=owner')).body.code).toBe('invalid_request');
});
