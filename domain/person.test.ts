import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { holds, roles, type Role } from './message.ts';
import { personName, rolesOfKey } from './person.ts';

describe('the name of a person', () => {
  test('is one person only, whatever stands in the names of tenant and subject', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F', ':') }), { minLength: 4, maxLength: 4 }), (
      [t1 = '', s1 = '', t2 = '', s2 = '']
    ) => {
      expect(personName(t1, s1) === personName(t2, s2)).toBe(t1 === t2 && s1 === s2);
    }));
    expect([personName('acme', 'ana@example.org'), personName('a/b', '100%')]).toEqual(['acme/ana@example.org', 'a%2Fb/100%25']);
  });
});

describe('the roles of a key', () => {
  const some = fc.subarray([...roles]);
  test('are never more than it was given, nor more than its maker has, and never platform', () => {
    fc.assert(fc.property(some, some, fc.boolean(), (given, makers, isHome) => {
      const held = rolesOfKey(given, 'acme', { tenant: isHome ? 'acme' : 'other', roles: makers });
      const actor = (of: readonly Role[]) => ({ tenant: 'acme', subject: 'x', roles: of });
      expect(held).not.toContain('platform');
      for (const role of roles.filter((name) => name !== 'platform' && holds(actor(held), name))) {
        expect(holds(actor(given.filter((name) => name !== 'platform')), role)).toBe(true);
        expect(isHome ? holds(actor(makers), role) : makers.includes('platform')).toBe(true);
      }
    }));
  });

  test('are those it was given while its maker has them, or has not been seen', () => {
    for (const makers of [null, ['admin'], ['platform'], ['approver', 'user']] as const) {
      expect(rolesOfKey(['user', 'approver'], 'acme', { tenant: 'acme', roles: makers })).toEqual(['user', 'approver']);
    }
    expect(rolesOfKey(['admin'], 'acme', { tenant: 'acme', roles: ['analyst'] })).toEqual(['analyst']);
  });
});
