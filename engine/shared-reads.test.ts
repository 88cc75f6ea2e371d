import { expect, test } from '@jest/globals';
import { until } from '../test/support/until.ts';
import { SharedReads } from './shared-reads.ts';

/** Reads that end when they are told to; `begun` counts them. */
function reading() {
  const reads = new SharedReads<number>();
  const open: { end: (value: number) => void; fail: () => void }[] = [];
  const read = (key = 'a'): Promise<number> => reads.read(key, () => new Promise((resolve, reject) => {
    open.push({ end: resolve, fail: () => { reject(new Error('away')); } });
  }));
  return { read, open };
}

test('who asks together shares one read, and who comes while it is under way the next one, which begins after that', async () => {
  const { read, open } = reading();
  const first = [read(), read()];
  await until('the read has begun', () => open.length === 1);
  const later = [read(), read(), read()];
  open[0]?.end(1);
  expect(await Promise.all(first)).toEqual([1, 1]);
  await until('the next one has begun', () => open.length === 2);
  const last = read();
  open[1]?.end(2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  await until('the last one has begun', () => open.length === 3);
  open[2]?.end(3);
  expect(await last).toBe(3);
});

test('a read that fails fails for those who share it alone, and one key does not wait for another', async () => {
  const { read, open } = reading();
  const [first, other] = [read(), read('b')];
  await until('both have begun', () => open.length === 2);
  const second = read();
  open[0]?.fail();
  await expect(first).rejects.toThrow('away');
  open[1]?.end(7);
  expect(await other).toBe(7);
  await until('the next one has begun', () => open.length === 3);
  open[2]?.end(2);
  expect(await second).toBe(2);
});
