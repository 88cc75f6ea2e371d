import { describe, expect, test } from '@jest/globals';
import { parseExpression } from './expression.ts';
import { applicable, labelsByLanguage, matchLanguage, questionTexts, answersThatApply, wireQuestion } from './flow.ts';
import type { Flow, QuestionRule } from './flow.ts';

function question(id: string, when: string | null = null, more: Partial<QuestionRule> = {}): QuestionRule {
  return {
    id,
    type: 'boolean',
    required: true,
    pii: false,
    when: when === null ? null : parseExpression(when).expression,
    options: [],
    min: null,
    max: null,
    pattern: null,
    integer: false,
    ...more,
  };
}

const kind = question('kind', null, { type: 'single_choice', options: ['a', 'b'], group: 'first' });
const plain = question('plain');
const flow: Flow = {
  id: 'f',
  version: 3,
  default_language: 'en',
  languages: ['en', 'hi', 'pt-BR'],
  rules: { id: 'f', version: 3, questions: [kind, plain] },
  recommendations: [],
  texts: {
    en: {
      title: 'Flow',
      description: 'About it',
      rationales: {},
      questions: {
        kind: { prompt: 'Which?', help: 'Pick one', retry_text: 'One of two', options: { a: 'Alpha', b: 'Beta' } },
        plain: { prompt: 'Really?', options: {} },
      },
    },
    hi: {
      title: '',
      description: '',
      rationales: {},
      questions: { kind: { prompt: '', help: '  ', retry_text: 'दो में से एक', options: { a: 'अल्फ़ा', b: '' } } },
    },
  },
};

describe('languages', () => {
  test.each([
    ['hi', 'hi'],
    ['HI', 'hi'],
    ['hi-IN', 'hi'],
    ['hi_in', 'hi'],
    ['hi-Deva-IN', 'hi'],
    ['EN-gb', 'en'],
    ['pt-br', 'pt-BR'],
  ])('%s is %s', (tag, language) => {
    expect(matchLanguage(flow, tag)).toBe(language);
  });

  test.each(['xx', '', 'ar', 'pt', 'hind', '-hi', 'hi-', 'constructor', 'h'.repeat(5000)])(
    '%j is not spoken',
    (tag) => {
      expect(matchLanguage(flow, tag)).toBeNull();
    },
  );

  test('prompt, help, retry text and labels fall back one by one and are never blank', () => {
    expect(questionTexts(flow, 'hi', 'kind')).toEqual({
      prompt: 'Which?',
      help: 'Pick one',
      retry_text: 'दो में से एक',
      options: { a: 'अल्फ़ा', b: 'Beta' },
    });
    expect(questionTexts(flow, 'pt-BR', 'kind')).toEqual(questionTexts(flow, 'en', 'kind'));
    expect(questionTexts(flow, 'xx', 'plain')).toEqual({
      prompt: 'Really?',
      help: null,
      retry_text: 'Really?',
      options: {},
    });
    expect(labelsByLanguage(flow, 'kind')['hi']).toEqual({ a: 'अल्फ़ा', b: 'Beta' });
  });
});

describe('the wire question', () => {
  test('has exactly the keys of the contract, null for what is absent', () => {
    expect(wireQuestion(flow, 'hi', kind)).toEqual({
      id: 'kind',
      type: 'single_choice',
      prompt: 'Which?',
      help: 'Pick one',
      required: true,
      min: null,
      max: null,
      pattern: null,
      options: [
        { value: 'a', label: 'अल्फ़ा' },
        { value: 'b', label: 'Beta' },
      ],
      group: 'first',
    });
    expect(Object.keys(wireQuestion(flow, 'en', plain)).toSorted()).toEqual([
      'help',
      'id',
      'max',
      'min',
      'options',
      'pattern',
      'prompt',
      'required',
      'type',
    ]);
  });

  test('a former answer comes as suggested, also when it was false or skipped', () => {
    expect(wireQuestion(flow, 'en', plain, false)).toHaveProperty('suggested', false);
    expect(wireQuestion(flow, 'en', plain, null)).toHaveProperty('suggested', null);
    expect(wireQuestion(flow, 'en', plain)).not.toHaveProperty('suggested');
  });
});

describe('which questions apply', () => {
  const rules = {
    id: 'f',
    version: 1,
    questions: [kind, question('one', "kind == 'a'"), question('two', 'one == true'), question('three', 'not two')],
  };
  const ids = (answers: Parameters<typeof applicable>[1]): readonly string[] =>
    applicable(rules, answers).map(({ id }) => id);

  test('a condition over what is not answered yet is false', () => {
    expect(ids({})).toEqual(['kind', 'three']);
    expect(ids({ kind: 'a' })).toEqual(['kind', 'one', 'three']);
    expect(ids({ kind: 'a', one: true, two: true })).toEqual(['kind', 'one', 'two']);
  });

  test('when a question falls away, everything that hangs on its answer falls with it', () => {
    const answers = { kind: 'b', one: true, two: true };
    expect(ids(answers)).toEqual(['kind', 'three']);
    expect({ ...answersThatApply(rules, answers) }).toEqual({ kind: 'b' });
  });
});
