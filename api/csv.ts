/**
 * CSV (RFC 4180, UTF-8) a piece at a time. A text that a spreadsheet would take for a formula begins with an apostrophe: names of
 * events, flows and errors come from elsewhere.
 */
import type { Cell } from '../analytics/reports/report-table.ts';

const pieceCharacters = 65_536;
/** Blanks are passed over by some; the wide forms are taken for the narrow ones. */
const formula = /^[\s\u00a0]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

export async function* csv(
  columns: readonly string[], rows: Iterable<readonly Cell[]> | AsyncIterable<readonly Cell[]>,
): AsyncGenerator<Uint8Array> {
  let piece = lineOf(columns);
  for await (const row of rows) {
    piece += lineOf(row);
    if (piece.length < pieceCharacters) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  if (piece !== '') yield Buffer.from(piece);
}

function lineOf(cells: readonly Cell[]): string {
  return `${cells.map(written).join(',')}\r\n`;
}

function written(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const safe = formula.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
