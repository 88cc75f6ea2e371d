import { describe, expect, test } from '@jest/globals';
import { alertChanges, blindChanges, stuckChanges, type Alert, type AlertChanges, type OpenFingerprint, type QueueFacts } from './alert.ts';
import { alertWords, type ToldAlert } from './alert-message.ts';

const now = Date.UTC(2026, 4, 2, 10, 30);
const hour = 3_600_000;
const thresholds = { capacity: 1_000, sharePercent: 80, ageHours: 24 };
const quiet: QueueFacts = { tenant: 'acme', now, open: 0, open_too_long: 0, oldest_open_parked_at: null, fingerprints: [] };
const kinds = ({ begun, over }: AlertChanges) => ({ begun: begun.map(({ kind }) => kind), over: over.map(({ kind }) => kind) });
const standing = (...alerts: readonly Pick<Alert, 'kind'>[]) => alerts.map(({ kind }) => ({ kind, key: '' }));
const fingerprint = (name: string): OpenFingerprint => ({
  fingerprint: name, task_name: 'applyChangeset', category: 'external_api', open: 2, first_seen: now - hour,
});

describe('capacity', () => {
  test.each([[799, []], [800, ['capacity']], [5_000, ['capacity']]])('begins at 80 %%: %i open tasks of 1,000', (open, begun) => {
    expect(kinds(alertChanges({ ...quiet, open }, [], thresholds))).toEqual({ begun, over: [] });
  });

  test.each([[5_000, []], [800, []], [799, []], [720, []], [719, ['capacity']], [0, ['capacity']]])(
    'stands until the queue is clearly below, so that one task more or less is not told each time: %i', (open, over) => {
      expect(kinds(alertChanges({ ...quiet, open }, standing({ kind: 'capacity' }), thresholds))).toEqual({ begun: [], over });
    },
  );

  test('an empty queue is never full, however small the capacity and the share', () => {
    expect(kinds(alertChanges(quiet, standing({ kind: 'capacity' }), { ...thresholds, capacity: 1, sharePercent: 1 }))).toEqual(
      { begun: [], over: ['capacity'] },
    );
  });
});

describe('a scanner that is blind', () => {
  const facts = (workers: number, since: number | null) => [
    { tenant: '', kind: 'scanner_blind', key: '', facts: { workers, blind_since: since } },
  ];

  test.each([
    ['nobody has looked', { blind: 0, seeing: 0, blind_since: null }, [], []],
    ['all see', { blind: 0, seeing: 3, blind_since: null }, [], facts(0, null)],
    ['one of three is blind', { blind: 1, seeing: 2, blind_since: now }, facts(1, now), []],
    ['all are blind', { blind: 2, seeing: 0, blind_since: now }, facts(2, now), []],
  ])('is told once, and is over when somebody sees and nobody is blind: %s', (_, sights, begun, over) => {
    expect(blindChanges(sights, false)).toEqual({ begun, over: [] });
    expect(blindChanges(sights, true)).toEqual({ begun: [], over });
  });
});

describe('sessions that cannot move', () => {
  const stuck = (tenant: string, count = 1) => ({ tenant, stuck: count, failure_type: 'NonDeterministicError' });

  test('are told once a tenant, however many there are and become, and are over when all of the tenant move', () => {
    expect(stuckChanges([stuck('acme', 3), stuck('umbra')], [stuck('umbra', 9), stuck('zeta')])).toEqual({
      begun: [{ tenant: 'acme', kind: 'session_stuck', key: '', facts: { stuck: 3, failure_type: 'NonDeterministicError' } }],
      over: [{ tenant: 'zeta', kind: 'session_stuck', key: '', facts: { stuck: 0, failure_type: 'NonDeterministicError' } }],
    });
  });
});

describe('age', () => {
  const late = (hours: number): QueueFacts => ({
    ...quiet, open: 3, open_too_long: hours > 24 ? 1 : 0, oldest_open_parked_at: now - hours * hour,
  });

  test.each([
    [23, []], [24, []], [24.001, ['age']], [2_400, ['age']],
  ])('begins when a task is open for more than 24 h: %d h', (hours, begun) => {
    expect(kinds(alertChanges(late(hours), [], thresholds))).toEqual({ begun, over: [] });
  });

  test('is not told again while any such task is open, and is over with the last of them', () => {
    expect(kinds(alertChanges(late(90), standing({ kind: 'age' }), thresholds))).toEqual({ begun: [], over: [] });
    expect(kinds(alertChanges(late(3), standing({ kind: 'age' }), thresholds))).toEqual({ begun: [], over: ['age'] });
    expect(kinds(alertChanges(quiet, standing({ kind: 'age' }), thresholds))).toEqual({ begun: [], over: ['age'] });
  });
});

test('each fingerprint that is not known is an alert of its own, and none is ever over', () => {
  const facts = { ...quiet, open: 4, oldest_open_parked_at: now - hour, fingerprints: [fingerprint('a'), fingerprint('b')] };
  const { begun, over } = alertChanges(facts, [{ kind: 'new_fingerprint', key: 'a' }], thresholds);
  expect([begun.map(({ kind, key }) => [kind, key]), over]).toEqual([[['new_fingerprint', 'b']], []]);
  expect(kinds(alertChanges(quiet, [{ kind: 'new_fingerprint', key: 'a' }], thresholds))).toEqual({ begun: [], over: [] });
});

describe('words', () => {
  const told = (says: ToldAlert['says'], alert: Pick<ToldAlert, 'kind' | 'facts'>): ToldAlert =>
    ({ says, tenant: 'acme', raised_at: now, resolved_at: says === 'raised' ? null : now + hour, ...alert }) as ToldAlert;

  test.each<[string, ToldAlert, string, readonly string[]]>([
    ['a full queue', told('raised', { kind: 'capacity', facts: { open: 812, capacity: 1_000, percent: 81 } }), 'acme: 812 tasks in the ' +
      'dead letter queue, 81 % of its capacity',
      [
        '812 tasks of acme failed for good and wait for an operator. The capacity is 1000; beyond it nothing is dropped.',
        'Noticed 2026-05-02 10:30 UTC.',
      ]],
    ['room again', told('recovered', { kind: 'capacity', facts: { open: 1, capacity: 1_000, percent: 0 } }), 'Over: acme: the dead ' +
      'letter queue has room again',
      ['1 task of acme is open now; the capacity is 1000.', 'The alert stood from 2026-05-02 10:30 UTC to 2026-05-02 11:30 UTC.']],
    [
      'old tasks',
      told('raised', { kind: 'age', facts: { open: 5, open_too_long: 1, age_hours: 24, oldest_open_parked_at: now - 30 * hour } }),
      'acme: tasks wait in the dead letter queue for more than 24 hours',
      ['1 task of acme has been open for more than 24 hours; 5 are open in all.', 'The oldest has waited since 2026-05-01 04:30 UTC.'],
    ],
    [
      'no old tasks',
      told('recovered', { kind: 'age', facts: { open: 4, open_too_long: 0, age_hours: 24, oldest_open_parked_at: null } }),
      'Over: acme: no task waits in the dead letter queue for more than 24 hours',
      ['4 tasks of acme are open now.', 'The alert stood from 2026-05-02 10:30 UTC to 2026-05-02 11:30 UTC.'],
    ],
    ['a new way to fail', told('raised', { kind: 'new_fingerprint', facts: fingerprint('f0f0') }), 'acme: applyChangeset fails in a new ' +
      'way (external_api)',
      [
        '2 tasks of acme failed in a way that was not seen before: task applyChangeset, category external_api, fingerprint f0f0.',
        'First seen 2026-05-02 09:30 UTC.',
      ]],
  ])('say what, since when and how many: %s', (_, alert, title, lines) => {
    expect(alertWords(alert)).toEqual({ title, lines });
  });

  test('keep a title to one line of 150 characters, without cutting a character in two', () => {
    const { title } = alertWords({ ...told('raised', { kind: 'new_fingerprint', facts: fingerprint('f') }), tenant: '🦎'.repeat(128) });
    const long = told('raised', { kind: 'new_fingerprint', facts: { ...fingerprint('f'), task_name: 'x'.repeat(300) } });
    expect(Array.from(alertWords(long).title)).toHaveLength(150);
    expect(title.isWellFormed()).toBe(true);
  });
});
