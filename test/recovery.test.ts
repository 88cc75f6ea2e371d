import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { base, cast, Person, proposed, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();

describe('checkpoints', () => {
  test('Checkpoint creation, Checkpoint deduplication: one counts up, an unchanged one is skipped, force makes one all the same', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    const path = `/sessions/${session.session_id}/checkpoint/`;
    const first = await ana.post(path, { ui_state: { tab: 'people' }, label: 'before lunch' });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      status: 'created', session_id: session.session_id, kind: 'manual', ttl_seconds: 3600,
      storage: { history: 'stored', redis: 'queued', postgresql: 'queued' },
    });
    expect(first.body.checkpoint_hash).toMatch(/^[0-9a-f]{64}$/);
    const again = await ana.post(path, { ui_state: { tab: 'people' } });
    expect([again.status, again.body]).toEqual([
      200, { status: 'skipped', reason: 'unchanged', checkpoint_version: first.body.checkpoint_version },
    ]);
    const forced = await ana.post(path, { force: true });
    expect([forced.status, forced.body.checkpoint_version]).toEqual([201, first.body.checkpoint_version + 1]);
    const { body } = await ana.get(`/sessions/${session.session_id}/checkpoints/?limit=2`);
    expect(body.total_checkpoints).toBe(forced.body.checkpoint_version);
    expect(body.checkpoints.map((each: Body) => [each.checkpoint_version, each.kind, each.label, each.data_summary.answers_count]))
      .toEqual([
      [forced.body.checkpoint_version, 'manual', null, 1], [first.body.checkpoint_version, 'manual', 'before lunch', 1],
    ]);
  });

  test('a keyed checkpoint that is repeated is made once', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const save = () => ana.post(`/sessions/${session.session_id}/checkpoint/`, { force: true }, { headers: { 'idempotency-key': 'c' } });
    const [first, again] = [await save(), await save()];
    expect([again.status, again.body]).toEqual([201, first.body]);
  });

  test('a UI state of 8 KB comes back whole; one of a byte more is refused and changes nothing', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const state = (bytes: number) => ({ big: 'x'.repeat(bytes - JSON.stringify({ big: '' }).length) });
    const save = (bytes: number) => ana.post(`/sessions/${id}/checkpoint/`, { ui_state: state(bytes) });
    const saved = await save(8_192);
    expect(saved.status).toBe(201);
    const over = await save(8_193);
    expect([over.status, over.body.errors[0].pointer]).toEqual([400, '/ui_state']);
    const { body } = await ana.post(`/sessions/${id}/resume/`, {});
    expect([body.checkpoint_version, body.ui_state]).toEqual([saved.body.checkpoint_version, state(8_192)]);
  });
});

describe('resume', () => {
  test('another device goes on where the first one was, with its answers, its UI state and the right question', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    await ana.gives(session.session_id, 'business_unit_type', 'office');
    await ana.post(`/sessions/${session.session_id}/checkpoint/`, { ui_state: { tab: 'people' } });
    const unsaved = await ana.answer(session.session_id, 'business_unit_name', 'Depot');
    const [first, second] = await Promise.all([1, 2].map(() => ana.post(`/sessions/${session.session_id}/resume/`, {})));
    for (const reply of [first, second]) {
      expect(reply?.status).toBe(200);
      expect(reply?.body).toMatchObject({
        status: 'resumed', restored_state: 'in_progress',
        restored_data: { setup_urgency: 'immediate', business_unit_type: 'office', business_unit_name: 'Depot' },
        ui_state: { tab: 'people' }, questions_answered: 3, progress_percent: unsaved.body.progress_percent, source: 'history',
        next_action: { type: 'continue_conversation', question: { id: 'expected_users' } },
      });
    }
  });

  test('an earlier version takes later answers back without deleting them, and an unknown one is 404', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    const { body: saved } = await ana.post(`/sessions/${session.session_id}/checkpoint/`, { force: true });
    await ana.gives(session.session_id, 'business_unit_type', 'office');
    await ana.gives(session.session_id, 'setup_urgency', 'planned');
    const { body } = await ana.post(`/sessions/${session.session_id}/resume/`, { checkpoint_version: saved.checkpoint_version });
    expect(body).toMatchObject({
      restored_data: { setup_urgency: 'immediate' }, questions_answered: 1,
      next_action: { question: { id: 'business_unit_type', suggested: 'office' } },
    });
    const { body: log } = await ana.get(`/sessions/${session.session_id}/answers/`);
    expect(log.answers.map((entry: Body) => [entry.value, entry.superseded])).toEqual([
      ['immediate', false], ['office', true], ['planned', true],
    ]);
    const unknown = await ana.post(`/sessions/${session.session_id}/resume/`, { checkpoint_version: 999 });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'checkpoint_not_found']);
  });

  test('while a proposal waits it shows the proposal, and after the end it is 409', async () => {
    const { ana, ben } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    expect((await ana.post(`/sessions/${session.session_id}/resume/`, {})).body.next_action).toEqual({
      type: 'show_recommendations', question: null,
    });
    await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
    const after = await ana.post(`/sessions/${session.session_id}/resume/`, {});
    expect([after.status, after.body.code]).toEqual([409, 'wrong_state']);
  });
});

test('Complete onboarding flow with recovery: saved, left, led back by a link on another device, finished, approved', async () => {
  const { ana, ben, tenant } = await cast(instance);
  const session = await ana.start();
  await ana.gives(session.session_id, 'setup_urgency', 'immediate');
  await ana.gives(session.session_id, 'business_unit_type', 'office');
  const { body: saved } = await ana.post(`/sessions/${session.session_id}/checkpoint/`, { ui_state: { step: 2 }, label: 'left here' });
  const { body: link } = await ana.post(`/sessions/${session.session_id}/resume-link/`, {});
  const spent = await fetch(`${instance.url}${base}/resume-links/spend/`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret: (link.url as string).split('#r=')[1] }),
  });
  const { token } = await spent.json() as { token: string };
  const phone = new Person(instance.url, tenant, 'ana', token);
  const { body: resumed } = await phone.post(`/sessions/${session.session_id}/resume/`, {});
  expect(resumed).toMatchObject({
    restored_data: { setup_urgency: 'immediate', business_unit_type: 'office' }, ui_state: { step: 2 },
    checkpoint_version: saved.checkpoint_version, next_action: { type: 'continue_conversation' },
  });
  const answered = await phone.answerAll((await phone.get(`/sessions/${session.session_id}/`)).body);
  await phone.inState(answered.session_id as string, 'awaiting_approval');
  expect((await phone.post(`/sessions/${session.session_id}/resume/`, {})).body.next_action.type).toBe('show_recommendations');
  const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
  const items = proposal.recommendations.map((item: Body) => item.recommendation_id);
  await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
  expect(await phone.inState(session.session_id as string, 'completed')).toMatchObject({ progress_percent: 100, stage: 'completed' });
  expect((await phone.post(`/sessions/${session.session_id}/resume/`, {})).body.code).toBe('wrong_state');
});

describe('escalation', () => {
  test('hands the session to a person, stops the questions, and an admin or the owner returns it to where it was by resume', async () => {
    const { ana, admin } = await cast(instance);
    const session = await ana.start();
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    const escalated = await ana.post(`/sessions/${session.session_id}/escalate/`, { reason: 'I need help', urgency: 'high' });
    expect(escalated.body).toMatchObject({ state: 'escalated', question: null });
    expect((await ana.answer(session.session_id, 'business_unit_type', 'office')).body.code).toBe('wrong_state');
    expect((await admin.post(`/sessions/${session.session_id}/escalate/`, { reason: 'again' })).body.code).toBe('wrong_state');
    const { body } = await admin.post(`/sessions/${session.session_id}/resume/`, {});
    expect(body).toMatchObject({
      restored_state: 'in_progress', next_action: { type: 'continue_conversation', question: { id: 'business_unit_type' } },
    });
    expect((await admin.post(`/sessions/${session.session_id}/resume/`, {})).status).toBe(403);
    for (const bad of [{}, { reason: '' }, { reason: 'x', urgency: 'extreme' }]) {
      expect((await ana.post(`/sessions/${session.session_id}/escalate/`, bad)).status).toBe(400);
    }
  });

  test('while a proposal is awaited it loses nothing: after the return it is made', async () => {
    const { ana, ben } = await cast(instance);
    const { session } = await proposed(ana, ben);
    await ana.gives(session.session_id, 'expected_users', 9);
    await ana.post(`/sessions/${session.session_id}/escalate/`, { reason: 'wait' });
    await ana.post(`/sessions/${session.session_id}/resume/`, {});
    await ana.inState(session.session_id, 'awaiting_approval');
  });
});

describe('events of the client', () => {
  test('are taken within the session\'s life, and the session\'s own names are not to be had', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const path = `/sessions/${session.session_id}/events/`;
    expect((await ana.post(path, { event: 'opened help', properties: { page: 3 }, occurred_at: new Date().toISOString() })).status)
      .toBe(201);
    for (const [bad, pointer] of [
      [{ event: 'a,b' }, '/event'], [{ event: '' }, '/event'], [{ event: 'x'.repeat(201) }, '/event'],
      [{ event: 'state_changed' }, '/event'],
      [{ event: 'late', occurred_at: '2999-01-01T00:00:00Z' }, '/occurred_at'],
      [{ event: 'early', occurred_at: '2001-01-01T00:00:00Z' }, '/occurred_at'],
      [{ event: 'big', properties: { text: 'x'.repeat(3_000) } }, ''],
    ] as const) {
      const reply = await ana.post(path, bad);
      expect([JSON.stringify(bad).slice(0, 40), reply.status, reply.body.errors[0].pointer]).toEqual([
        JSON.stringify(bad).slice(0, 40), 400, pointer,
      ]);
    }
    expect((await ana.post(`/sessions/${randomUUID()}/events/`, { event: 'x' })).status).toBe(404);
  });
});

test('going back to a version gives the UI state of that version, none where it had none, also when the session keeps it no more', async () => {
  const { ana } = await cast(instance);
  const { session_id: id } = await ana.start();
  const save = async (at: number): Promise<number> => {
    // as quickly as anybody can, and more of them than a session keeps: nobody is told that a store were away
    const saved = await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { at, text: 'a'.repeat(8_000) } });
    expect(saved.status).toBe(201);
    return saved.body.checkpoint_version as number;
  };
  const first = await save(1);
  const second = await save(2);
  for (let at = 3; at <= 14; at += 1) await save(at);
  const back = async (version: number): Promise<Body> => (
    await ana.post(`/sessions/${id}/resume/`, { checkpoint_version: version })
  ).body;
  expect(await back(second)).toMatchObject({ checkpoint_version: second, ui_state: { at: 2 } });
  const age = (await back(first)).checkpoint_age_seconds as number;
  expect(await back(first)).toMatchObject({ checkpoint_version: first, ui_state: { at: 1 } });
  expect(age).toBeGreaterThanOrEqual(0);
  expect(await back(1)).toMatchObject({ checkpoint_version: 1, ui_state: null, questions_answered: 0 });
  expect(await back(second + 5)).toMatchObject({ ui_state: { at: 7 } });
});

test('what another device has saved makes an older ETag stale, also for events of the client; and only the owner writes', async () => {
  const { ana, admin } = await cast(instance);
  const { session_id: id } = await ana.start();
  const seen = (await ana.get(`/sessions/${id}/`)).headers.get('etag') ?? '';
  const saved = await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { device: 'A' } });
  const headers = { 'if-match': seen };
  expect((await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { device: 'B' } }, { headers })).status).toBe(412);
  expect((await ana.post(`/sessions/${id}/events/`, { event: 'ui_seen' }, { headers })).status).toBe(412);
  const newer = { headers: { 'if-match': saved.headers.get('etag') ?? '' } };
  expect((await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { device: 'B' } }, newer)).status).toBe(201);
  for (const [path, body] of [['checkpoint', {}], ['resume', {}], ['events', { event: 'ui_seen' }]] as const) {
    expect([path, (await admin.post(`/sessions/${id}/${path}/`, body)).status]).toEqual([path, 403]);
  }
});
