import { expect, test } from '@jest/globals';
import { InFlight } from './in-flight.ts';

/** Lets go of them one by one. */
function held(): { work: (name: string) => () => Promise<string>; begun: string[]; end: (name: string, fails?: boolean) => Promise<void> } {
  const begun: string[] = [];
  const ends = new Map<string, (fails: boolean) => void>();
  return {
    begun,
    work: (name) => () => new Promise((resolve, reject) => {
      begun.push(name);
      ends.set(name, (fails) => { if (fails) reject(new Error(name)); else resolve(name); });
    }),
    end: async (name, fails = false) => {
      ends.get(name)?.(fails);
      await new Promise((settled) => { setImmediate(settled); });
    },
  };
}

test('so many of one key are under way at most, the rest in order; another key does not wait for them', async () => {
  const { work, begun, end } = held();
  const lanes = new InFlight(2);
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => lanes.run('one', work(name)));
  const other = lanes.run('other', work('x'));
  expect(begun).toEqual(['a', 'b', 'x']);
  await end('b');
  expect(begun).toEqual(['a', 'b', 'x', 'c']);
  await end('a');
  await end('c');
  expect(begun).toEqual(['a', 'b', 'x', 'c', 'd', 'e']);
  for (const name of ['d', 'e', 'x']) await end(name);
  expect(await Promise.all([...all, other])).toEqual(['a', 'b', 'c', 'd', 'e', 'x']);
});

test('one that fails makes room for the next, and what comes after all have ended waits for nothing', async () => {
  const { work, begun, end } = held();
  const lanes = new InFlight(1);
  const failing = lanes.run('one', work('a'));
  const next = lanes.run('one', work('b'));
  const failed = failing.catch((error: unknown) => error);
  await end('a', true);
  expect(await failed).toEqual(new Error('a'));
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  expect(await next).toBe('b');
  const later = lanes.run('one', work('c'));
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('c');
  expect(await later).toBe('c');
});
