import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foreign, keyOf, later, questionsOf, symbolOf, symbolsMax, trailOf, type Moment } from './history.ts';

const event = (name: string, question_id = '', properties: Readonly<Record<string, string>> = {}): Parameters<typeof keyOf>[0] =>
  ({ event: name, question_id, properties });

describe('the key of an event', () => {
  test('a stage that our own session reached and an imported event of the stage\'s name are one', () => {
    expect(keyOf(event('stage_reached', '', { stage: 'engaged' }))).toBe(keyOf(event('engaged')));
  });

  test('an event about a question names it', () => {
    expect(keyOf(event('question_answered', 'expected_users'))).toBe('question_answered:expected_users');
  });

  test('what a client names like something of the service\'s is the client\'s', () => {
    expect(keyOf(event('completed', '', { origin: 'client' }))).toBe('client:completed');
    expect(keyOf(event('question_shown', '', { origin: 'client' }))).toBe('client:question_shown');
    expect(keyOf(event('opened_help', '', { origin: 'client' }))).toBe('opened_help');
  });
});

describe('the trail', () => {
  const symbols = new Map(['a', 'b', 'c'].map((key, at) => [key, symbolOf(at)]));
  const moment = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'stranger'), at: fc.integer({ min: 0, max: 5 }) });
  const moments = fc.array(moment, { maxLength: 15 });

  test('any history reads back from its trail: the same events at the same times, in order of time', () => {
    fc.assert(fc.property(moments, (history) => {
      const { trail, trail_ms: times } = trailOf(history, symbols);
      const groups = trail === '' ? [] : trail.split(later);
      expect(groups).toHaveLength(times.length);
      expect([...times]).toEqual([...new Set(history.map(({ at }) => at))].toSorted((a, b) => a - b));
      times.forEach((at, place) => {
        const there = history.filter((moment) => moment.at === at).map(({ key }) => symbols.get(key) ?? foreign);
        const known = [...new Set(there.filter((symbol) => symbol !== foreign))].toSorted();
        expect(groups[place]).toBe([...there.filter((symbol) => symbol === foreign), ...known].join(''));
      });
    }), { numRuns: 500 });
  });

  test('two orders of what happened in one millisecond have one trail', () => {
    const [one, other]: Moment[] = [{ key: 'a', at: 7 }, { key: 'b', at: 7 }];
    expect(trailOf([one, other].filter((each) => each !== undefined), symbols))
      .toEqual(trailOf([other, one].filter((each) => each !== undefined), symbols));
  });

  test('every symbol is one UTF-16 unit, no surrogate, and none of the two signs', () => {
    for (const number of [0, 1, symbolsMax - 1]) {
      const symbol = symbolOf(number);
      expect(symbol).toHaveLength(1);
      expect(symbol.isWellFormed()).toBe(true);
      expect([foreign, later]).not.toContain(symbol);
    }
  });
});

describe('what a session went through', () => {
  const at = (ms: number, key: string): Moment => ({ key, at: ms });

  test('a question counts from its first showing to its first answer after that, with how often it was put again', () => {
    const history = [
      at(0, 'question_shown:kind'), at(10, 'answer_refused:kind'), at(20, 'help_given:kind'), at(50, 'question_answered:kind'),
      at(50, 'question_shown:users'), at(60, 'answer_amended:kind'), at(60, 'question_shown:kind'),
    ];
    expect(questionsOf(history)).toEqual({
      questions: ['kind', 'users'], question_ms: [50, -1], question_repeats: [2, 0], last_question: 'kind',
    });
  });

  test('what was answered last leaves no question open', () => {
    expect(questionsOf([at(0, 'question_shown:kind'), at(5, 'question_answered:kind')]).last_question).toBe('');
  });
});
