import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Cell } from '../analytics/reports/report-table.ts';
import { figuresOf, tableOf } from '../analytics/reports/report-table.ts';
import { csv } from './csv.ts';

async function pieces(columns: readonly string[], rows: readonly (readonly Cell[])[]): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const piece of csv(columns, rows)) all.push(piece);
  return all;
}

async function written(columns: readonly string[], rows: readonly (readonly Cell[])[]): Promise<string> {
  return Buffer.concat(await pieces(columns, rows)).toString('utf8');
}

/** A plain reader of RFC 4180. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  let row: string[] = [];
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

test('Any text reads back as it was, but for the apostrophe before what a spreadsheet would run', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))), async (rows) => {
    const back = read(await written(['a', 'b'], rows.map((row) => row.map((text) => text.toWellFormed()))));
    expect(back).toEqual([['a', 'b'], ...rows.map((row) => row.map((text) => {
      const given = text.toWellFormed();
      return /^[\s\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(given) || /^\s*[\t\r]/.test(given) ? `'${given}` : given;
    }))]);
  }));
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '  =cmd|\' /C calc\'!A0', '\n=1', '＝1+1', '＋1', '－1', '＠A'])(
  'The text %j is no formula', async (text) => {
    const [, [cell = ''] = []] = read(await written(['a'], [[text]]));
    expect(cell).toBe(`'${text}`);
  },
);

test('Numbers are numbers, also those below zero, and nothing is an empty cell', async () => {
  expect(await written(['a', 'b', 'c', 'd'], [[-0.5, null, true, 1e21]])).toBe('a,b,c,d\r\n-0.5,,true,1e+21\r\n');
});

test('Much is written in pieces', async () => {
  const rows = Array.from({ length: 5_000 }, (_, at) => [at, 'x'.repeat(50)]);
  const all = await pieces(['a', 'b'], rows);
  expect(all.length).toBeGreaterThan(3);
  expect(read(Buffer.concat(all).toString())).toHaveLength(5_001);
});

test('An object is a row: nested ones are columns, an interval is two, links are none, and a column of mixed kinds is text', () => {
  expect(tableOf([
    { name: 'a', rate: 0.5, interval: [0, 1], evidence: { sessions: 3, tags: ['x', 'y'] }, drill_down: '/p',
      at: '2026-11-25T08:30:00.000Z' },
    { name: 'b', rate: null, more: true, interval: [null, null], evidence: { sessions: '?' } },
  ])).toEqual({
    columns: [
      { name: 'name', type: 'text' }, { name: 'rate', type: 'number' }, { name: 'interval.low', type: 'number' },
      { name: 'interval.high', type: 'number' }, { name: 'evidence.sessions', type: 'text' }, { name: 'evidence.tags', type: 'text' },
      { name: 'at', type: 'text' }, { name: 'more', type: 'boolean' },
    ],
    rows: [
      ['a', 0.5, 0, 1, '3', 'x y', '2026-11-25T08:30:00.000Z', null], ['b', null, null, null, '?', null, null, true],
    ],
  });
});

test('A report without a table has each figure in a row of its own', () => {
  expect(figuresOf({ total: 3, rates: { a: null }, list: [{ x: true }], drill_down: '/p' }).rows).toEqual([
    ['total', '3'], ['rates.a', null], ['list.0.x', 'true'],
  ]);
});
