/** How often and after how long, how bad, and what people are told. */
import { describe, expect, test } from '@jest/globals';
import { errorCategories, retryDelayMs, retryPolicies, unclassified, type ErrorCategory } from './error-category.ts';
import { messageFor } from './error-message.ts';

describe('Retry configuration', () => {
  const delays = (category: ErrorCategory, random: number): (number | null)[] => [1, 2, 3, 4, 5].map(
    (attempt) => retryDelayMs({ category, attempt, random: () => random }),
  );
  test('is the table of the design, with jitter and then the cap', () => {
    expect(delays('llm_api', 0.5)).toEqual([3_000, 7_500, 18_750, null, null]);
    expect(delays('database', 0)).toEqual([800, 1_600, null, null, null]);
    expect(delays('network', 1)).toEqual([2_400, 4_800, 9_600, 19_200, null]);
    expect(delays('cache', 1)).toEqual([240, 480, 960, 1_920, null]);
    expect(delays('validation', 1)).toEqual([null, null, null, null, null]);
    expect(retryDelayMs({ ...unclassified, attempt: 2, random: () => 1 })).toBe(12_000);
  });

  test('gives way to the wait that a server asks for, up to a bound', () => {
    expect(retryDelayMs({ category: 'llm_api', attempt: 1, random: () => 0, retry_after_ms: 7_000 })).toBe(7_000);
    expect(retryDelayMs({ category: 'llm_api', attempt: 1, random: () => 0, retry_after_ms: 9e9 })).toBe(300_000);
    expect(retryDelayMs({ category: 'llm_api', attempt: 4, random: () => 0, retry_after_ms: 7_000 })).toBeNull();
  });

  test('is shorter by the share that is wanted, the cap too; what a server asks for is not', () => {
    const scaled = { category: 'database', random: () => 0.5, delay_percent: 10 } as const;
    expect([1, 2, 3].map((attempt) => retryDelayMs({ ...scaled, attempt }))).toEqual([100, 200, null]);
    expect(retryDelayMs({ ...scaled, category: 'cache', attempt: 4, random: () => 1 })).toBe(192);
    expect(retryDelayMs({ ...scaled, attempt: 1, retry_after_ms: 7_000 })).toBe(7_000);
  });

  test('cannot be changed by a caller', () => {
    expect(() => { Object.assign(retryPolicies.database, { tries: 1 }); }).toThrow(TypeError);
  });
});

describe('User-facing messages', () => {
  test('come from the category, in both languages, and hold nothing of the error', () => {
    for (const category of errorCategories) {
      for (const language of ['en', 'hi']) {
        const message = messageFor(category, language);
        for (const part of [message.title, message.message, message.action, message.help]) expect(part.length).toBeGreaterThan(3);
      }
      expect(messageFor(category, 'hi')).not.toEqual(messageFor(category, 'en'));
      expect(messageFor(category, 'xx')).toEqual(messageFor(category, 'en'));
    }
  });

  test('promise no tries of ours and ask for none of theirs: the step waits for an operator', () => {
    for (const category of errorCategories) {
      expect(Object.values(messageFor(category, 'en')).join(' ')).not.toMatch(
        /\b(?:keep trying|try again|send it again|sign in|reload)\b/i,
      );
      expect(Object.values(messageFor(category, 'hi')).join(' ')).not.toMatch(/कोशिश जारी|फिर से कोशिश|फिर से भेजें|साइन इन/);
    }
  });
});
