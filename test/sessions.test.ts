import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { readConfiguration } from '../service/environment.ts';
import { cast, newTenant, person, proposed, sent, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

describe('starting', () => {
  test('a session starts with the first question, a place in the funnel and an ETag', async () => {
    const { ana, tenant } = await cast(instance);
    const reply = await ana.post('/sessions/', { client_context: { timezone: 'Asia/Kolkata' } });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({
      tenant, owner: 'ana', flow: { id: 'business_unit_setup', version: 2 }, language: 'en', state: 'started', stage: 'started',
      progress_percent: 10, answers_count: 0,
      ended_at: null, stale: false,
    });
    expect(Object.keys(reply.body.question)).toEqual(expect.arrayContaining([
      'id', 'type', 'prompt', 'help', 'options', 'required', 'min', 'max', 'pattern',
    ]));
    expect(reply.headers.get('etag')).toMatch(/^"\d+"$/);
    expect(reply.body.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('the language may come in any case and with a region, and texts are in it', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start({ language: 'HI-in' });
    expect(session.language).toBe('hi');
    expect(session.question.prompt).toMatch(/\p{Script=Devanagari}/u);
  });

  test('a person has one open session of a flow: the second start names it, resume_existing goes on with it', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const again = await ana.post('/sessions/', {});
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: 'session_exists', existing_session_id: session.session_id, session_state: 'started' });
    const resumed = await ana.post('/sessions/', { resume_existing: true });
    expect(resumed.status).toBe(200);
    expect(resumed.body).toMatchObject({ session_id: session.session_id, resumed: true });
  });

  test('twenty starts at once make one session, and everybody else is told which', async () => {
    const { ana } = await cast(instance);
    const replies = await Promise.all(Array.from({ length: 20 }, () => ana.post('/sessions/', {}, {
      headers: { 'idempotency-key': randomUUID() },
    })));
    const created = replies.filter((reply) => reply.status === 201);
    expect(created).toHaveLength(1);
    const others = replies.filter((reply) => reply.status !== 201);
    expect(others.map((reply) => [reply.status, reply.body.code, reply.body.existing_session_id])).toEqual(others.map(() => [
      409, 'session_exists', created[0]?.body.session_id,
    ]));
    expect((await ana.get('/sessions/')).body.total).toBe(1);
  });

  test('after an acknowledged cancellation a new session can always be started at once', async () => {
    const { ana } = await cast(instance);
    const ids = new Set<string>();
    for (let round = 0; round < 10; round += 1) {
      const session = await ana.start();
      ids.add(session.session_id);
      const cancelled = await ana.post(`/sessions/${session.session_id}/cancel/`, { reason: 'changed my mind' });
      expect(cancelled.status).toBe(200);
      expect(cancelled.body).toMatchObject({ state: 'cancelled', question: null });
    }
    expect(ids.size).toBe(10);
    expect((await ana.get('/sessions/?state=cancelled')).body.total).toBe(10);
  });

  test('an unknown flow is 404 and an unspoken language 422, each with what there is', async () => {
    const { ana } = await cast(instance);
    const flow = await ana.post('/sessions/', { flow: 'castle_setup' });
    expect([flow.status, flow.body.code]).toEqual([404, 'unknown_flow']);
    expect(flow.body.detail).toContain('business_unit_setup');
    for (const language of ['xx', 'ar', '']) {
      const reply = await ana.post('/sessions/', { language });
      expect([reply.status, reply.body.code]).toEqual([422, 'unsupported_language']);
      expect(reply.body.errors[0].fix).toContain('hi');
    }
    expect((await ana.get('/sessions/')).body.total).toBe(0);
  });
});

describe('answering', () => {
  test('an answer is confirmed in a friendly sentence with the next question, and progress grows', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const reply = await ana.answer(session.session_id, session.question.id, session.question.options[0].value);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      state: 'in_progress', stage: 'engaged', answers_count: 1,
      accepted: [{ question_id: session.question.id, value: session.question.options[0].value }],
    });
    expect(reply.body.reply).toContain(reply.body.question.prompt);
    expect(reply.body.progress_percent).toBeGreaterThan(10);
  });

  test('free text is read as the value it means, in either language', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const label = session.question.options[1].label as string;
    const reply = await ana.post(`/sessions/${session.session_id}/answers/`, { text: label });
    expect(reply.body.accepted).toEqual([{ question_id: session.question.id, value: session.question.options[1].value }]);
    const nonsense = await ana.post(`/sessions/${session.session_id}/answers/`, { text: 'the moon is made of cheese' });
    expect([nonsense.status, nonsense.body.code]).toEqual([422, 'answer_invalid']);
  });

  test('an invalid answer gets the retry text of the question, changes nothing, and its repeat gets the same', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const id = randomUUID();
    const first = await ana.answer(session.session_id, session.question.id, 'castle', id);
    expect([first.status, first.body.code]).toEqual([422, 'answer_invalid']);
    expect(first.body.errors[0]).toMatchObject({ pointer: '/value', code: 'not_an_option' });
    expect(first.body.detail.length).toBeGreaterThan(5);
    const again = await ana.answer(session.session_id, session.question.id, 'castle', id);
    expect([again.status, again.body.code, again.body.detail]).toEqual([422, 'answer_invalid', first.body.detail]);
    expect((await ana.get(`/sessions/${session.session_id}/`)).body.answers_count).toBe(0);
  });

  test('a message that is repeated, however many times at once, is applied once and answered alike', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const id = randomUUID();
    const value = session.question.options[0].value;
    const replies = await Promise.all(Array.from({ length: 12 }, () => ana.answer(session.session_id, session.question.id, value, id)));
    expect(new Set(replies.map((reply) => JSON.stringify([reply.status, reply.body])))).toHaveProperty('size', 1);
    expect(replies[0]?.status).toBe(200);
    const { body } = await ana.get(`/sessions/${session.session_id}/answers/`);
    expect(body.answers).toHaveLength(1);
  });

  test('another answer under a used message id is refused, not lost silently', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const [first, second] = session.question.options;
    const id = 'my-message';
    await ana.gives(session.session_id, session.question.id, first.value, id);
    const other = await ana.answer(session.session_id, session.question.id, second.value, id);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('a question that is not the current one and was not asked before is 409 not_asked', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    for (const id of ['security_level', 'no_such_question', 'toString']) {
      const reply = await ana.answer(session.session_id, id, 'basic');
      expect([reply.status, reply.body.code, reply.body.current_question]).toEqual([409, 'not_asked', 'setup_urgency']);
      expect(reply.body.detail).toContain(id);
      expect(reply.body.detail).toContain('setup_urgency');
    }
  });

  test('where nothing is asked, 409 not_asked says in which state the session is', async () => {
    const { ana, ben } = await cast(instance);
    const { session } = await proposed(ana, ben);
    const reply = await ana.post(`/sessions/${session.session_id}/answers/`, { question_id: 'no_such_question', value: 1 });
    expect(reply.body).toMatchObject({
      status: 409, code: 'not_asked', current_question: null, state: 'awaiting_approval',
      detail: expect.stringContaining('awaiting_approval'),
    });
    const unnamed = await ana.post(`/sessions/${session.session_id}/answers/`, { value: 1 });
    expect(unnamed.body).toMatchObject({
      status: 409, code: 'not_asked', current_question: null, detail: expect.stringContaining('awaiting_approval'),
    });
  });

  test('an amendment opens and closes branches, keeps what was superseded, and suggests it when it returns', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const done = await ana.answerAll(session, { security_level: 'high', gps_tracking: true });
    const waiting = await ana.inState(done.session_id, 'awaiting_approval');
    expect(waiting.progress_percent).toBe(80);
    const basic = await ana.answer(session.session_id, 'security_level', 'basic');
    expect(basic.status).toBe(200);
    expect(basic.body.state).toBe('generating');
    const { body } = await ana.get(`/sessions/${session.session_id}/answers/`);
    const gps = body.answers.filter((entry: Body) => entry.question_id === 'gps_tracking');
    expect(gps).toMatchObject([{ value: true, superseded: true }]);
    const high = await ana.answer(session.session_id, 'security_level', 'high');
    expect(high.body).toMatchObject({ state: 'in_progress', question: { id: 'gps_tracking', suggested: true } });
    await ana.answerAll(high.body);
    await ana.inState(session.session_id, 'awaiting_approval');
  });

  test('a stale If-Match is 412 and changes nothing; a fresh one is honoured; without one the newest device wins', async () => {
    const { ana } = await cast(instance);
    const started = await ana.post('/sessions/', {});
    const session = started.body;
    const old = started.headers.get('etag') ?? '';
    const value = session.question.options[0].value;
    const post = (questionId: string, answer: unknown, etag?: string) => ana.post(
      `/sessions/${session.session_id}/answers/`, { question_id: questionId, value: answer },
      etag === undefined ? {} : { headers: { 'if-match': etag } },
    );
    const first = await post(session.question.id, value, old);
    expect(first.status).toBe(200);
    const stale = await post(session.question.id, session.question.options[1].value, old);
    expect([stale.status, stale.body.code]).toEqual([412, 'precondition_failed']);
    expect((await post(session.question.id, session.question.options[1].value, first.headers.get('etag') ?? '')).status).toBe(200);
    expect((await post(session.question.id, value, '"not-ours"')).status).toBe(412);
    expect((await post(session.question.id, value)).status).toBe(200);
  });

  test('two tabs answering the last question at once leave one current answer and one proposal', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    let current = session;
    while (current.question !== null && current.question.id !== 'contact_email') {
      current = (await ana.answerAll({ ...current, question: current.question }, {}).then((body: Body) => body));
    }
    const waiting = await ana.inState(session.session_id, 'awaiting_approval');
    const replies = await Promise.all([
      ...Array.from({ length: 5 }, () => ana.post(`/sessions/${session.session_id}/answers/`, { question_id: 'expected_users', value: 1 })),
    ]);
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200, 200]);
    expect((await ana.get(`/sessions/${session.session_id}/`)).body).toMatchObject({
      state: 'awaiting_approval', answers_count: waiting.answers_count,
    });
  });

  test('thirty people typing at once on one session are all answered', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    // the engine takes ten at once and refuses the eleventh: the others wait before it (engine/in-flight.ts)
    expect(readConfiguration({}).GANGWAY_IN_FLIGHT_PER_SESSION).toBeLessThanOrEqual(10);
    const replies = await Promise.all(Array.from({ length: 30 }, (_, at) => (
      sent(() => ana.answer(session.session_id, session.question.id, session.question.options[at % 2].value, `at-once-${at}`))
    )));
    expect(replies.map((reply) => reply.status)).toEqual(replies.map(() => 200));
    const { body } = await ana.get(`/sessions/${session.session_id}/answers/`);
    expect(body.answers.filter((entry: Body) => !entry.superseded)).toHaveLength(1);
  });

  test('text is counted in characters as people see code points, and stored composed', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    await ana.gives(session.session_id, 'business_unit_type', 'office');
    expect((await ana.answer(session.session_id, 'business_unit_name', '😀'.repeat(201))).status).toBe(422);
    expect((await ana.answer(session.session_id, 'business_unit_name', 'a\u0000b')).status).toBe(422);
    expect((await ana.answer(session.session_id, 'business_unit_name', 'a\ud800b')).status).toBe(422);
    expect((await ana.answer(session.session_id, 'business_unit_name', 'x'.repeat(9_000))).status).toBe(422);
    await ana.gives(session.session_id, 'business_unit_name', '😀'.repeat(200));
    const composed = await ana.answer(session.session_id, 'business_unit_name', 'Cafe\u0301');
    expect(composed.body.accepted[0].value).toBe('Café');
  });
});

describe('reading', () => {
  test('a foreign session reads exactly like a missing one, for another person and another tenant', async () => {
    const { ana, tenant } = await cast(instance);
    const session = await ana.start();
    const eve = await person(instance, tenant, 'eve', 'user');
    const mallory = await person(instance, newTenant(), 'mallory', 'admin');
    const missing = randomUUID();
    for (const stranger of [eve, mallory]) {
      for (const [method, path, body] of [
        ['GET', '/sessions/ID/'], ['GET', '/sessions/ID/answers/'], ['GET', '/sessions/ID/recommendations/'],
        ['POST', '/sessions/ID/answers/', { question_id: 'setup_urgency', value: 'immediate' }], ['POST', '/sessions/ID/cancel/', {}],
      ] as const) {
        const headers = { headers: { 'x-correlation-id': 'same' } };
        const foreign = await stranger.call(method, path.replace('ID', session.session_id), body, headers);
        const none = await stranger.call(method, path.replace('ID', missing), body, headers);
        expect(foreign.status).toBe(404);
        expect(JSON.stringify(foreign.body).replaceAll(session.session_id, missing)).toBe(JSON.stringify(none.body));
      }
    }
    expect((await ana.get(`/sessions/${session.session_id}/`)).body).toMatchObject({ state: 'started', answers_count: 0 });
  });

  test('a repeated message id does not open a foreign session', async () => {
    const { ana, tenant } = await cast(instance);
    const session = await ana.start();
    const value = session.question.options[0].value;
    await ana.answer(session.session_id, session.question.id, value, 'guessable');
    const eve = await person(instance, tenant, 'eve', 'user');
    const reply = await eve.answer(session.session_id, session.question.id, value, 'guessable');
    expect([reply.status, reply.body.code]).toEqual([404, 'not_found']);
  });

  test('people list their own sessions, an admin those of the tenant, by filters and through all pages without a gap or a double', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const people = await Promise.all(Array.from({ length: 7 }, (_, at) => person(instance, tenant, `p${at}`, 'user')));
    const sessions = await Promise.all(people.map((each) => each.start()));
    await ana.start();
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await admin.get(`/sessions/?limit=3${cursor}`);
      expect(body.total).toBe(8);
      seen.push(...body.results.map((each: Body) => each.session_id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    expect(seen).toHaveLength(8);
    expect(new Set(seen).size).toBe(8);
    expect((await admin.get('/sessions/?owner=p3')).body.results.map((each: Body) => each.session_id)).toEqual([sessions[3]?.session_id]);
    expect((await ana.get('/sessions/')).body.total).toBe(1);
    expect((await ana.get('/sessions/?owner=p3')).body.total).toBe(0);
    await people[0]?.answer(sessions[0]?.session_id, 'setup_urgency', 'immediate');
    await until('the list follows the state', async () => (await admin.get('/sessions/?state=in_progress')).body.total === 1);
    const id = sessions[0]?.session_id;
    const unreadable = [
      { at: 'now', id: 'x' }, { at: '0000-01-01 00:00:00+00', id }, { at: '2026-02-30 00:00:00+00', id },
      { at: '2026-01-01 24:00:01+00', id }, { at: '2026-01-01 00:00:00+99', id },
    ].map((place) => Buffer.from(JSON.stringify(place)).toString('base64url'));
    for (const cursorText of ['abc', '%00', ...unreadable]) {
      const bad = await admin.get(`/sessions/?cursor=${cursorText}`);
      expect([bad.status, bad.body.code]).toEqual([400, 'invalid_request']);
    }
  });

  test('flows are listed and read with their questions in a language', async () => {
    const { ana } = await cast(instance);
    const list = await ana.get('/flows/');
    expect(list.body.results.map((flow: Body) => flow.id)).toContain('business_unit_setup');
    const one = await ana.get('/flows/business_unit_setup/?language=hi');
    expect(one.body).toMatchObject({ id: 'business_unit_setup', version: 2, languages: ['en', 'hi'] });
    expect(one.body.questions.every((question: Body) => question.prompt.length > 0)).toBe(true);
    expect((await ana.get('/flows/castle/')).status).toBe(404);
  });

  test('the language of a flow that is read is matched as at a start, and the list of flows has pages', async () => {
    const { ana } = await cast(instance);
    const hindi = (await ana.get('/flows/business_unit_setup/?language=hi')).body;
    for (const tag of ['hi-IN', 'HI_in']) expect((await ana.get(`/flows/business_unit_setup/?language=${tag}`)).body).toEqual(hindi);
    const all = (await ana.get('/flows/?language=hi-IN')).body;
    expect(all.results).toEqual((await ana.get('/flows/?language=hi')).body.results);
    const first = (await ana.get('/flows/?language=hi&limit=1')).body;
    const second = (await ana.get(`/flows/?language=hi&limit=1&cursor=${first.next_cursor}`)).body;
    expect([...first.results, ...second.results]).toEqual(all.results.slice(0, 2));
    expect([first.total, second.total]).toEqual([all.total, all.total]);
    expect((await ana.get('/flows/?cursor=abc')).body.code).toBe('invalid_request');
  });
});
