/** A session carries no more than its bounds, however long it is used while nothing can be stored, and can always be ended. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseExpression } from './expression.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import { bounds, counts, stateParts, unsavedUpTo } from './bounds.ts';
import { jsonBytes, type Json } from './json.ts';
import { type Actor, type AnswerBody, type Message } from './message.ts';
import type { Recommendation } from './recommendation.ts';
import { OnboardingSession } from './session.ts';
import type { SessionState } from './session-state.ts';
import { codeOf as codeOfAny } from '../test/support/rejection.ts';

const wide = 'x'.repeat(59);
const question = (at: number, more: Partial<QuestionRule> = {}): QuestionRule => ({
  id: `q${wide}${String(at).padStart(3, '0')}`, type: 'text', required: false, pii: false, when: null, options: [], min: 0, max: 8_000,
  pattern: null, ...more,
});
const gate = 'gate';
const rules: FlowRules = {
  id: 'wide', version: 1,
  questions: [
    question(0, { id: gate, type: 'boolean', required: true }),
    ...Array.from({ length: 198 }, (_, at) => question(at, { when: parseExpression(`${gate} == true`).expression })),
    question(999, { id: 'last', type: 'number', required: true }),
  ],
};
const ana: Actor = { tenant: 'acme', subject: 'ana', roles: ['user'] };
const ben: Actor = { tenant: 'acme', subject: 'ben', roles: ['approver'] };
const start = {
  session_id: '6f9f0c5e-0000-4000-8000-000000000001', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time',
  correlation_id: 'c', client_context: { note: '\u0939'.repeat(1_300) },
} as const;
/** null: allowed. */
const codeOf = (work: () => unknown): string | null => {
  const code = codeOfAny(work);
  return code === 'allowed' ? null : code;
};
let sent = 0;
const message = <Body>(body: Body, actor = ana, id = `m${sent += 1}`): Message<Body> => ({
  id, fingerprint: '0123456789abcdef', actor, correlation_id: 'c', if_match: null, body,
});

/** What a validator says, or null; what it lets through is handled. */
function answer(session: OnboardingSession, body: AnswerBody): string | null {
  const answering = message(body);
  const refused = codeOf(() => session.checkAnswer(answering));
  if (refused === null) session.answer(answering, null, sent);
  return refused;
}

function sizesOf(
  { answers, former, proposal, decision, checkpoints, ui_states, ui_state, seen, recent, uploads, unsaved, ...rest }: SessionState,
): Record<keyof typeof stateParts, number> {
  return {
    answers: jsonBytes(answers), former: jsonBytes(former), proposal: jsonBytes(proposal?.recommendations ?? []),
    decision: jsonBytes(decision), checkpoints: jsonBytes(checkpoints),
    ui_states: jsonBytes(ui_states) + jsonBytes(ui_state), seen: jsonBytes(seen), recent: jsonBytes(recent),
    uploads: jsonBytes(uploads), unsaved: jsonBytes(unsaved),
    rest: jsonBytes(rest),
  };
}

function expectWithinBounds(session: OnboardingSession): void {
  const sizes = sizesOf(session.state);
  for (const [part, bytes] of Object.entries(sizes)) {
    expect([part, bytes <= stateParts[part as keyof typeof stateParts]]).toEqual([part, true]);
  }
  expect(jsonBytes(session.state)).toBeLessThanOrEqual(bounds.state);
}

const until = (what: () => string | null, most = 20_000): { times: number; code: string | null } => {
  for (let times = 0; times < most; times += 1) {
    const code = what();
    if (code !== null) return { times, code };
  }
  return { times: most, code: null };
};

describe('a session whose archive is away', () => {
  const session = OnboardingSession.open(rules, start, 0);

  test('refuses client events first, then checkpoints, then answers, each with store_unavailable, and takes nothing of what it refuses', () => {
    const event = () => {
      const body = { event: 'opened help', properties: { page: 'y'.repeat(1_900) }, occurred_at: null };
      const adding = message(body);
      const code = codeOf(() => session.checkClientEvent(adding));
      if (code === null) session.addClientEvent(adding, sent);
      return code;
    };
    const events = until(event);
    expect(events.code).toBe('store_unavailable');
    expect(events.times).toBeGreaterThan(50);
    const before = JSON.stringify(session.state);
    expect(event()).toBe('store_unavailable');
    expect(JSON.stringify(session.state)).toBe(before);
    expect(answer(session, { question_id: gate, value: true })).toBeNull();
    const refusals = until(() => answer(session, { question_id: gate, value: 'no boolean' }));
    expect(refusals.code).toBe('store_unavailable');
    expect(refusals.times).toBeGreaterThan(300);
    expectWithinBounds(session);
  });

  test('goes on once it is stored, part by part, each within what a flush takes, every event and checkpoint once and in order', () => {
    const sequences: number[] = [];
    while (session.hasUnsaved) {
      const { events, checkpoints } = session.unsaved();
      expect(jsonBytes({ events, checkpoints })).toBeLessThanOrEqual(bounds.flush);
      sequences.push(...events.map((event) => event.sequence));
      session.saved(events.at(-1)?.sequence ?? 0, checkpoints.at(-1)?.version ?? 0);
    }
    expect(sequences).toEqual(Array.from({ length: session.state.event_sequence }, (_, at) => at + 1));
    expect(answer(session, { question_id: gate, value: false })).toBeNull();
  });

  test('can be cancelled, and what it still has to record fits', () => {
    const full = OnboardingSession.open(rules, start, 0);
    until(() => answer(full, { question_id: gate, value: 'no boolean' }));
    const cancelling = message({ reason: 'z'.repeat(5_000) });
    expect(codeOf(() => full.checkCancel(cancelling))).toBeNull();
    full.cancel(cancelling, 9);
    full.checkpoint('auto', 9);
    expect(full.ended).toBe(true);
    expectWithinBounds(full);
  });
});

const recommendation = (at: number): Recommendation => ({
  recommendation_id: `6f9f0c5e-0000-4000-8000-${String(at).padStart(12, '0')}`, rule_id: `r${at}`, target: `type_assist:${at}`,
  target_type: 'type_assist', target_key: String(at), operation: 'update',
  before: { code: 'c', label: '\u0939'.repeat(150), category: 'k' }, after: { code: 'c', label: '\u0938'.repeat(150), category: 'k' },
  confidence: 0.9, rationale: '', depends_on: [], status: 'pending',
});

test('every part of the state driven to its most stays within its bound, and all of them together can be carried and restored', () => {
  const session = OnboardingSession.open(rules, start, 0);
  /** As when the archive stores at once. */
  const store = (): void => { while (session.hasUnsaved) session.saved(Infinity, Infinity); };
  answer(session, { question_id: gate, value: true });
  for (let at = 0; at < 198; at += 1) {
    answer(session, { question_id: `q${wide}${String(at).padStart(3, '0')}`, value: at % 3 === 0 ? '\u0939'.repeat(1_500) : null });
    store();
  }
  // amendments until the log is full, then refusals and checkpoints with a UI state of 8 KB each
  const outcome = until(() => {
    store();
    const amending = message({ question_id: `q${wide}000`, value: `${sent}${'\u0939'.repeat(1_000)}` });
    if (codeOf(() => session.checkAnswer(amending)) !== null) return 'refused at the door';
    const said = session.answer(amending, null, sent).outcome;
    return said.kind === 'refused' ? said.mistake.code : null;
  });
  expect(outcome.code).toBe('session_full');
  for (let at = 0; at < 3_000; at += 1) {
    store();
    answer(session, { question_id: gate, value: 'no boolean' });
  }
  for (let at = 0; at < 60; at += 1) {
    store();
    const saving = message<{ ui_state: Json; label: string; force: boolean }>({
      ui_state: { tab: at, text: 'u'.repeat(8_150) }, label: '\u{1f600}'.repeat(200), force: true,
    });
    expect(codeOf(() => session.checkCheckpoint(saving))).toBeNull();
    session.saveCheckpoint(saving, sent);
  }
  // the branch closes: 198 former values
  expect(answer(session, { question_id: gate, value: false })).toBeNull();
  store();
  answer(session, { question_id: 'last', value: 1 });
  expect(session.state.state).toBe('generating');
  const recommendations = Array.from({ length: 100 }, (_, at) => recommendation(at));
  session.receiveProposal(session.state.proposal_requests, { recommendations, confidence: 0.9, decision: 'ready' }, 9);
  const ids = recommendations.map((item) => item.recommendation_id);
  const decision = (reason: string) => message(
    {
      approved_items: ids, rejected_items: [], reasons: Object.fromEntries(ids.map((id) => [id, reason])), modifications: {},
      proposal_hash: null,
    },
    ben,
  );
  expect(codeOf(() => session.checkDecision(decision('\u0939'.repeat(1_000))))).toBe('invalid_request');
  const deciding = decision('\u0939'.repeat(130));
  expect(codeOf(() => session.checkDecision(deciding))).toBeNull();
  session.decide(deciding, { changeset: ids[0] ?? '', approval: ids[1] ?? '' }, 9);
  // and as much unsaved as there may be
  until(() => {
    const adding = message({ event: 'opened help', properties: { page: 'y'.repeat(1_900) }, occurred_at: null });
    const code = codeOf(() => session.checkClientEvent(adding));
    if (code === null) session.addClientEvent(adding, sent);
    return code;
  });
  expectWithinBounds(session);
  const sizes = sizesOf(session.state);
  // driven there indeed: what has no size of its own to reach is left out
  for (
    const [part, atLeast] of [
      ['answers', 0.98], ['proposal', 0.6], ['decision', 0.6], ['ui_states', 0.8], ['seen', 0.9], ['recent', 0.9], ['former', 0.8],
    ] as const
  ) {
    expect([part, sizes[part] / stateParts[part] >= atLeast]).toEqual([part, true]);
  }
  expect(session.state.recent.length).toBeLessThanOrEqual(counts.recent);
  expect(unsavedUpTo.messages).toBeLessThan(stateParts.unsaved);
  const restored = OnboardingSession.restore(rules, session.state);
  expect(restored.state).toEqual(session.state);
  expect(restored.view()).toEqual(session.view());
});

test('the parts add up to no more than the state, the state with the rules to no more than a payload, as docs/limits.md says', () => {
  const sum = Object.values(stateParts).reduce((total, bytes) => total + bytes, 0);
  expect(sum).toBeLessThanOrEqual(bounds.state);
  expect(bounds.state + bounds.rules).toBeLessThanOrEqual(bounds.payload);
  expect(bounds.state - stateParts.unsaved + bounds.flush + stateParts.rest).toBeLessThanOrEqual(bounds.payload);
  expect(bounds.task_input + bounds.task_history).toBeLessThanOrEqual(bounds.payload);
  const documented = Object.fromEntries(
    [...readFileSync('docs/limits.md', 'utf8').matchAll(/^\| `(\w+)` \| ([\d,]+) KB \|/gm)].map(([, name = '', size = '']) => [
      name, Number(size.replace(',', '')) * 1_024,
    ]),
  );
  expect(documented).toEqual({ ...stateParts, ...bounds });
});

test('UI states that the archive does not have yet are not pushed out: the checkpoint that would do it is refused', () => {
  const session = OnboardingSession.open(rules, start, 0);
  const saved: Json[] = [];
  const { code } = until(() => {
    const uiState = { tab: saved.length, text: 'u'.repeat(8_000) };
    const saving = message({ ui_state: uiState as Json, label: null, force: true });
    const refused = codeOf(() => session.checkCheckpoint(saving));
    if (refused !== null) return refused;
    session.saveCheckpoint(saving, sent);
    saved.push(uiState);
    return null;
  });
  expect([code, saved.length]).toEqual(['store_unavailable', 8]);
  expect(session.state.ui_states.map(([, uiState]) => uiState)).toEqual(saved);
});
