import { describe, expect, test } from '@jest/globals';
import type { Expression } from '../../domain/expression.ts';
import type { AskedQuestion } from '../client/contract.ts';
import { after, consequences, open, together } from './given.ts';

const is = (name: string, value: boolean): Expression => (
  { op: '==', left: { op: 'name', name }, right: { op: 'value', value } }
);
const question = (id: string, when: Expression | null = null): AskedQuestion => ({
  id, type: 'boolean', prompt: id, help: null, options: [], required: true, min: null, max: null, pattern: null, pii: false, when,
});
const questions = [question('first'), question('if_first', is('first', true)), question('if_not', is('first', false)), question('last')];
const ids = (all: readonly AskedQuestion[]): string[] => all.map(({ id }) => id);

describe('answers as they stand', () => {
  test('count together whatever their order: an amended one is the newest of the log, and closes nothing by that', () => {
    const answers = together(['if_first', 'last', 'first'].map((id) => ({ question_id: id, value: true })));
    expect(ids(open(questions, answers))).toEqual([]);
  });

  test('lose those whose question a later one closes, and what it opens is asked', () => {
    const answers = after(questions, {}, [
      { question_id: 'first', value: true }, { question_id: 'if_first', value: true }, { question_id: 'first', value: false },
    ]);
    expect(answers).toEqual({ first: false });
    expect(ids(open(questions, answers))).toEqual(['if_not', 'last']);
  });

  test('lead to exactly what a change asks anew and sets aside, and not to what would have been asked anyway', () => {
    const answers = { first: true, if_first: true };
    const { asked, aside } = consequences(questions, answers, { question_id: 'first', value: false });
    expect([ids(asked), ids(aside)]).toEqual([['if_not'], ['if_first']]);
    expect(consequences(questions, answers, { question_id: 'first', value: true })).toEqual({ asked: [], aside: [] });
  });
});
