import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agreementOf, consensusOf, coverageOf, decisionOf, freshnessOf, policyOf, type Verdict } from './consensus.ts';

const all = { coverage: 1, agreement: 1, freshness: 1, policy: 1 };
const none = { coverage: 0, agreement: 0, freshness: 0, policy: 0 };
const day = 86_400_000;

describe('consensus', () => {
  test.each([
    [1, all, 1],
    [0, none, 0],
    [1, none, 0.5],
    [0, all, 0.5],
    [0, { ...none, coverage: 1 }, 0.15],
    [0, { ...none, agreement: 1 }, 0.2],
    [0, { ...none, freshness: 1 }, 0.05],
    [0, { ...none, policy: 1 }, 0.1],
    [0.9, { coverage: 1, agreement: 0.9, freshness: 1, policy: 1 }, 0.93],
    [Number.NaN, all, 0.5],
    [7, { coverage: 9, agreement: -3, freshness: Number.POSITIVE_INFINITY, policy: Number.NaN }, 0.7],
  ])('is the mean of the maker (%p) and what stands behind it (%j): %p', (maker, factors, confidence) => {
    expect(consensusOf(maker, factors).confidence).toBe(confidence);
  });

  test.each([
    [0.7, 0.6, 'ready'],
    [0.6999, 0.9, 'needs_review'],
    [1, 0.5999, 'needs_review'],
    [0.4, 0, 'needs_review'],
    [0.3999, 1, 'escalate'],
    [0, 0, 'escalate'],
  ])('confidence %p with agreement %p is %s', (confidence, agreement, decision) => {
    expect(decisionOf({ confidence, agreement })).toBe(decision);
  });

  test.each<[Verdict | null, number]>([
    [null, 0.5],
    [{ valid: false, adjustment: 0.2 }, 0.2],
    [{ valid: true, adjustment: 0.05 }, 0.9],
    [{ valid: true, adjustment: 0 }, 0.7],
    [{ valid: true, adjustment: -0.1 }, 0.4],
    [{ valid: true, adjustment: -0.3 }, 0.1],
  ])('a verdict %j agrees by %p', (verdict, agreement) => {
    expect(agreementOf(verdict)).toBe(agreement);
  });

  test.each([
    [-day, 1], [0, 1], [29.9 * day, 1], [30 * day, 0.8], [180 * day, 0.6], [365 * day, 0.4], [3 * 365 * day, 0.2],
  ])('facts %p ms old are fresh by %p', (age, freshness) => {
    expect(freshnessOf(age)).toBe(freshness);
  });

  test('policy falls with values that are not allowed and with contradictions', () => {
    expect(policyOf({ compliant: true, aligned: true, official: true })).toBe(1);
    expect(policyOf({ compliant: false, aligned: true, official: true })).toBe(0.7);
    expect(policyOf({ compliant: true, aligned: false, official: true })).toBe(0.7);
    expect(policyOf({ compliant: false, aligned: false, official: false })).toBe(0);
  });

  test('sources cover a proposal by weight and by how much of it they say', () => {
    expect(coverageOf([])).toBe(1);
    expect(coverageOf([{ authority: 1, similarity: 0.8 }])).toBe(1);
    expect(coverageOf([{ authority: 1, similarity: 0.4 }, { authority: 0, similarity: 1 }])).toBe(0.25);
  });

  test('every number stays in 0..1, and more of anything never makes a proposal less certain or its decision stricter', () => {
    const factor = fc.double({ min: -0.5, max: 1.5 });
    const factors = fc.record({ coverage: factor, agreement: factor, freshness: factor, policy: factor });
    const ease = ['escalate', 'needs_review', 'ready'];
    const raised = fc.constantFrom('maker', 'coverage', 'agreement', 'freshness', 'policy');
    const rise = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(fc.property(factor, factors, raised, rise, (maker, given, which, more) => {
      const before = consensusOf(maker, given);
      const after = which === 'maker' ? consensusOf(maker + more, given) : consensusOf(maker, {
        ...given, [which]: given[which as keyof typeof given] + more,
      });
      for (const number of [...Object.values(before), ...Object.values(after)]) expect(number >= 0 && number <= 1).toBe(true);
      if ([maker, ...Object.values(given)].some(Number.isNaN)) return;
      expect(after.confidence).toBeGreaterThanOrEqual(before.confidence);
      expect(ease.indexOf(decisionOf(after))).toBeGreaterThanOrEqual(ease.indexOf(decisionOf(before)));
    }));
  });
});
