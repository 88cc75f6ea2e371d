/** Live events: each once, in order, whatever happens to the connection or to the service. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, usersTimeouts, type Instance } from './support/instance.ts';
import { cast, newTenant, person, tokenFor, type Body, type Person } from './support/person.ts';
import { runFileOf } from './support/instance-stores.ts';
import { readStream, type ReceivedEvent, type StreamReader } from './support/stream-reader.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const open: StreamReader[] = [];
afterAll(() => { for (const reader of open) reader.close(); });

async function follow(
  who: Person, sessionId: string, lastEventId?: string,
  at: { readonly url: string; readonly folder: string; readonly pid: number } = instance,
): Promise<StreamReader> {
  const reader = await readStream(at.url, sessionId, await tokenFor(at, who.tenant, who.subject, ['user']), { lastEventId });
  open.push(reader);
  return reader;
}

const idsOf = (events: readonly ReceivedEvent[]): number[] => events.map((event) => event.id);
const lastId = (reader: StreamReader): number => reader.events.at(-1)?.id ?? 0;
const answered = (reader: StreamReader): number => reader.events.filter((event) => event.data.event === 'question_answered').length;

/** Whole numbers from one to another, both in. */
function span(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

const fiveAnswers: readonly [string, unknown][] = [
  ['setup_urgency', 'immediate'], ['business_unit_type', 'office'], ['business_unit_name', 'Harbour'], ['expected_users', 40],
  ['operating_hours', { start: '09:00', end: '17:00' }],
];

async function answerSome(ana: Person, sessionId: string, from: number, to: number): Promise<void> {
  for (const [question, value] of fiveAnswers.slice(from, to)) {
    const { status } = await ana.answer(sessionId, question, value);
    if (status !== 200) throw new Error(`${question}: ${status}`);
  }
}

describe('a stream', () => {
  test('begins with the whole session under the id of its newest event, and says how to read it', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const reader = await follow(ana, session.session_id);
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no',
    });
    expect(reader.headers['content-encoding']).toBeUndefined();
    await until('the first event is there', () => reader.events.length > 0);
    const [first] = reader.events;
    expect(first).toMatchObject({
      name: 'state', data: { event: 'snapshot', sequence: first?.id, session: { session_id: session.session_id, state: 'started' } },
    });
    expect(reader.text()).toMatch(/^retry: 3000\n\n/);
  });

  test('tells what happens under its names, each event once and in order, and ends with the session', async () => {
    const { ana, ben } = await cast(instance);
    const session = await ana.start();
    const reader = await follow(ana, session.session_id);
    await ana.answer(session.session_id, 'setup_urgency', 'no such option');
    await ana.answerAll(session);
    await ana.inState(session.session_id, 'awaiting_approval');
    const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
    const items = proposal.recommendations.map((each: Body) => each.recommendation_id);
    await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, rejected_items: [], dry_run: false });
    await until('the stream has ended', () => reader.ended());
    expect(idsOf(reader.events)).toEqual(span(reader.events[0]?.id ?? 0, lastId(reader)));
    expect(new Set(reader.events.map((event) => event.name))).toEqual(new Set(['state', 'question', 'checkpoint', 'recommendation']));
    const refused = reader.events.find((event) => event.data.event === 'answer_refused');
    expect(refused).toMatchObject({ name: 'question', data: { question_id: 'setup_urgency' } });
    expect(reader.text()).not.toContain('no such option');
    expect(reader.events.at(-1)?.data.session ?? reader.events.findLast((event) => event.data.session !== undefined)?.data.session)
      .toMatchObject({ state: 'completed' });
    expect(reader.events.find((event) => event.name === 'recommendation')?.data.session.state).not.toBe('in_progress');
    const again = await follow(ana, session.session_id, String(lastId(reader)));
    expect(again.status).toBe(204);
  });

  test('that breaks off after the third of five answers goes on with exactly what was missed, in order', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const before = await follow(ana, id);
    await answerSome(ana, id, 0, 3);
    await until('three answers have come', () => answered(before) === 3);
    before.close();
    const seen = lastId(before);
    await answerSome(ana, id, 3, 5);
    const after = await follow(ana, id, String(seen));
    await until('two more have come', () => answered(after) === 2);
    expect(idsOf(after.events)).toEqual(span(seen + 1, lastId(after)));
    expect(after.events.filter((event) => event.name === 'question').map((event) => event.data.question_id)).toEqual(
      ['expected_users', 'operating_hours'],
    );
  });

  test.each(['999999', 'abc', '-1', '1.5', '1e2', '9'.repeat(40), '%00'])('that comes back with the id %s, which no event has, gets the ' +
    'whole session', async (given) => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const reader = await follow(ana, id, given);
    await until('the session has come', () => reader.events.length > 0);
    expect(reader.events[0]).toMatchObject({ name: 'state', data: { event: 'snapshot', session: { session_id: id } } });
  });

  test('that was away for longer than events are kept gets the whole session, and only what is new after it', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    await answerSome(ana, id, 0, 5);
    for (let users = 1; users <= 51; users += 1) await ana.answer(id, 'expected_users', users);
    const reader = await follow(ana, id, '3');
    await until('the session has come', () => reader.events.length > 0);
    expect(reader.events[0]?.data.event).toBe('snapshot');
    await ana.gives(id, 'expected_users', 99);
    await until('the change has come', () => reader.events.length > 1);
    expect(idsOf(reader.events)).toEqual(span(reader.events[0]?.id ?? 0, lastId(reader)));
  });
});

describe('a stream belongs to', () => {
  test('the owner and admins: anyone else gets the 404 of a session that does not exist, whatever the id', async () => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const eve = await person(instance, tenant, 'eve', 'user');
    const stranger = await person(instance, newTenant(), 'ana', 'user', 'admin');
    const missing = '00000000-0000-4000-8000-000000000000';
    for (const [who, roles] of [[eve, ['user']], [ben, ['user', 'approver']], [stranger, ['user', 'admin']]] as const) {
      const token = await tokenFor(instance, who.tenant, who.subject, roles);
      for (const given of [undefined, '1']) {
        const [foreign, none] = await Promise.all(
          [id, missing].map((each) => readStream(instance.url, each, token, { lastEventId: given })),
        );
        await until('both have ended', () => foreign?.ended() === true && none?.ended() === true);
        expect([foreign?.status, none?.status]).toEqual([404, 404]);
        const [a, b] = [foreign, none].map((reader) => JSON.parse(reader?.text() ?? '') as Body);
        expect({ ...a, instance: '', correlation_id: '' }).toEqual({ ...b, instance: '', correlation_id: '' });
      }
    }
    const reader = await readStream(instance.url, id, await tokenFor(instance, tenant, 'dee', ['admin']));
    open.push(reader);
    expect(reader.status).toBe(200);
    const { body } = await admin.get('/admin/audit/?action=session.events');
    expect(body.results[0]).toMatchObject({ actor: 'dee', action: 'session.events', target: `session:${id}` });
  });

  test('a credential that counts: it ends when the token does', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const token = await tokenFor(instance, ana.tenant, 'ana', ['user'], 5);
    const reader = await readStream(instance.url, id, token);
    expect(reader.status).toBe(200);
    await until('the stream has ended', () => reader.ended());
    expect(Date.now()).toBeGreaterThanOrEqual(Number(decodeJwt(token).exp) * 1_000 - 100);
    expect(reader.events).toHaveLength(1);
  });

  test('one of five places a person has: the sixth is 429, and a closed one makes room', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const five = await Promise.all(Array.from({ length: 5 }, () => follow(ana, id)));
    expect(five.map((reader) => reader.status)).toEqual([200, 200, 200, 200, 200]);
    const sixth = await follow(ana, id);
    expect(sixth.status).toBe(429);
    expect(sixth.headers['retry-after']).toBe('10');
    await until('the refusal is read', () => sixth.ended());
    expect(JSON.parse(sixth.text())).toMatchObject({ code: 'rate_limited', violated_policies: ['streams'] });
    const dee = await readStream(instance.url, id, await tokenFor(instance, tenant, 'dee', ['admin']));
    open.push(dee);
    expect(dee.status).toBe(200);
    five[0]?.close();
    await until('there is room again', async () => (await follow(ana, id)).status === 200);
  });
});

describe('an instance of its own', () => {
  let own: Instance | undefined;
  let folder = '';
  // so much time to end that nobody here would live to see its end
  const settings = {
    ...usersTimeouts, GANGWAY_STREAM_HEARTBEAT_MS: '200', GANGWAY_STREAM_POLL_MS: '200', GANGWAY_STREAMS: '8',
    GANGWAY_DRAIN_SECONDS: '300',
  };
  beforeAll(async () => {
    folder = await newFolder();
    own = await startInstance(folder, settings);
  });
  afterAll(async () => { await discard(own); });
  const running = (): Instance => {
    if (own === undefined) throw new Error('There is no instance.');
    return own;
  };

  test('shows that it lives while nothing happens', async () => {
    const { ana } = await cast(running());
    const { session_id: id } = await ana.start();
    const reader = await follow(ana, id, undefined, running());
    await until('three signs of life', () => reader.text().split('\n\n').filter((block) => block === ':').length >= 3);
    reader.close();
  });

  test('has so many places in all, then 503', async () => {
    const people = await Promise.all([cast(running()), cast(running())]);
    const [{ ana: first }] = people;
    const readers = (await Promise.all(people.map(async ({ ana }) => {
      const { session_id: id } = await ana.start();
      return Promise.all(Array.from({ length: 5 }, () => follow(ana, id, undefined, running())));
    }))).flat();
    expect(readers.map((reader) => reader.status).sort((a, b) => a - b)).toEqual([...Array.from({ length: 8 }, () => 200), 503, 503]);
    for (const reader of readers) reader.close();
    await until('there is room again', async () => {
      const { body } = await first.get('/sessions/');
      const reader = await readStream(running().url, body.results[0].session_id, await tokenFor(running(), first.tenant, 'ana', ['user']));
      reader.close();
      return reader.status === 200;
    });
  });

  test('that is killed in the middle, with all it runs on, goes on with exactly what was missed', async () => {
    const { ana } = await cast(running());
    const { session_id: id } = await ana.start();
    const before = await follow(ana, id, undefined, running());
    await answerSome(ana, id, 0, 3);
    await until('three answers have come', () => answered(before) === 3);
    before.close();
    await answerSome(ana, id, 3, 5);
    const { pids } = await running().runFile();
    for (const pid of [running().pid, ...Object.values(pids)]) process.kill(pid, 'SIGKILL');
    await running().kill().catch(() => undefined);

    own = await startInstance(folder, settings);
    const after = await follow(ana, id, String(lastId(before)), running());
    await until('two more have come', () => answered(after) === 2);
    expect(idsOf(after.events)).toEqual(span(lastId(before) + 1, lastId(after)));
    after.close();
  });

  test('sends on by the clock while Redis is away', async () => {
    const { tenant } = await cast(running());
    const ana = await person(running(), tenant, 'ana', 'user');
    const { session_id: id } = await ana.start();
    const reader = await follow(ana, id, undefined, running());
    await until('the session has come', () => reader.events.length > 0);
    const { pids } = await runFileOf(running());
    process.kill(pids['redis'] ?? 0, 'SIGSTOP');
    try {
      await answerSome(ana, id, 0, 1);
      await until('the answer has come', () => answered(reader) === 1);
    } finally {
      process.kill(pids['redis'] ?? 0, 'SIGCONT');
      reader.close();
    }
  });

  test('stops at once though a stream is open, which ends cleanly: it is not among the requests that get time to end', async () => {
    const { ana } = await cast(running());
    const { session_id: id } = await ana.start();
    const reader = await follow(ana, id, undefined, running());
    await until('the session has come', () => reader.events.length > 0);
    process.kill(running().pid, 'SIGTERM');
    await until('the stream has ended', () => reader.ended());
    expect(await running().ended).toBe(0);
  });
});
