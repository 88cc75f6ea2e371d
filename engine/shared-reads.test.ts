import { expect, test } from '@jest/globals';
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

test('who comes while a read is under way shares the next one, which begins after it came', async () => {
  const { read, open } = reading();
  const first = read();
  const later = [read(), read(), read()];
  expect(open).toHaveLength(1);
  open[0]?.end(1);
  expect(await first).toBe(1);
  expect(open).toHaveLength(2);
  open[1]?.end(2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  const fresh = read();
  expect(open).toHaveLength(3);
  open[2]?.end(3);
  expect(await fresh).toBe(3);
});

test('a read that fails fails for those who share it alone, and one key does not wait for another', async () => {
  const { read, open } = reading();
  const [first, second, other] = [read(), read(), read('b')];
  expect(open).toHaveLength(2);
  open[0]?.fail();
  await expect(first).rejects.toThrow('away');
  open[1]?.end(7);
  expect(await other).toBe(7);
  open[2]?.end(2);
  expect(await second).toBe(2);
});
