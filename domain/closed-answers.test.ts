import { describe, expect, test } from '@jest/globals';
import { closedAnswers, closedAnswersTold, closedValues, isClosed } from './closed-answers.ts';
import { deviceOf } from './device.ts';
import { parseExpression } from './expression.ts';
import type { FlowRules, QuestionRule } from './flow.ts';

const question = (id: string, type: QuestionRule['type'], extra: Partial<QuestionRule> = {}): QuestionRule => ({
  id, type, required: true, pii: false, when: null, options: [], min: null, max: null, pattern: null, ...extra,
});
const rules: FlowRules = {
  id: 'test', version: 1,
  questions: [
    question('kind', 'single_choice', { options: ['office', 'shop'] }), question('name', 'text'),
    question('days', 'multi_choice', { options: ['mon', 'tue', 'wed'] }), question('users', 'number', { bands: [10, 50] }),
    question('floor', 'number'), question('secret', 'boolean', { pii: true }),
    question('counter', 'boolean', { when: parseExpression("kind == 'shop'").expression }),
  ],
};

describe('answers that reports are divided by', () => {
  test('choices, yes and no, and numbers in the bands of the flow; no text, no plain number, nothing personal', () => {
    const answers = { kind: 'office', name: 'Ana', days: ['wed', 'mon'], users: 24, floor: 3, secret: true };
    expect(closedAnswers(rules, answers)).toEqual({ kind: 'office', days: 'mon+wed', users: '10 to under 50' });
  });

  test('an answer whose question does not apply counts as not given', () => {
    expect(closedAnswers(rules, { kind: 'office', counter: true })).toEqual({ kind: 'office' });
    expect(closedAnswers(rules, { kind: 'shop', counter: true })).toEqual({ kind: 'shop', counter: 'true' });
  });

  test.each([[9, 'under 10'], [9.99, 'under 10'], [10, '10 to under 50'], [49, '10 to under 50'], [50, '50 and more'], [-1, 'under 10']])(
    '%d lies in the band %s, which is among those that are known', (value, band) => {
      expect(closedAnswers(rules, { users: value })).toEqual({ users: band });
      expect(closedValues(rules.questions[3] ?? question('none', 'number'))).toContain(band);
    },
  );

  test.each([
    [{ kind: 'office', days: '["wed","mon"]', users: '50' }, { kind: 'office', days: 'mon+wed', users: '50 and more' }],
    [{ kind: 'house', days: 'tue', users: 'many', counter: 'yes' }, { days: 'tue' }],
    [{ users: '', days: '[]', counter: 'false', secret: 'true', floor: '3', name: 'Ana' }, { counter: 'false' }],
  ])('of what another system tells, %j, those that are answers', (told, answers) => {
    expect(closedAnswersTold(rules.questions, told)).toEqual(answers);
  });

  test('a number without bands is not closed', () => {
    expect(rules.questions.filter(isClosed).map(({ id }) => id)).toEqual(['kind', 'days', 'users', 'counter']);
  });
});

describe('the device', () => {
  test.each([
    [{ device: 'Phone' }, 'phone'], [{ device: 'mobile' }, 'phone'], [{ device: 'fridge' }, 'unknown'], [{}, 'unknown'],
    [{ user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Mobile/15E148' }, 'phone'],
    [{ user_agent: 'Mozilla/5.0 (Linux; Android 16; Pixel 10) Chrome/140.0 Mobile Safari/537.36' }, 'phone'],
    [{ user_agent: 'Mozilla/5.0 (Linux; Android 16; SM-X910) Chrome/140.0 Safari/537.36' }, 'tablet'],
    [{ user_agent: 'Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X)' }, 'tablet'],
    [{ user_agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)' }, 'desktop'], [{ user_agent: 7 }, 'unknown'],
    [{ device: 'tablet', user_agent: 'Windows' }, 'tablet'],
  ])('%j is a %s', (context, device) => { expect(deviceOf(context)).toBe(device); });
});
