import { expect, test } from '@jest/globals';
import { PeopleSeen } from './people-seen.ts';
import type { PersonSeen } from '../stores/postgres/people.ts';
import { until } from '../test/support/until.ts';

const seen = (name: string, issuedAt: number): PersonSeen => ({ person: `acme/${name}`, tenant: 'acme', roles: ['admin'], issuedAt });

test('roles that cannot be stored now are stored later, the newest of each person, and nobody waits for it', async () => {
  const stored: PersonSeen[][] = [];
  const failures: unknown[] = [];
  let isAway = true;
  const people = new PeopleSeen({
    store: async (batch) => {
      await Promise.resolve();
      if (isAway) throw new Error('away');
      stored.push([...batch]);
    },
    onFailure: (error) => { failures.push(error); }, retryMs: 5,
  });
  people.note(seen('ana', 1));
  people.note(seen('ana', 3));
  people.note(seen('ana', 2));
  people.note(seen('ben', 1));
  await until('it was tried', () => failures.length > 1);
  expect(stored).toEqual([]);
  isAway = false;
  await until('it is stored', () => stored.length > 0);
  expect(stored.flat()).toEqual(expect.arrayContaining([seen('ana', 3), seen('ben', 1)]));
  expect(stored.flat().filter(({ issuedAt }) => issuedAt === 2)).toEqual([]);
  people.note(seen('cy', 1));
  await people.close();
  expect(stored.flat()).toContainEqual(seen('cy', 1));
});

test('however many are seen while the store is away, a bounded number waits', async () => {
  let isAway = true;
  let count = 0;
  const people = new PeopleSeen({
    store: async (batch) => {
      await Promise.resolve();
      if (isAway) throw new Error('away');
      count += batch.length;
    },
    onFailure: () => undefined, retryMs: 60_000,
  });
  for (let at = 0; at < 12_000; at += 1) people.note(seen(`p${at}`, at));
  await new Promise((resolve) => { setImmediate(resolve); });
  isAway = false;
  await people.close();
  expect(count).toBe(10_000);
});
