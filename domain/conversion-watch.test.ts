import { expect, test } from '@jest/globals';
import type { DropFacts } from './alert.ts';
import { alertWords } from './alert-message.ts';
import { watchChanges, type StandingDrop, type StepVerdict, type WatchedStep } from './conversion-watch.ts';

const facts: DropFacts = {
  flow: 'desk', from_stage: 'started', to_stage: 'engaged', day: '2026-11-24T00:00:00.000Z', timezone: 'UTC', rate: 0.4, sessions: 200,
  rate_before: 0.75, sessions_before: 800, p_adjusted: 0.00001, follow_up_seconds: 7_200,
};
const key = 'desk:engaged';

/** What is told in each of the rounds; null: it could not be judged. */
function rounds(verdicts: readonly (StepVerdict | null)[], numbers = verdicts.map((_, at) => at)): string[] {
  let [watched, standing]: [readonly WatchedStep[], StandingDrop[]] = [[], []];
  return verdicts.map((verdict, at) => {
    const judged = verdict === null ? [] : [{ tenant: 'acme', key, verdict, facts }];
    const changes = watchChanges(judged, watched, standing, numbers[at] ?? at);
    watched = changes.watched;
    if (changes.begun.length > 0) standing = [{ tenant: 'acme', key, facts }];
    if (changes.over.length > 0) standing = [];
    return [...changes.begun.map(() => 'raised'), ...changes.over.map(() => 'recovered')].join() || '-';
  });
}

test('A drop is told when two rounds running find it, once, and that it is over when two rounds running find nothing', () => {
  expect(rounds(['low', 'low', 'low', 'between', 'low', 'fine', 'low', 'fine', 'fine', 'fine', 'low', 'low'])).toEqual(
    ['-', 'raised', '-', '-', '-', '-', '-', '-', 'recovered', '-', '-', 'raised'],
  );
});

test('One round alone tells nothing, nor do two that do not follow each other', () => {
  expect(rounds(['low', 'fine', 'low', 'between', 'low'])).toEqual(['-', '-', '-', '-', '-']);
});

test('A round that is run again counts once', () => {
  expect(rounds(['low', 'low', 'low'], [7, 7, 8])).toEqual(['-', '-', 'raised']);
});

test('What cannot be judged for a while goes on as it was, and after 14 days a drop stands no more', () => {
  expect(rounds(['low', null, 'low'])).toEqual(['-', '-', 'raised']);
  expect(rounds(['low', 'low', null, null, null], [0, 1, 2, 336, 337])).toEqual(['-', 'raised', '-', '-', 'recovered']);
});

test('Steps and tenants are watched each by itself, and what is fine is not remembered', () => {
  const step = (tenant: string, name: string, verdict: StepVerdict) => ({ tenant, key: name, verdict, facts });
  const first = watchChanges([step('a', 'x', 'low'), step('a', 'y', 'fine'), step('b', 'x', 'low')], [], [], 1);
  expect(first.watched.map(({ tenant, key: name }) => [tenant, name])).toEqual([['a', 'x'], ['b', 'x']]);
  const second = watchChanges([step('a', 'x', 'fine'), step('b', 'x', 'low')], first.watched, [], 2);
  expect(second.begun.map(({ tenant }) => tenant)).toEqual(['b']);
});

test('The words say which step, how many of how many before and now, the day with its zone, and no name of a person', () => {
  const told = { says: 'raised', tenant: 'acme', raised_at: Date.UTC(2026, 10, 25, 9), resolved_at: null, kind: 'conversion_drop', facts } as const;
  expect(alertWords(told)).toEqual({
    title: 'acme: fewer people of desk come to engaged: 40.0 % instead of 75.0 %',
    lines: [
      'On 2026-11-24 (UTC) 40.0 % of 200 sessions of desk in acme went from started to engaged; on the same weekday of the four weeks ' +
        'before 75.0 % of 800 did.',
      'Each session had 2 hours for it. Adjusted p value under 0.0001.', 'Noticed 2026-11-25 09:00 UTC.',
    ],
  });
  const over = alertWords({ ...told, says: 'recovered', resolved_at: Date.UTC(2026, 10, 26, 9) });
  expect(over.title).toBe('Over: acme: as many people of desk come to engaged as before');
  expect(over.lines.at(-1)).toBe('The alert stood from 2026-11-25 09:00 UTC to 2026-11-26 09:00 UTC.');
});
