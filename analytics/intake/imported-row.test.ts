import { describe, expect, test } from '@jest/globals';
import type { QuestionRule } from '../../domain/flow.ts';
import { importedSessionRow, type ImportedFacts, type OpenEvent } from './imported-row.ts';

const facts: ImportedFacts = {
  session_id: '0b0e7a52-6f1c-8d0a-9a3e-0c8f5b7f2d11', version: 2, started: 1_000, user_key: 'k', segment: 'first_time', flow: '',
  flow_version: 0, language: '', device: 'unknown',
};
type Told = readonly [at: number, name: string, properties?: Readonly<Record<string, string>>];
const row = (told: readonly Told[], more: Partial<ImportedFacts> = {}, questions: readonly QuestionRule[] = []) => {
  const events = told.map(([at, name, properties = {}]): OpenEvent =>
    ({ at, event: name, name, question_id: properties['question_id'] ?? '', properties }));
  return importedSessionRow('acme', { ...facts, ...more }, events, new Map(), questions);
};

describe('the row of an imported session', () => {
  test('has the answers to closed questions of its flow that properties tell, the last of each, and nothing else of them', () => {
    const question = (id: string, type: QuestionRule['type'], extra: Partial<QuestionRule> = {}): QuestionRule => ({
      id, type, required: true, pii: false, when: null, options: [], min: null, max: null, pattern: null, ...extra,
    });
    const questions = [
      question('kind', 'single_choice', { options: ['office', 'shop'] }), question('users', 'number', { bands: [10, 50] }),
      question('name', 'text'), question('secret', 'boolean', { pii: true }), question('cameras', 'boolean'),
    ];
    const told: readonly Told[] = [
      [1_000, 'started', { kind: 'shop', name: 'Ana', cameras: 'true' }], [2_000, 'a', { users: '24', secret: 'true', other: 'office' }],
      [3_000, 'b', { kind: 'office' }],
    ];
    expect(row(told, {}, questions).closed_answers).toEqual({ kind: 'office', users: '10 to under 50', cameras: 'true' });
    expect(row(told).closed_answers).toEqual({});
  });

  test('has the consecutive stages, each not before the one before it, ties included', () => {
    const whole = row([[1_000, 'started'], [2_000, 'engaged'], [2_000, 'recommendations_generated'], [5_000, 'approval_decision'],
      [9_000, 'completed']]);
    expect(whole).toMatchObject({
      stage: 5, state: 'completed', engaged_ms: 1_000, recommendations_generated_ms: 1_000, approval_decision_ms: 4_000,
      completed_ms: 8_000,
      ended_ms: 8_000, last_ms: 8_000,
    });
    // engaged before it was started is not engaged yet
    expect(row([[500, 'engaged'], [1_000, 'started'], [1_500, 'completed']])).toMatchObject({ stage: 1, state: 'completed' });
    expect(row([[500, 'engaged'], [1_000, 'started'], [1_500, 'engaged']])).toMatchObject({ stage: 2, engaged_ms: 500 });
    expect(row([[1_000, 'looked'], [1_200, 'completed']])).toMatchObject({ stage: 0, state: 'completed' });
  });

  test.each([
    [[[1_000, 'started']], 'started', 0], [[[1_000, 'started'], [2_000, 'looked']], 'in_progress', 0],
    [[[1_000, 'started'], [2_000, 'cancelled']], 'cancelled', 1_000], [[[1_000, 'started'], [2_000, 'error']], 'error', 1_000],
    [[[1_000, 'started'], [2_000, 'error'], [3_000, 'looked']], 'in_progress', 0],
    [[[1_000, 'started'], [2_000, 'completed'], [3_000, 'cancelled']], 'completed', 1_000],
  ] as [Told[], string, number][])('after %j it is %s', (told, state, ended) => {
    expect(row(told)).toMatchObject({ state, ended_ms: ended, abandoned_ms: 0 });
  });

  test('has flow, version, language and device of the first event that says them, and else what was known before', () => {
    expect(row([
      [1_000, 'started', { flow_version: 'three', device: 'mobile' }], [2_000, 'a', { flow: 'desk', flow_version: '3', language: 'de' }],
      [3_000, 'b', { flow: 'other', device: 'desktop' }],
    ])).toMatchObject({ flow: 'desk', flow_version: 3, language: 'de', device: 'phone', origin: 'import', user_key: 'k', version: 2 });
    expect(row([[1_000, 'started', { user_agent: 'Mozilla/5.0 (iPad; CPU OS 17_0)' }]]).device).toBe('tablet');
    expect(row([[1_000, 'started']], { flow: 'desk', flow_version: 2, language: 'hi', device: 'tablet' }))
      .toMatchObject({ flow: 'desk', flow_version: 2, language: 'hi', device: 'tablet' });
  });

  test('has the questions that were shown, and what was put again', () => {
    expect(row([
      [1_000, 'started'], [1_000, 'question_shown', { question_id: 'users' }], [2_000, 'answer_refused', { question_id: 'users' }],
      [4_000, 'question_answered', { question_id: 'users' }], [4_500, 'question_shown', { question_id: 'name' }],
    ])).toMatchObject({
      questions: ['users', 'name'], question_ms: [3_000, -1], question_repeats: [1, 0], last_question: 'name', answers: 1, repeats: 1,
      errors: 1,
    });
  });
});
