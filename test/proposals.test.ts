/** A model over the whole way: what it reads and proposes, what happens when it fails, and what a person sees of it: never a failure. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hanging, says, startFakeModel, status, type Behaviour, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';

const key = 'sk-never-shown';
let fake: FakeModel;
let instance: Instance;

beforeAll(async () => {
  fake = await startFakeModel();
  instance = await startInstance(await newFolder(), {
    OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: key, CHAT_MODEL: 'test', GANGWAY_MODEL_TIMEOUT_MS: '1500',
    GANGWAY_READING_TIMEOUT_MS: '1000', GANGWAY_PROPOSAL_FALLBACK_SECONDS: '4',
    GANGWAY_RETRY_DELAY_PERCENT: '10', LOG_LEVEL: 'debug',
  });
});
afterAll(async () => {
  await discard(instance);
  await fake.close();
});

async function proposalAfter(
  ...behaviours: Behaviour[]
): Promise<{ proposal: Body; session: Body; admin: Person; decide: (items: string[]) => Promise<Body> }> {
  fake.play(...behaviours);
  const { ana, ben, admin } = await cast(instance);
  const started = await ana.answerAll(await ana.start());
  const session = await ana.inState(started.session_id, 'awaiting_approval');
  const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
  const decide = async (items: string[]) => (
    await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false })
  ).body;
  return { proposal, session, admin, decide };
}

describe('a model that answers', () => {
  test('gives its reasons, which the approver reads', async () => {
    const { proposal } = await proposalAfter(says({
      proposals: [{ rule_id: 'business_unit', confidence: 0.95, rationale: 'Ordinary opening hours for an office.', changes: [] }],
    }));
    expect(fake.calls.length).toBe(1);
    expect(proposal.recommendations.find((item: Body) => item.target.startsWith('business_unit:')).rationale).toBe(
      'Ordinary opening hours for an office.',
    );
  });
});

describe('a model that fails', () => {
  test('for good is not asked again as if that would help: after the fallback time the rules propose, marked for review', async () => {
    const { proposal, decide } = await proposalAfter(status(401));
    expect(proposal.consensus.decision).toBe('needs_review');
    expect(proposal.recommendations.length).toBeGreaterThanOrEqual(4);
    expect(fake.calls.length).toBe(1);
    expect(await decide(proposal.recommendations.map((item: Body) => item.recommendation_id))).toMatchObject({ status: 'applied' });
  });

  test('is in the error log of its tenant, with its session', async () => {
    const { admin } = await proposalAfter(status(401));
    const patterns = async (query = ''): Promise<Body[]> => (await admin.get(`/admin/errors/patterns/${query}`)).body.results;
    await until('the error is told', async () => (await patterns()).length > 0);
    expect(await patterns('?category=llm_api')).toMatchObject([
      { task_name: 'proposeRecommendations', category: 'llm_api', severity: 'high', affected_sessions: 1, trend: 'new', count: 1 },
    ]);
  });

  test('once is asked again, and its answer is used', async () => {
    const { proposal } = await proposalAfter(status(500), says({ proposals: [] }));
    expect(fake.calls.length).toBeGreaterThanOrEqual(2);
    expect(proposal.recommendations.length).toBeGreaterThanOrEqual(4);
  });

  test('keeps nobody waiting for longer than the fallback time in all, whatever pauses it asks for and however long it hangs', async () => {
    const { proposal: overBusy } = await proposalAfter(status(429, { 'retry-after': '7200' }));
    // a pause of two hours is not begun: an operator has the task at once
    expect([overBusy.consensus.decision, fake.calls.length]).toEqual(['needs_review', 1]);
    const { proposal: overSilent } = await proposalAfter(hanging);
    // four calls of 1.5 s with their pauses take 9 s
    expect(overSilent.consensus.decision).toBe('needs_review');
    expect(fake.calls.length).toBeLessThan(4);
  });

  test('while it is silent the person can correct an answer, and the proposal is for the corrected one', async () => {
    fake.play(hanging, hanging, status(401));
    const { ana, ben } = await cast(instance);
    const started = await ana.answerAll(await ana.start());
    expect((await ana.get(`/sessions/${started.session_id}/`)).body).toMatchObject({ state: 'generating', question: null });
    await ana.gives(started.session_id, 'expected_users', 77);
    await ana.inState(started.session_id, 'awaiting_approval');
    const { body } = await ben.get(`/sessions/${started.session_id}/recommendations/`);
    expect(body.recommendations.find((item: Body) => item.target.startsWith('business_unit:')).after.expected_users).toBe(77);
  });
});

describe('free text', () => {
  let session: Body;
  let ana: Person;
  beforeAll(async () => {
    ({ ana } = await cast(instance));
    session = await ana.start();
  });

  const say = (text: string, messageId: string) => ana.post(`/sessions/${session.session_id}/answers/`, { text, message_id: messageId });

  test('of a message that is sent five times at once is one paid call, and what the model makes of it counts when the person says yes', async () => {
    fake.play(says({ value: 'this_month', confidence: 0.9 }));
    const replies = await Promise.all(Array.from({ length: 5 }, () => say('once the monsoon ends', 'm-1')));
    expect(replies.map(({ status: code }) => code)).toEqual([200, 200, 200, 200, 200]);
    expect(replies.map(({ body }) => [body.question.id, body.accepted, body.reply])).toEqual(
      Array.from({ length: 5 }, () => ['setup_urgency', [], expect.stringContaining('Do you mean This month?')]),
    );
    expect((await say('once the monsoon ends', 'm-1')).status).toBe(200);
    const confirmed = await say('yes', 'm-1b');
    expect(confirmed.body).toMatchObject({
      accepted: [{ question_id: 'setup_urgency', value: 'this_month' }], question: { id: 'business_unit_type' },
    });
    expect(fake.calls).toHaveLength(1);
    const { body } = await ana.get(`/sessions/${session.session_id}/answers/`);
    expect(body.answers.map((entry: Body) => [entry.question_id, entry.value])).toEqual([['setup_urgency', 'this_month']]);
    expect(instance.output()).not.toMatch(/monsoon|sk-never/);
  });

  test('while the model hangs: what the script can read is 200 at once, and the rest 422 with the retry text, after the time that a ' +
    'reading has', async () => {
    // what else could end the call says so in other words
    const timedOut = (): number => instance.output()
      .split('\n').filter((line) => line.includes('"failure":"timeout"') && line.includes('the scripted reading counts')).length;
    fake.play(hanging);
    const before = timedOut();
    const refused = await say('some kind of place', 'm-2');
    expect([refused.status, refused.body.code]).toEqual([422, 'answer_invalid']);
    expect(refused.body.detail).toBe('Please choose the kind of place from the list.');
    await until('it is logged', () => timedOut() === before + 1);
    expect(fake.calls).toHaveLength(1);
    const accepted = await say('an office', 'm-3');
    expect(accepted.status).toBe(200);
    expect(fake.calls).toHaveLength(1);
  });
});
