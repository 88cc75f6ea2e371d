/** Proposals over the whole way: the model's, what happens when it fails, and what a person sees of it: never a failure. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hanging, says, startFakeModel, status, type Behaviour, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, type Body } from './support/person.ts';

let fake: FakeModel;
let instance: Instance;

beforeAll(async () => {
  fake = await startFakeModel();
  instance = await startInstance(await newFolder(), {
    OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_MODEL_TIMEOUT_MS: '1500', GANGWAY_PROPOSAL_FALLBACK_SECONDS: '4',
  });
}, 120_000);
afterAll(async () => {
  await discard(instance);
  await fake.close();
}, 60_000);

async function proposalAfter(...behaviours: Behaviour[]): Promise<{ proposal: Body; session: Body; decide: (items: string[]) => Promise<Body> }> {
  fake.play(...behaviours);
  const { ana, ben } = await cast(instance);
  const started = await ana.answerAll(await ana.start());
  const session = await ana.inState(started.session_id, 'awaiting_approval');
  const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
  const decide = async (items: string[]) => (await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false })).body;
  return { proposal, session, decide };
}

describe('a model that answers', () => {
  test('gives its reasons, which the approver reads', async () => {
    const { proposal } = await proposalAfter(says({ proposals: [{ rule_id: 'business_unit', confidence: 0.95, rationale: 'Ordinary opening hours for an office.', changes: [] }] }));
    expect(fake.calls.length).toBe(1);
    expect(proposal.recommendations.find((item: Body) => item.target.startsWith('business_unit:')).rationale).toBe('Ordinary opening hours for an office.');
  }, 60_000);
});

describe('a model that fails', () => {
  test('for good is not asked again as if that would help: after the fallback time the rules propose, marked for review', async () => {
    const { proposal, decide } = await proposalAfter(status(401));
    expect(proposal.consensus.decision).toBe('needs_review');
    expect(proposal.recommendations.length).toBeGreaterThanOrEqual(4);
    expect(fake.calls.length).toBe(1);
    expect(await decide(proposal.recommendations.map((item: Body) => item.recommendation_id))).toMatchObject({ status: 'applied' });
  }, 60_000);

  test('once is asked again, and its answer is used', async () => {
    const { proposal } = await proposalAfter(status(500), says({ proposals: [] }));
    expect(fake.calls.length).toBeGreaterThanOrEqual(2);
    expect(proposal.recommendations.length).toBeGreaterThanOrEqual(4);
  }, 60_000);

  test('while it is silent the person can correct an answer, and the proposal is for the corrected one', async () => {
    fake.play(hanging, hanging, status(401));
    const { ana, ben } = await cast(instance);
    const started = await ana.answerAll(await ana.start());
    expect((await ana.get(`/sessions/${started.session_id}/`)).body).toMatchObject({ state: 'generating', question: null });
    expect((await ana.answer(started.session_id, 'expected_users', 77)).status).toBe(200);
    await ana.inState(started.session_id, 'awaiting_approval');
    const { body } = await ben.get(`/sessions/${started.session_id}/recommendations/`);
    expect(body.recommendations.find((item: Body) => item.target.startsWith('business_unit:')).after.expected_users).toBe(77);
  }, 90_000);
});
