import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stages } from '../../domain/lifecycle.ts';
import { difference } from '../statistics/two-arms.ts';
import { comparables, type QuestionCell, type StageCell } from './comparables.ts';
import { priorities, recommend, type Recommendation } from './recommendations.ts';

const cell = (more: Partial<StageCell>): StageCell => (
  { period: 'this', flow: 'clinic', flow_version: 1, language: 'en', device: 'phone', stage: 1, sessions: 0, ...more }
);
/** Of `n` sessions `passed` got to their first answer, and no further. */
const engaged = (n: number, passed: number, more: Partial<StageCell> = {}): readonly StageCell[] => [
  cell({ ...more, stage: 2, sessions: passed }), cell({ ...more, stage: 1, sessions: n - passed }),
];
const from = (cells: readonly StageCell[], questions: readonly QuestionCell[] = []): readonly Recommendation[] => (
  recommend(comparables(cells, questions, []), [])
);

describe('Recommendations', () => {
  test('nothing measured, nothing recommended', () => {
    expect(from([])).toEqual([]);
    expect(from(engaged(500, 100))).toEqual([]);
  });

  test('a language that does worse than another is named with the numbers of both and with what would be won', () => {
    const [first, ...others] = from([...engaged(200, 90, { language: 'hi' }), ...engaged(300, 240)]);
    const { interval } = difference({ successes: 90, n: 200 }, { successes: 240, n: 300 });
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      type: 'language', priority: 'critical', effort: 'low',
      title: 'Language hi in clinic: fewer sessions get to their first answer than with en',
      description: '90 of 200 sessions got to their first answer; of what it is compared with, 240 of 300 sessions.',
      expected_gain: {
        value: expect.closeTo(70, 9), unit: 'sessions_past_the_step',
        interval: [expect.closeTo(-interval[1] * 200, 3), expect.closeTo(-interval[0] * 200, 3)],
      },
      evidence: {
        place: { at: 'step', from_stage: 'started', to_stage: 'engaged' }, flow: 'clinic',
        group: { label: 'hi', arm: { n: 200, successes: 90 } }, comparison: { label: 'en', arm: { n: 300, successes: 240 } },
      },
    });
    expect(first?.confidence).toBe(1 - (first?.evidence.p_adjusted ?? 1));
  });

  test('under 30 sessions on either side say nothing, however great the difference is', () => {
    expect(from([...engaged(29, 0, { language: 'hi' }), ...engaged(500, 500)])).toEqual([]);
    expect(from([...engaged(500, 0, { language: 'hi' }), ...engaged(29, 29)])).toEqual([]);
    expect(from([...engaged(30, 0, { language: 'hi' }), ...engaged(30, 30)])).toHaveLength(1);
  });

  test('the comparison is the best of those that are better by more than chance', () => {
    const cells = [
      ...engaged(400, 100, { language: 'hi' }), ...engaged(400, 300, { language: 'de' }), ...engaged(400, 350, { language: 'en' }),
    ];
    const found = from(cells).map(({ evidence }) => [evidence.group.label, evidence.comparison.label]);
    expect(found).toEqual([['hi', 'en'], ['de', 'en']]);
  });

  test('languages are compared within one flow, so that a hard flow is not blamed on its language', () => {
    const cells = [...engaged(300, 60, { flow: 'hard', language: 'hi' }), ...engaged(300, 270, { flow: 'easy' })];
    expect(from(cells).map(({ type, evidence }) => [type, evidence.group.label])).toEqual([['flow', 'hard']]);
  });

  test('a period that is over and a version that is no longer given out are not recommended to be mended', () => {
    const worseBefore = [...engaged(300, 100, { period: 'previous' }), ...engaged(300, 200)];
    expect(from(worseBefore)).toEqual([]);
    const worseNow = [...engaged(300, 200, { period: 'previous' }), ...engaged(300, 100)];
    expect(from(worseNow).map(({ type }) => type)).toEqual(['previous_period']);
    const versions = (old: number, fresh: number) => [...engaged(300, old), ...engaged(300, fresh, { flow_version: 2 })];
    expect(from(versions(200, 100)).map(({ type, evidence }) => [type, evidence.group.label])).toEqual([['flow_version', '2']]);
    expect(from(versions(100, 200))).toEqual([]);
  });

  test('a question that is left more often in one language than in another is named', () => {
    const question = { question_id: 'hours', flow: 'clinic', flow_version: 1, device: 'phone' };
    const found = from([], [
      { ...question, language: 'hi', sessions: 100, dropped: 40 }, { ...question, language: 'en', sessions: 100, dropped: 5 },
    ]);
    expect(found).toMatchObject([{
      type: 'language', title: 'Language hi in clinic: fewer sessions get past the question hours than with en',
      expected_gain: { value: expect.closeTo(35, 9), unit: 'sessions_past_the_question' },
    }]);
  });

  test('a refusal that goes with not finishing is named with its factor; one that goes with finishing is not', () => {
    const refusal = (withIt: number, without: number) => ({
      kind: 'refusal', question_id: 'hours', value: null, with: { n: 100, successes: withIt }, without: { n: 100, successes: without },
    } as const);
    expect(recommend(comparables([], [], [refusal(20, 60)]), [])).toMatchObject([
      { type: 'refusal', title: 'Where an answer to hours was refused, fewer sessions finish', evidence: { place: { at: 'finish' } } },
    ]);
    expect(recommend(comparables([], [], [refusal(60, 20)]), [])).toEqual([]);
  });

  test('over random numbers: each is significant, gains are positive and within the group, and the order is by gravity', () => {
    const cells = fc.array(fc.record({
      period: fc.constantFrom('this' as const, 'previous' as const), flow: fc.constantFrom('clinic', 'desk'),
      flow_version: fc.integer({ min: 1, max: 3 }), language: fc.constantFrom('en', 'hi', 'de', ''),
      device: fc.constantFrom('phone', 'desktop', 'unknown'), stage: fc.integer({ min: 1, max: stages.length }),
      sessions: fc.integer({ min: 0, max: 200 }),
    }), { maxLength: 60 });
    fc.assert(fc.property(cells, (some) => {
      const found = from(some);
      for (const { evidence, expected_gain: gain, confidence, priority } of found) {
        const { group: { arm, label }, comparison } = evidence;
        expect(Math.min(arm.n, comparison.arm.n)).toBeGreaterThanOrEqual(30);
        expect(['', 'unknown']).not.toContain(label);
        expect(confidence).toBeGreaterThan(0.95);
        expect(gain.interval[0]).toBeLessThanOrEqual(gain.value);
        expect(gain.interval[1]).toBeGreaterThanOrEqual(gain.value);
        expect(gain.value).toBeGreaterThan(0);
        expect(gain.value).toBeLessThanOrEqual(arm.n - arm.successes);
        const impact = (arm.n - arm.successes) ** 2 / arm.n;
        expect(priority).toBe(impact > 50 ? 'critical' : impact > 20 ? 'high' : impact > 5 ? 'medium' : 'low');
      }
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      const ranks = found.map(({ priority }) => priorities.indexOf(priority));
      expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    }));
  });
});
