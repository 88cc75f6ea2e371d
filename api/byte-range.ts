/** One range of bytes (RFC 9110, 14): what is asked for of so many. */

/** `end` exclusive. 'all': none was asked for, or what was asked is none that is answered. */
export type ByteRange = { readonly start: number; readonly end: number } | 'all' | 'unsatisfiable';

export function byteRange(header: string, size: number): ByteRange {
  // several at once are answered as a whole, as everybody may
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (first === '' && last === '') return 'all';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'all';
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}
