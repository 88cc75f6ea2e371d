import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { cast, newTenant, person, proposed, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

describe('a proposal', () => {
  test('names target, operation, before and after, confidence and reason of each item, for owner, approver and admin', async () => {
    const { ana, ben, admin } = await cast(instance);
    const { session, proposal } = await proposed(ana, ben);
    expect(proposal.proposal_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(proposal.recommendations.length).toBeGreaterThanOrEqual(4);
    expect(proposal.recommendations[0]).toMatchObject({ operation: 'create', before: null, status: 'pending' });
    for (const reader of [ana, admin]) {
      expect((await reader.get(`/sessions/${session.session_id}/recommendations/`)).body).toEqual(proposal);
    }
  });

  test('is empty before there is one', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    expect((await ana.get(`/sessions/${session.session_id}/recommendations/`)).body).toEqual({
      proposal_hash: null, recommendations: [], risk: null, consensus: null,
    });
  });
});

describe('a decision', () => {
  test('is a dry run unless told otherwise, and a dry run changes nothing', async () => {
    const { ana, ben } = await cast(instance);
    const { session, proposal, items } = await proposed(ana, ben);
    const preview = await ben.post(`/sessions/${session.session_id}/decision/`, {
      approved_items: items, proposal_hash: proposal.proposal_hash,
    });
    expect(preview.body).toMatchObject({ dry_run: true, changeset_id: null, status: 'preview' });
    expect(preview.body.changes).toHaveLength(items.length);
    expect((await ana.get(`/sessions/${session.session_id}/`)).body.state).toBe('awaiting_approval');
    expect((await ben.get('/changesets/')).body.total).toBe(0);
  });

  test('is applied item by item, with modifications, and can be read back', async () => {
    const { ana, ben } = await cast(instance);
    const { session, proposal, items } = await proposed(ana, ben);
    const unit = proposal.recommendations.find((item: Body) => item.target.startsWith('business_unit:'));
    const others = items.filter((id) => id !== unit.recommendation_id);
    const rejected = proposal.recommendations.filter((item: Body) => item.target.startsWith('type_assist:')).map(
      (item: Body) => item.recommendation_id,
    );
    const approved = [unit.recommendation_id, ...others.filter((id) => !rejected.includes(id))];
    const { status, body } = await ben.post(`/sessions/${session.session_id}/decision/`, {
      approved_items: approved, rejected_items: rejected, reasons: Object.fromEntries(rejected.map((id: string) => [id, 'not needed'])),
      modifications: { [unit.recommendation_id]: { expected_users: 42 } }, proposal_hash: proposal.proposal_hash, dry_run: false,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dry_run: false, status: 'applied' });
    expect(body.changes).toHaveLength(approved.length);
    const final = await ana.get(`/sessions/${session.session_id}/`);
    expect(final.body).toMatchObject({ state: 'completed', stage: 'completed', progress_percent: 100, question: null });
    expect(final.body.ended_at).not.toBeNull();
    const changeset = (await ben.get(`/changesets/${body.changeset_id}/`)).body;
    expect(changeset).toMatchObject({ session_id: session.session_id, status: 'applied', requested_by: 'ana', approved_by: 'ben' });
    expect(changeset.changes).toEqual(body.changes);
    expect(changeset.changes.find((change: Body) => change.target === unit.target).after.expected_users).toBe(42);
    const statuses = (await ben.get(`/sessions/${session.session_id}/recommendations/`)).body.recommendations.map(
      (item: Body) => item.status,
    );
    expect(new Set(statuses)).toEqual(new Set(['modified', 'approved', 'rejected']));
    expect((await ben.get(`/changesets/?session_id=${session.session_id}`)).body.total).toBe(1);
  });

  test('takes before-images: the next session of the tenant proposes updates of what the first one created', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const first = await proposed(ana, ben, { business_unit_name: 'North Depot', expected_users: 10 });
    await ben.post(`/sessions/${first.session.session_id}/decision/`, { approved_items: first.items, dry_run: false });
    const eve = await person(instance, tenant, 'eve', 'user');
    const second = await proposed(eve, ben, { business_unit_name: 'North Depot', expected_users: 20 });
    const unit = second.proposal.recommendations.find((item: Body) => item.target.startsWith('business_unit:'));
    expect(unit).toMatchObject({ operation: 'update', before: { expected_users: 10 }, after: { expected_users: 20 } });
  });

  test('on a target that changed since the proposal applies nothing and asks for a new decision', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const eve = await person(instance, tenant, 'eve', 'user');
    const [first, second] = [
      await proposed(ana, ben, { business_unit_name: 'Twin' }), await proposed(eve, ben, { business_unit_name: 'Twin' }),
    ];
    expect((await ben.post(`/sessions/${first.session.session_id}/decision/`, { approved_items: first.items, dry_run: false })).status)
      .toBe(200);
    const late = await ben.post(`/sessions/${second.session.session_id}/decision/`, { approved_items: second.items, dry_run: false });
    expect([late.status, late.body.code]).toEqual([409, 'stale_proposal']);
    expect((await ben.get('/changesets/')).body.total).toBe(1);
    await eve.inState(second.session.session_id, 'awaiting_approval');
    const { body: fresh } = await ben.get(`/sessions/${second.session.session_id}/recommendations/`);
    expect(fresh.proposal_hash).not.toBe(second.proposal.proposal_hash);
  });

  test('is bound to the content it was shown', async () => {
    const { ana, ben } = await cast(instance);
    const { session, proposal, items } = await proposed(ana, ben);
    await ana.gives(session.session_id, 'expected_users', 77);
    await ana.inState(session.session_id, 'awaiting_approval');
    for (const dryRun of [true, false]) {
      const stale = await ben.post(`/sessions/${session.session_id}/decision/`, {
        approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: dryRun,
      });
      expect([stale.status, stale.body.code]).toEqual([409, 'stale_proposal']);
    }
  });

  test('that rejects everything makes a changeset without changes and ends the session without completing it', async () => {
    const { ana, ben } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    const { status, body } = await ben.post(`/sessions/${session.session_id}/decision/`, { rejected_items: items, dry_run: false });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'rejected', changes: [], risk_score: 0 });
    expect((await ben.get(`/changesets/${body.changeset_id}/`)).body).toMatchObject({ status: 'rejected', applied_at: null, changes: [] });
    expect((await ana.get(`/sessions/${session.session_id}/`)).body).toMatchObject({ state: 'cancelled', stage: 'approval_decision' });
  });

  test('five decisions at once: one is taken, the others are told, and the change is made once', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    const approvers = await Promise.all(Array.from({ length: 5 }, (_, at) => person(instance, tenant, `ap${at}`, 'approver')));
    const replies = await Promise.all(
      approvers.map((each) => each.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false })),
    );
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
    expect(replies.filter((reply) => reply.status !== 200).map((reply) => reply.body.code)).toEqual(
      Array.from({ length: 4 }, () => 'wrong_state'),
    );
    expect((await ben.get('/changesets/')).body.total).toBe(1);
  });

  test('is refused for the owner, for a person without the role and for another tenant', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    const path = `/sessions/${session.session_id}/decision/`;
    const anaAsApprover = await person(instance, tenant, 'ana', 'user', 'approver');
    const foreign = await person(instance, newTenant(), 'ben', 'approver');
    for (const dryRun of [true, false]) {
      const body = { approved_items: items, dry_run: dryRun };
      expect((await ana.post(path, body)).body).toMatchObject({ status: 403, code: 'forbidden' });
      expect((await anaAsApprover.post(path, body)).body).toMatchObject({ status: 403, code: 'same_person' });
      expect((await foreign.post(path, body)).body).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect((await ana.get(`/sessions/${session.session_id}/`)).body.state).toBe('awaiting_approval');
  });

  test('with mistakes names all of them and where they are', async () => {
    const { ana, ben } = await cast(instance);
    const { session, proposal, items } = await proposed(ana, ben);
    const path = `/sessions/${session.session_id}/decision/`;
    const unit = proposal.recommendations.find((item: Body) => item.target.startsWith('business_unit:')).recommendation_id;
    const stranger = randomUUID();
    for (const dryRun of [true, false]) {
      const reply = await ben.post(path, {
        approved_items: [...items, stranger], rejected_items: [items[1]], modifications: { [unit]: { expected_users: 'many', towers: 3 } },
        dry_run: dryRun,
      });
      expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
      expect(reply.body.errors.map((error: Body) => error.pointer)).toEqual(expect.arrayContaining([
        `/approved_items/${items.length}`, '/rejected_items/0', `/modifications/${unit}/expected_users`, `/modifications/${unit}/towers`,
      ]));
    }
    expect((await ben.post(path, { dry_run: false })).status).toBe(400);
    const early = await ana.get(`/sessions/${session.session_id}/`);
    expect(early.body.state).toBe('awaiting_approval');
  });

  test('that approves an item and rejects the one it depends on is refused with both, and taken with a warning when it says so', async () => {
    const { ana, ben } = await cast(instance);
    const { session, proposal } = await proposed(ana, ben);
    const path = `/sessions/${session.session_id}/decision/`;
    const needing = proposal.recommendations.find((item: Body) => item.depends_on.length > 0);
    const needed = proposal.recommendations.find((item: Body) => item.recommendation_id === needing.depends_on[0]);
    const [approved, rejected] = [[needing.recommendation_id], [needed.recommendation_id]];
    for (
      const body of [
        { approved_items: approved, rejected_items: rejected }, { approved_items: approved, rejected_items: rejected, dry_run: false },
        { approved_items: approved, dry_run: false },
      ]
    ) {
      const reply = await ben.post(path, body);
      expect([reply.status, reply.body.code]).toEqual([422, 'dependency_rejected']);
      expect(reply.body.detail).toContain(needing.target);
      expect(reply.body.detail).toContain(needed.target);
      expect(reply.body.errors).toMatchObject([
        { pointer: '/approved_items/0', code: 'dependency_rejected', fix: expect.stringContaining(needed.recommendation_id) },
      ]);
    }
    const warnings = [{ code: 'dependency_rejected', recommendation_id: needing.recommendation_id, depends_on: needed.recommendation_id }];
    const said = { approved_items: approved, rejected_items: rejected, accept_missing_dependencies: true };
    expect((await ben.post(path, said)).body).toMatchObject({ status: 'preview', warnings });
    expect((await ben.post(path, { ...said, dry_run: false })).body).toMatchObject({
      status: 'applied', warnings, changes: [{ target: needing.target }],
    });
  });

  test('before there is a proposal is 409, and after the end too', async () => {
    const { ana, ben } = await cast(instance);
    const started = await ana.start();
    const item = randomUUID();
    expect((await ben.post(`/sessions/${started.session_id}/decision/`, { approved_items: [item], dry_run: false })).body.code)
      .toBe('wrong_state');
    const done = await ana.answerAll(started);
    await ana.inState(done.session_id, 'awaiting_approval');
    const { body } = await ben.get(`/sessions/${started.session_id}/recommendations/`);
    const items = body.recommendations.map((each: Body) => each.recommendation_id);
    await ben.post(`/sessions/${started.session_id}/decision/`, { approved_items: items, dry_run: false });
    for (const [caller, path, payload] of [
      [ben, 'decision', { approved_items: items, dry_run: false }], [ben, 'decision', { approved_items: items }], [ana, 'cancel', {}],
      [ana, 'answers', { question_id: 'expected_users', value: 3 }],
    ] as const) {
      const reply = await caller.post(`/sessions/${started.session_id}/${path}/`, payload);
      expect([path, reply.status, reply.body.code]).toEqual([path, 409, 'wrong_state']);
    }
  });
});

describe('the funnel', () => {
  test('counts a session once in every stage it reached, however often its copies are written', async () => {
    const { ana, ben, cy, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
    const eve = await person(instance, tenant, 'eve', 'user');
    const second = await eve.start();
    await eve.gives(second.session_id, second.question.id, second.question.options[0].value);
    const gone = await person(instance, tenant, 'gus', 'user');
    const third = await gone.start();
    await gone.post(`/sessions/${third.session_id}/cancel/`, {});
    let report: Body;
    await until('the funnel has all three', async () => {
      report = (await cy.get('/analytics/funnel/?fresh=true')).body;
      return report.completed_sessions === 1 && report.stages[1].count === 2 && report.abandoned_sessions === 1;
    });
    expect(report).toMatchObject({
      total_sessions: 3, completed_sessions: 1, abandoned_sessions: 1, open_sessions: 1, overall_conversion_rate: 1 / 3,
    });
    expect(report.stages.map((stage: Body) => [stage.name, stage.count])).toEqual([
      ['started', 3], ['engaged', 2], ['recommendations_generated', 1], ['approval_decision', 1], ['completed', 1],
    ]);
    for (const stage of report.stages) {
      expect(stage.conversion_rate).toBeGreaterThanOrEqual(0);
      expect(stage.conversion_rate).toBeLessThanOrEqual(1);
    }
    expect((await cy.get('/analytics/funnel/?user_segment=returning')).body.total_sessions).toBe(0);
    expect((await cy.get('/analytics/funnel/?language=EN')).body.total_sessions).toBe(3);
    const foreign = await person(instance, newTenant(), 'cy', 'analyst');
    expect((await foreign.get('/analytics/funnel/')).body.total_sessions).toBe(0);
    const platform = await person(instance, newTenant(), 'pat', 'platform');
    expect((await platform.get(`/analytics/funnel/?client_id=${tenant}`)).body.total_sessions).toBe(3);
    expect((await cy.get(`/analytics/funnel/?client_id=${tenant}`)).status).toBe(403);
  });

  test('refuses periods that make no sense with what is wrong', async () => {
    const { cy } = await cast(instance);
    for (
      const query of [
        'start_date=2026-02-02&end_date=2026-02-01', 'start_date=2026-02-02&end_date=2026-02-02', 'start_date=2000-01-01',
        'timezone=Mars/Base', 'start_date=yesterday', 'start_date=2026-02-30',
      ]
    ) {
      const reply = await cy.get(`/analytics/funnel/?${query}`);
      expect([query, reply.status, reply.body.code]).toEqual([query, 400, 'invalid_period']);
    }
    expect((await cy.get('/analytics/funnel/?steps_typo=a')).body.code).toBe('invalid_request');
  });
});
