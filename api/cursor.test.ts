import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { readCursor, readCursorAs, writeCursor } from './cursor.ts';
import { Problem } from './problem.ts';

const id = '0b0e7a52-6f1c-4d0a-9a3e-0c8f5b7f2d11';

test('a cursor is read as it was written, and one with a time that is none is the caller\'s mistake', () => {
  for (const at of ['2026-11-30 00:20:53.547552+00', '2024-02-29 23:59:59+05:30', '0001-01-01 00:00:00-14']) {
    expect(readCursor(writeCursor({ at, id }) ?? '')).toEqual({ at, id });
  }
  for (const at of [
    '0000-01-01 00:00:00+00', '2026-02-30 00:00:00+00', '2026-13-01 00:00:00+00', '2026-01-01 24:00:01+00', '2026-01-01 00:61:00+00',
    '2026-01-01 00:00:00+15', '2026-01-01 00:00:00.1234567+00', '2026-01-01T00:00:00Z', '',
  ]) {
    expect(() => readCursor(writeCursor({ at, id }) ?? '')).toThrow(Problem);
  }
});

test('text that no store takes is refused in a cursor too', () => {
  const place = z.object({ fingerprint: z.string() });
  for (const fingerprint of ['\0', 'a\ud800']) {
    expect(() => readCursorAs(place, writeCursor({ fingerprint }) ?? '')).toThrow(Problem);
  }
});
