/** Free text that takes its time: what was said meanwhile is newer, and stands. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { says, startFakeModel, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, type Body, type Person, type Reply } from './support/person.ts';
import { until } from './support/until.ts';

let model: FakeModel;
let instance: Instance;
let ana: Person;
let session: Body;
/** Calls of the model that wait to be answered. */
let held: ServerResponse[] = [];

beforeAll(async () => {
  model = await startFakeModel();
  instance = await startInstance(await newFolder(), {
    OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_READING_TIMEOUT_MS: '9000',
  });
});
afterAll(async () => {
  await discard(instance);
  await model.close();
});

beforeEach(async () => {
  ({ ana } = await cast(instance));
  session = await ana.start();
  held = [];
  model.play((response) => { held.push(response); });
});

const path = (what: string): string => `/sessions/${session.session_id}/${what}/`;
const answers = async (): Promise<[string, unknown, boolean][]> => (await ana.get(path('answers'))).body.answers.map(
  (entry: Body) => [entry.question_id, entry.value, entry.superseded],
);

/** Says words that the script cannot read; the model has them now and is told when to answer. */
async function saying(
  text: string, options: { headers?: Record<string, string>; messageId?: string } = {},
): Promise<{ reply: Promise<Reply>; read: (value: unknown) => Promise<Reply> }> {
  const before = held.length;
  const reply = ana.post(
    path('answers'), { text, message_id: options.messageId ?? randomUUID() },
    options.headers === undefined ? {} : { headers: options.headers },
  );
  await until('the model is asked', () => held.length > before);
  const call = held[before];
  return { reply, read: (value) => {
    if (call !== undefined) says({ value, confidence: 0.95 })(call, { path: '', headers: {}, body: { model: '', messages: [] } });
    return reply;
  } };
}

describe('words that are being read when the question is answered otherwise', () => {
  test('overwrite nothing: they are told 409 with the question that is asked now, and their repeat is told the same', async () => {
    const messageId = randomUUID();
    const words = await saying('when the monsoon is over', { messageId });
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    await ana.gives(session.session_id, 'business_unit_type', 'office');
    const late = await words.read('planned');
    expect([late.status, late.body.code, late.body.current_question, late.body.overtaken]).toEqual([
      409, 'not_asked', 'business_unit_name', true,
    ]);
    expect(late.body.detail).toContain('business_unit_name');
    expect(await answers()).toEqual([['setup_urgency', 'immediate', false], ['business_unit_type', 'office', false]]);
    const again = await ana.post(path('answers'), { text: 'when the monsoon is over', message_id: messageId });
    expect([again.status, again.body]).toEqual([
      409, { ...late.body, instance: again.body.instance, correlation_id: again.body.correlation_id },
    ]);
    expect(held).toHaveLength(1);
  });

  test('with If-Match they are 412 whatever it was that changed meanwhile, and without it they count while their question is still asked', async () => {
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    const etag = (await ana.get(`/sessions/${session.session_id}/`)).headers.get('etag') ?? '';
    const guarded = await saying('a place to keep things', { headers: { 'if-match': etag } });
    const free = await saying('a place to keep things');
    await ana.gives(session.session_id, 'setup_urgency', 'planned');
    const late = await guarded.read('warehouse');
    expect([late.status, late.body.code]).toEqual([412, 'precondition_failed']);
    expect((await free.read('warehouse')).body.reply).toContain('Do you mean Warehouse?');
    expect((await ana.post(path('answers'), { text: 'yes' })).status).toBe(200);
    expect(await answers()).toEqual([
      ['setup_urgency', 'immediate', true], ['setup_urgency', 'planned', false], ['business_unit_type', 'warehouse', false],
    ]);
  });

  test('of two texts to one question the person says yes to the one that was read last, and a third one is told that it is over', async () => {
    const [slow, quick] = [await saying('once the monsoon ends'), await saying('once the rains have gone')];
    const slowest = await saying('once the fields are dry');
    expect((await quick.read('immediate')).body.reply).toContain('Do you mean Immediately?');
    expect((await slow.read('planned')).body.reply).toContain('Do you mean Planned for a later date?');
    expect((await ana.post(path('answers'), { text: 'yes' })).body.accepted).toEqual([{ question_id: 'setup_urgency', value: 'planned' }]);
    expect((await slowest.read('this_week')).body.code).toBe('not_asked');
    expect(await answers()).toEqual([['setup_urgency', 'planned', false]]);
  });

  test('a question that was answered and has come back is not the one that they spoke of', async () => {
    const { body: saved } = await ana.post(path('checkpoint'), { force: true });
    const words = await saying('when the monsoon is over');
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    expect((await ana.post(path('resume'), { checkpoint_version: saved.checkpoint_version })).body.next_action.question.id)
      .toBe('setup_urgency');
    expect((await words.read('planned')).body).toMatchObject({ code: 'not_asked', current_question: 'setup_urgency' });
    expect(await answers()).toEqual([['setup_urgency', 'immediate', true]]);
  });

  test('a session that was cancelled meanwhile stays as it was', async () => {
    const words = await saying('when the monsoon is over');
    expect((await ana.post(path('cancel'), {})).status).toBe(200);
    expect((await words.read('planned')).body.code).toBe('wrong_state');
    expect(await answers()).toEqual([]);
  });
});

test('of eight answers at once with the same If-Match exactly one counts', async () => {
  const etag = (await ana.get(`/sessions/${session.session_id}/`)).headers.get('etag') ?? '';
  const replies = await Promise.all(Array.from({ length: 8 }, (_, at) => ana.post(
    path('answers'), { question_id: 'setup_urgency', value: at % 2 === 0 ? 'immediate' : 'planned' }, { headers: { 'if-match': etag } },
  )));
  expect(replies.map((reply) => reply.status).toSorted((a, b) => a - b)).toEqual([200, ...Array<number>(7).fill(412)]);
  expect(await answers()).toHaveLength(1);
});

test('an answer to a question that is not asked names the one that is', async () => {
  const reply = await ana.answer(session.session_id, 'security_level', 'basic');
  expect([reply.status, reply.body.code, reply.body.current_question]).toEqual([409, 'not_asked', 'setup_urgency']);
  expect(reply.body.detail).toContain(session.question.prompt);
});
