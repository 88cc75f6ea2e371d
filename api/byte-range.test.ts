import { expect, test } from '@jest/globals';
import { attachment } from './attachment.ts';
import { byteRange } from './byte-range.ts';

test('a range is read as RFC 9110 has it', () => {
  const cases: readonly [string, ReturnType<typeof byteRange>][] = [
    ['', 'all'], ['bytes=0-99', { start: 0, end: 100 }], ['bytes=0-', { start: 0, end: 1_000 }], ['bytes=999-', { start: 999, end: 1_000 }],
    ['bytes=-1', { start: 999, end: 1_000 }], ['bytes=-5000', { start: 0, end: 1_000 }], ['bytes=500-5000', { start: 500, end: 1_000 }],
    ['bytes=1000-', 'unsatisfiable'], ['bytes=-0', 'unsatisfiable'], ['bytes=9-3', 'all'], ['bytes=0-1,5-6', 'all'], ['bytes=-', 'all'],
    ['items=0-1', 'all'], ['bytes=a-b', 'all'],
  ];
  for (const [header, expected] of cases) expect([header, byteRange(header, 1_000)]).toEqual([header, expected]);
  expect(byteRange('bytes=0-', 0)).toBe('unsatisfiable');
});

test('a name of a file comes whole to whoever knows RFC 8187, and harmless to all others', () => {
  expect(attachment('photo.jpg')).toBe('attachment; filename="photo.jpg"');
  expect(attachment('a"b\\c.jpg')).toBe('attachment; filename="a_b_c.jpg"; filename*=UTF-8\'\'a%22b%5Cc.jpg');
  expect(attachment('Rücken (1)\'*.png')).toBe(
    'attachment; filename="R_cken (1)\'*.png"; filename*=UTF-8\'\'R%C3%BCcken%20%281%29%27%2A.png',
  );
  expect(attachment('50%.pdf')).toBe('attachment; filename="50_.pdf"; filename*=UTF-8\'\'50%25.pdf');
});
