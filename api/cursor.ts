/** Opaque keyset cursors. */
import { z } from 'zod';
import type { Total } from '../stores/postgres/keyset-page.ts';
import { Problem } from './problem.ts';
import { unfitText } from './validation.ts';

export interface Keyset { readonly at: string; readonly id: string }

// PostgreSQL's own text of a timestamptz, which keeps microseconds
const timestamp = /^(?!0000)(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,6})?[+-](0\d|1[0-4])(:[0-5]\d)?$/;
const keyset = z.object({ at: z.string().refine(isInstant), id: z.uuid() });

/** Whether PostgreSQL would read it: no 30 February, and no 25 o'clock. */
function isInstant(text: string): boolean {
  const [, date, clock] = timestamp.exec(text) ?? [];
  const written = `${date}T${clock}`;
  const read = new Date(`${written}Z`);
  return !Number.isNaN(read.getTime()) && read.toISOString().slice(0, written.length) === written;
}

export function writeCursor(next: object | null): string | null {
  return next === null ? null : Buffer.from(JSON.stringify(next)).toString('base64url');
}

/** The form of every list: `total` is exact, unless `total_is_at_least` says that there are more. */
export function listed<Item>(page: Total & { readonly next: object | null }, results: Item[]): Listed<Item> {
  const list = { results, total: page.total, next_cursor: writeCursor(page.next) };
  return page.totalIsAtLeast ? { ...list, total_is_at_least: true } : list;
}

interface Listed<Item> {
  readonly results: Item[];
  readonly total: number;
  readonly total_is_at_least?: boolean;
  readonly next_cursor: string | null;
}

export function readCursor(cursor: string | undefined): Keyset | null {
  return readCursorAs(keyset, cursor);
}

/** Of a list that is in another order than by time. */
export function readCursorAs<Place>(schema: z.ZodType<Place>, cursor: string | undefined): Place | null {
  if (cursor === undefined) return null;
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (unfitText(place, []) !== null) throw new Error('It holds text that no store takes.');
    return schema.parse(place);
  } catch (error) {
    throw new Problem('invalid_request', 'This cursor was not given by this list.', {
      cause: error,
      errors: [
        {
          pointer: '/cursor', code: 'unknown_cursor', message: 'The cursor cannot be read.',
          fix: 'Use next_cursor of the page before as it is, or leave it out.',
        },
      ],
    });
  }
}
