import { expect, test } from '@jest/globals';
import { OpenedValues } from './opened-values.ts';

const sealed = (text: string): Buffer => Buffer.from(text);

test('an opened value is known for just the bytes that it was opened from', () => {
  const values = new OpenedValues(100);
  values.put('one', { sealed: sealed('x'), value: { at: 1 }, characters: 10 });
  expect([values.get('one', sealed('x')), values.get('one', sealed('y')), values.get('two', sealed('x'))])
    .toEqual([{ at: 1 }, undefined, undefined]);
  values.put('one', { sealed: sealed('y'), value: { at: 2 }, characters: 10 });
  expect([values.get('one', sealed('x')), values.get('one', sealed('y'))]).toEqual([undefined, { at: 2 }]);
});

test('together they are never longer than the bound, and the one used last stays', () => {
  const values = new OpenedValues(100);
  for (const id of ['a', 'b', 'c']) values.put(id, { sealed: sealed(id), value: id, characters: 33 });
  expect(values.get('a', sealed('a'))).toBe('a');
  values.put('d', { sealed: sealed('d'), value: 'd', characters: 60 });
  expect(['a', 'b', 'c', 'd'].map((id) => values.get(id, sealed(id)))).toEqual(['a', undefined, undefined, 'd']);
  values.put('a', { sealed: sealed('a'), value: 'a', characters: 10 });
  values.put('large', { sealed: sealed('l'), value: 'l', characters: 101 });
  expect(['a', 'd', 'large'].map((id) => values.get(id, sealed(id === 'large' ? 'l' : id)))).toEqual(['a', 'd', undefined]);
});
