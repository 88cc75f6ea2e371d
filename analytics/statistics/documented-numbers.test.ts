/** Calculations that docs/analytics.md shows: each comes out as written. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { benjaminiHochberg, fisherExact, oddsRatio, pooledZ, wilson } from './proportions.ts';
import { difference } from './two-arms.ts';

const known = { benjaminiHochberg, difference, fisherExact, oddsRatio, pooledZ, wilson };
const text = await readFile(new URL('../../docs/analytics.md', import.meta.url), 'utf8');
const shown = [...text.matchAll(/```js\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'))
  .map((line) => line.split(' // ') as [string, string]);

test('there are some', () => { expect(shown.length).toBeGreaterThanOrEqual(10); });

test.each(shown)('%s is %s', (calculation, written) => {
  // oxlint-disable-next-line typescript/no-implied-eval -- lines of our own documentation
  const run = new Function(...Object.keys(known), `return ${calculation}`) as (...values: unknown[]) => number | readonly number[];
  const found = [run(...Object.values(known))].flat();
  const wanted = JSON.parse(`[${written.replaceAll(/[[\]]/g, '')}]`) as number[];
  const digits = written.replaceAll(/[[\]]/g, '').split(', ').map((number) => number.split('.')[1]?.length ?? 0);
  expect(found).toHaveLength(wanted.length);
  found.forEach((value, place) => { expect(Number(value.toFixed(digits[place]))).toBe(wanted[place]); });
});
