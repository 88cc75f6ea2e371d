import { expect, test } from '@jest/globals';
import { isAnswer, isClientEvent, isMessage, isRedriven, isResultOf, isResume, isTaskOutcome } from './message-shape.ts';

const message = {
  id: 'm', fingerprint: '', correlation_id: 'c', if_match: null, actor: { tenant: 't', subject: 'ana', roles: ['user'] }, body: {},
};

test('what the API sends has the shape of a message; what is typed by hand has it only when nothing is missing', () => {
  for (const versions of [null, [7], [6, 7]]) expect(isMessage({ ...message, if_match: versions })).toBe(true);
  const broken: unknown[] = [
    undefined, null, 'text', [], {}, ...Object.keys(message).map((key) => ({ ...message, [key]: undefined })),
    { ...message, actor: { tenant: 't', subject: 'ana' } }, { ...message, if_match: 7 }, { ...message, if_match: ['7'] },
  ];
  for (const value of broken) expect(isMessage(value)).toBe(false);
});

test.each([
  [
    isAnswer, [{ text: 'x' }, { question_id: null, value: null }, { question_id: 'q', value: 1 }],
    [{}, { question_id: 'q' }, { text: 5 }, { value: 1 }],
  ],
  [
    isClientEvent, [{ event: 'e', properties: {}, occurred_at: null }],
    [{}, { event: 'e', properties: { a: 1 }, occurred_at: null }, { event: 'e', properties: {}, occurred_at: 'now' }],
  ],
  [
    isResume, [{ version: null, current: null }, { version: 3, current: [1, 2] }],
    [{}, { version: '3', current: null }, { version: 3, current: ['1'] }],
  ],
] as const)('a body is taken only in its shape (%p)', (is, good, bad) => {
  for (const body of good) expect(is(body)).toBe(true);
  for (const body of bad) expect(is(body)).toBe(false);
});

test('a result is taken only for a step that can have had it, and a word of a task or redrive only when it is one', () => {
  const propose = { kind: 'propose', number: 1, provider: 'model' } as const;
  expect(isResultOf(propose, { recommendations: [], confidence: 1, decision: 'ready' })).toBe(true);
  for (const output of [null, 'nonsense', {}, { status: 'applied' }]) expect(isResultOf(propose, output)).toBe(false);
  expect(isResultOf({ kind: 'write_changeset', changeset_id: 'c' }, { status: 'applied' })).toBe(true);
  expect(isResultOf({ kind: 'write_changeset', changeset_id: 'c' }, {})).toBe(false);
  expect([
    isTaskOutcome({ task_id: 't', outcome: { kind: 'discarded', reason: null } }),
    isTaskOutcome({ task_id: 't', outcome: { kind: 'completed' } }), isTaskOutcome(undefined),
  ]).toEqual([true, false, false]);
  expect([isRedriven({ task_id: 't', result: 'failed' }), isRedriven({ task_id: 't', result: 'x' }), isRedriven(null)])
    .toEqual([true, false, false]);
});
