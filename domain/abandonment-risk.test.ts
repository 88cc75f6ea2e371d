import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  assessRisk, inactiveForScore, interventions, levelChangesAt, levelOf, listedScore, standingScore, standingScores, urgencyOf, waitingFor,
  type RiskFactor, type RiskSource,
} from './abandonment-risk.ts';

const at = (changes: Partial<RiskSource['counters']>, state: RiskSource['state'] = 'in_progress', isParked = false): RiskSource => ({
  state, isParked, last_activity_at: 0, counters: { asked_most: 1, asked: 1, refusals: 0, ...changes },
});
const points = (factor: RiskFactor, source: RiskSource, now = 0): number => assessRisk(source, now)
  .factors.find((each) => each.factor === factor)?.contribution ?? -1;

const anySource = fc.record({
  state: fc.constantFrom('started' as const, 'in_progress' as const), isParked: fc.constant(false),
  last_activity_at: fc.integer({ min: 0, max: 2_000_000 }),
  counters: fc.record({ asked_most: fc.integer({ min: 1, max: 6 }), asked: fc.integer({ min: 1, max: 24 }), refusals: fc.nat(8) }),
});

describe('Abandonment risk detection', () => {
  test.each([
    [120_000, 0], [120_001, 10], [300_000, 10], [300_001, 20], [600_000, 20], [600_001, 30], [86_400_000, 30],
  ])('inactivity of %i ms is %i points: beyond 120, 300 and 600 s', (ms, expected) => {
    expect(points('inactivity', at({}), ms)).toBe(expected);
  });

  test.each([
    ['confusion', 'asked_most', [[1, 0], [2, 15], [3, 15], [4, 25], [9, 25]]],
    ['fatigue', 'asked', [[15, 0], [16, 10], [20, 10], [21, 20]]],
    ['errors', 'refusals', [[1, 0], [2, 8], [3, 8], [4, 15], [5, 15], [6, 25]]],
  ] as const)('%s goes by %s', (factor, counter, cases) => {
    for (const [value, expected] of cases) expect([value, points(factor, at({ [counter]: value }))]).toEqual([value, expected]);
  });

  test('the score is the sum of the four and at most 100; levels begin at 20, 40 and 70, and so does urgency', () => {
    const worst = assessRisk(at({ asked_most: 9, asked: 30, refusals: 9 }), 700_000);
    expect([worst.score, worst.level, worst.factors.map(({ weight }) => weight)]).toEqual([100, 'critical', [30, 25, 20, 25]]);
    expect([0, 19, 20, 39, 40, 69, 70, 100].map(levelOf)).toEqual(
      ['low', 'low', 'medium', 'medium', 'high', 'high', 'critical', 'critical'],
    );
    expect([39, 40, 69, 70].map(urgencyOf)).toEqual(['monitor', 'soon', 'soon', 'immediate']);
  });

  test('what contributes most leads, and each factor has its intervention', () => {
    expect(assessRisk(at({ asked_most: 4, refusals: 3 }), 400_000).leading).toEqual(['confusion', 'inactivity', 'errors']);
    expect(assessRisk(at({}), 0).leading).toEqual([]);
    expect(Object.values(interventions).map(({ type, action }) => `${type}/${action}`)).toEqual([
      'proactive_reach_out/send_reminder', 'human_assistance/offer_live_chat', 'break_suggestion/suggest_save_and_resume',
      'technical_support/escalate_to_support',
    ]);
  });

  test.each([
    ['started', false, 'person'], ['in_progress', false, 'person'], ['generating', false, 'engine'], ['generating', true, 'operator'],
    ['awaiting_approval', false, 'approver'], ['awaiting_approval', true, 'operator'], ['escalated', false, 'operator'],
    ['completed', false, null], ['cancelled', false, null], ['error', false, null],
  ] as const)('in %s (parked: %s) the session waits for %s; inactivity counts for a person only, and only then it is listed', (
    state, isParked, expected,
  ) => {
    const source = at({ asked_most: 4 }, state, isParked);
    expect(waitingFor(source)).toBe(expected);
    expect(points('inactivity', source, 700_000)).toBe(expected === 'person' ? 30 : 0);
    expect(listedScore(source)).toBe(expected === 'person' ? 25 : null);
    expect(assessRisk(source, 700_000).score).toBe(expected === null ? 0 : expected === 'person' ? 55 : 25);
  });

  test('the standing part with a look at the clock is the whole score, for every score that can stand', () => {
    fc.assert(fc.property(anySource, fc.integer({ min: 0, max: 900_000 }), fc.integer({ min: 0, max: 100 }), (source, idle, least) => {
      const standing = standingScore(source.counters);
      expect(standingScores).toContain(standing);
      const needed = inactiveForScore(standing, least);
      const reaches = assessRisk(source, source.last_activity_at + idle).score >= least;
      expect(reaches).toBe(needed !== null && idle > needed);
    }));
  });

  test('when the level will change is told to the millisecond: not before, and then it does', () => {
    fc.assert(fc.property(anySource, fc.integer({ min: 0, max: 900_000 }), (source, idle) => {
      const now = source.last_activity_at + idle;
      const { level } = assessRisk(source, now);
      const changes = levelChangesAt(source, level, now);
      if (changes === null) expect(assessRisk(source, now + 10_000_000).level).toBe(level);
      else {
        expect(assessRisk(source, changes - 1).level).toBe(level);
        expect(assessRisk(source, changes).level).not.toBe(level);
      }
    }));
  });
});
