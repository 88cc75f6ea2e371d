import { expect, test } from '@jest/globals';
import cdf from '@stdlib/stats-base-dists-normal-cdf';
import quantile from '@stdlib/stats-base-dists-normal-quantile';
import fc from 'fast-check';
import { normalCdf, normalQuantile, twoSidedP } from './normal.ts';

test('probabilities have 12 right digits everywhere, in the lower tail too, where a difference from 1 has none', () => {
  fc.assert(fc.property(fc.double({ min: -37, max: 8, noNaN: true }), (z) => {
    const wanted = cdf(z, 0, 1);
    expect(Math.abs(normalCdf(z) - wanted) / wanted).toBeLessThan(1e-12);
  }), { numRuns: 2_000 });
  expect(twoSidedP(-20)).toBe(twoSidedP(20));
  expect(twoSidedP(20) / 5.507248237212e-89).toBeCloseTo(1, 10);
});

test('quantiles undo probabilities to 11 digits, also the smallest ones, and are the other library\'s where that is exact', () => {
  const small = fc.integer({ min: 1, max: 300 }).map((exponent) => 10 ** -exponent);
  fc.assert(fc.property(fc.oneof(fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true }), small), (p) => {
    expect(Math.abs(normalCdf(normalQuantile(p)) - p) / p).toBeLessThan(1e-11);
  }), { numRuns: 2_000 });
  // Further out the library loses digits: 3e-6 of the quantile of 1e-12.
  fc.assert(fc.property(fc.double({ min: 1e-3, max: 1 - 1e-3, noNaN: true }), (p) => {
    expect(Math.abs(normalQuantile(p) - quantile(p, 0, 1))).toBeLessThan(1e-11);
  }), { numRuns: 1_000 });
});

test('the ends are infinite, the middle is 0, and what is no probability is refused', () => {
  expect([0, 0.5, 1].map((p) => normalQuantile(p))).toEqual([-Infinity, 0, Infinity]);
  expect([-Infinity, 0, Infinity].map((z) => normalCdf(z))).toEqual([0, 0.5, 1]);
  for (const p of [-0.1, 1.1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(RangeError);
});
