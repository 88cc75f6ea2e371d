import { expect, test } from '@jest/globals';
import { versionsOf } from './presentation.ts';

test('If-Match names versions: weak or strong, one or many, with the mark of a proxy that compressed; anything else matches none', () => {
  const cases: readonly [string, readonly number[] | null][] = [
    ['', null], ['*', null], [' * ', null], ['"1"', [1]], ['W/"1"', [1]], ['"0", "1"', [0, 1]], ['W/"0" ,"12"', [0, 12]], ['"7-gzip"', [7]],
    ['W/"7--gzip"', [7]], ['"7;br"', [7]],
    ['1', []], ['"1', []], ['w/"1"', []], ['"x"', []], ['"1-tar"', []], ['"-1"', []], [`"${'9'.repeat(16)}"`, []], ['"1", nonsense', [1]],
  ];
  for (const [header, versions] of cases) expect([header, versionsOf(header)]).toEqual([header, versions]);
});

test('no more than 32 versions are read, however long the header is', () => {
  expect(versionsOf(Array.from({ length: 5_000 }, (_, at) => `"${at}"`).join(','))).toHaveLength(32);
});
