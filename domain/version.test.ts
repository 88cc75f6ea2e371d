import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseExpression } from './expression.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import { newestCheckpoint } from './newest-checkpoint.ts';
import { OnboardingSession } from './session.ts';
import { versionAt, versionIn, type AnswerChange } from './version.ts';

const question = (id: string, when: string | null = null): QuestionRule => ({
  id, type: 'text', required: true, pii: false, integer: false, when: when === null ? null : parseExpression(when).expression, options: [],
  min: null, max: null, pattern: null,
});
const rules: FlowRules = { id: 'test', version: 1, questions: [question('a'), question('b', "a == 'x'"), question('c'), question('d')] };
const actor = { tenant: 'acme', subject: 'ana', roles: ['user'] } as const;
const message = <Body>(body: Body, id: string) => ({ id, fingerprint: id, actor, correlation_id: 'c', if_match: null, body });

type Step = { readonly kind: 'answer'; readonly id: string; readonly value: string }
  | { readonly kind: 'save' } | { readonly kind: 'back'; readonly share: number };

/** Of whole numbers: of doubles most are next to nothing, and nearly every return would be to the first version. */
const share = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000);
const steps = fc.array(fc.oneof(
  fc.record({ kind: fc.constant('answer' as const), id: fc.constantFrom('a', 'b', 'c'), value: fc.constantFrom('x', 'y', 'z') }),
  fc.constant({ kind: 'save' as const }),
  fc.record({ kind: fc.constant('back' as const), share }),
), { maxLength: 40 });

/** Plays them, and notes what counted at each checkpoint when it was made. */
function play(all: readonly Step[]): { session: OnboardingSession; then: Map<number, Record<string, Json>> } {
  const session = OnboardingSession.open(rules, {
    session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
  }, 1_000);
  const then = new Map<number, Record<string, Json>>();
  const note = (): void => {
    for (const { version } of session.state.checkpoints) if (!then.has(version)) then.set(version, session.answers());
  };
  note();
  for (const [at, step] of all.entries()) {
    const now = 2_000 + at * 10;
    if (step.kind === 'answer') session.answer(message({ question_id: step.id, value: step.value }, `m${at}`), null, now);
    else if (step.kind === 'save') session.checkpoint('manual', now, { force: true });
    else {
      const version = 1 + Math.floor(step.share * (session.state.checkpoint_version - 1));
      const known = session.state.checkpoints.some((kept) => kept.version === version);
      if (known) session.resume(message({ version, current: null }, `m${at}`), now);
    }
    note();
  }
  return { session, then };
}

const valuesOf = (answers: readonly { question_id: string; value: Json }[]): Record<string, Json> => Object.fromEntries(
  answers.map(({ question_id, value }) => [question_id, value]),
);

function applied(before: Record<string, Json>, changes: readonly AnswerChange[]): Record<string, Json> {
  const after = { ...before };
  for (const change of changes) {
    if (change.change === 'superseded') delete after[change.question_id];
    else after[change.question_id] = change.value;
  }
  return after;
}

test('each version has what counted when it was made, and its changes lead there from the version before', () => {
  fc.assert(fc.property(steps, (all) => {
    const { session, then } = play(all);
    for (const [version, answers] of then) {
      const found = versionIn(session.state, version);
      expect(valuesOf(found?.answers ?? [])).toEqual(answers);
      expect(applied(then.get(version - 1) ?? {}, found?.changes ?? [])).toEqual(answers);
    }
    expect(versionIn(session.state, session.state.checkpoint_version + 1)).toBeNull();
    expect(versionIn(session.state, 0)).toBeNull();
  }), { numRuns: 200 });
});

test('what the archive keeps of a checkpoint says the same as the session itself', () => {
  fc.assert(fc.property(steps, (all) => {
    const { session } = play(all);
    for (const checkpoint of session.state.checkpoints) {
      const before = session.state.checkpoints.find(({ version }) => version === checkpoint.version - 1);
      const archived = versionAt({
        checkpoint, stages: session.state.stages, log: session.state.answers.slice(0, checkpoint.position), current: checkpoint.current,
        before: before?.current ?? [],
      });
      expect(archived).toEqual(versionIn(session.state, checkpoint.version));
    }
  }), { numRuns: 100 });
});

test('at every version of random sessions history, the hot copy and the archive have the same answers', () => {
  fc.assert(fc.property(steps, (all) => {
    // as a flush sees it: the newest checkpoint is the one that was just made
    for (let length = 0; length <= all.length; length += 1) {
      const { session: { state }, then } = play(all.slice(0, length));
      const newest = newestCheckpoint(state);
      const checkpoint = state.checkpoints.at(-1);
      if (newest === null || checkpoint === undefined) throw new Error('A session begins with a checkpoint.');
      const history = versionIn(state, newest.version);
      expect(newest.answers).toEqual(then.get(newest.version));
      expect(newest.answers).toEqual(valuesOf(history?.answers ?? []));
      const archived = state.answers.slice(0, checkpoint.position).filter(({ sequence }) => checkpoint.current.includes(sequence));
      expect(newest.answers).toEqual(valuesOf(archived));
    }
  }), { numRuns: 60 });
});

test('a version that the session no longer keeps, or whose forerunner it does not, is the archive\'s', () => {
  const { session } = play(Array.from({ length: 60 }, () => ({ kind: 'save' as const })));
  session.saved(session.state.event_sequence, session.state.checkpoint_version);
  const [oldest] = session.state.checkpoints;
  expect(session.state.checkpoints).toHaveLength(50);
  expect(versionIn(session.state, (oldest?.version ?? 0) - 1)).toBeNull();
  expect(versionIn(session.state, oldest?.version ?? 0)).toBeNull();
  expect(versionIn(session.state, (oldest?.version ?? 0) + 1)).not.toBeNull();
});
