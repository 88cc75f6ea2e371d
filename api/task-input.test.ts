import { describe, expect, test } from '@jest/globals';
import type { Json } from '../domain/json.ts';
import { maskedInput, unmaskedInput } from './task-input.ts';

const input = {
  correlation_id: 'c-1', tenant: 'acme', session_id: '00000000-0000-4000-8000-000000000001', owner: 'ana',
  flow: { id: 'business_unit_setup', version: 3 }, number: 2,
  provider: 'model', oldest_answer_at: null, urgent: true,
  answers: {
    office_email: 'office@example.org', id: 'Harbour Office', expected_users: 12, shifts: [{ start: '09:00', 'a/b~c': false }],
    nothing: null,
  },
  changes: [
    {
      sequence: 0, target: 'business_unit:harbour-office', target_type: 'business_unit', operation: 'create', before: null,
      after: { status: 'open since May', users: 12 },
    },
  ],
};

describe('the input of a task, masked', () => {
  test('shows every name, type, number and id of ours, and nothing that a person said', () => {
    const shown = maskedInput(input);
    expect(shown).toEqual({
      ...input, owner: '••• string /owner',
      answers: {
        office_email: '••• string /answers/office_email', id: '••• string /answers/id',
        expected_users: '••• number /answers/expected_users',
        shifts: [{ start: '••• string /answers/shifts/0/start', 'a/b~c': '••• boolean /answers/shifts/0/a~1b~0c' }], nothing: null,
      },
      changes: [{
        ...input.changes[0], target: '••• string /changes/0/target',
        after: { status: '••• string /changes/0/after/status', users: '••• number /changes/0/after/users' },
      }],
    });
    expect(JSON.stringify(shown)).not.toMatch(/office@|Harbour|harbour|09:00|May|ana"|:12/);
  });

  test('masks whatever has a name that is not known, and an input that is no object', () => {
    expect(maskedInput({ note: 'call 555', options: { id: 'x', deep: [['y']] } })).toEqual({
      note: '••• string /note', options: { id: '••• string /options/id', deep: [['••• string /options/deep/0/0']] },
    });
    expect(maskedInput('ana')).toBe('••• string ');
    expect(maskedInput(['ana', 1])).toEqual(['••• string /0', 1]);
    expect(maskedInput(null)).toBeNull();
  });
});

describe('an amended input', () => {
  test('that comes back as it was shown is the original', () => {
    for (const each of [input, 'ana', ['ana', { id: 'ben' }], null, { a: { b: '••• string /a/b' } }] as Json[]) {
      expect(unmaskedInput(maskedInput(each), each)).toEqual({ input: each, mistakes: [] });
    }
  });

  test('takes what was written in place of a mask, and a mask that was moved still stands for what it masked', () => {
    const shown = maskedInput({ answers: ['first', 'second', 'third'], owner: 'ana' }) as { answers: string[]; owner: string };
    const amended = { answers: ['new', shown.answers[2] ?? '', shown.answers[1] ?? ''], owner: shown.owner };
    expect(unmaskedInput(amended, { answers: ['first', 'second', 'third'], owner: 'ana' })).toEqual({
      input: { answers: ['new', 'third', 'second'], owner: 'ana' }, mistakes: [],
    });
  });

  test('with a mask that was changed, or that stands for nothing here, has a mistake at its place', () => {
    const { mistakes } = unmaskedInput(
      { answers: { a: '••• string /answers/b', b: '•••', c: '••• string /answers/a!', 'd/e': '••• number /answers/a' } },
      { answers: { a: 'x' } },
    );
    expect(mistakes.map(({ pointer, code }) => [pointer, code])).toEqual([
      ['/answers/a', 'unknown_mask'], ['/answers/b', 'unknown_mask'], ['/answers/c', 'unknown_mask'], ['/answers/d~1e', 'unknown_mask'],
    ]);
  });

  test('keeps names that objects know already', () => {
    const odd = JSON.parse('{"answers":{"__proto__":"x","constructor":"y"}}') as Json;
    const back = unmaskedInput(maskedInput(odd), odd).input;
    expect(JSON.stringify(back)).toBe(JSON.stringify(odd));
  });
});
