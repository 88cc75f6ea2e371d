import { readFile, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { parquetOf, type Cell, type Column } from './report-table.ts';

let db: TestClickHouse;
const files: string[] = [];
beforeAll(async () => { db = await openTestClickHouse(); });
afterAll(async () => {
  await db.close();
  await Promise.all(files.map((file) => rm(file, { force: true })));
});

/** Kept as a file, and read by a reader that knows nothing of how it came about. */
async function parquetFile(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const path = join(tmpdir(), `gangway-test-${randomUUID()}.parquet`);
  files.push(path);
  await writeFile(path, bytes);
  return path;
}
const readBack = (path: string) => db.query<Record<string, Cell>>({ sql: `SELECT * FROM file('${path}', 'Parquet')`, params: {} });

test('Parquet reads back to the same cells, whatever stands in them and whatever columns are called', async () => {
  const text = fc.string({ unit: 'grapheme' }).map((each) => each.toWellFormed());
  const types = fc.array(fc.constantFrom('text', 'number', 'boolean'), { minLength: 1, maxLength: 5 });
  await fc.assert(fc.asyncProperty(types, fc.array(fc.array(fc.tuple(text,
    fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(),
    fc.boolean()), { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 5 }), async (chosen, drawn) => {
    const columns = chosen.map((type, at): Column => ({ name: `${'na`me \\\'"'.slice(0, at * 3)}${at}`, type }));
    const rows = drawn.map((row) => columns.map(({ type }, at): Cell => {
      const [words, number, isTrue, isMissing] = row[at] ?? ['', 0, false, true];
      // JSON has no -0
      return isMissing ? null : { text: words, number: number === 0 ? 0 : number, boolean: isTrue }[type];
    }));
    const path = await parquetFile(await db.export(parquetOf({ columns, rows }), 'Parquet'));
    expect((await readBack(path)).map((row) => columns.map(({ name }) => row[name]))).toEqual(rows);
  }), { numRuns: 50 });
});

test('A large export is whole, in one piece, and comes in many', async () => {
  const rows = { sql: "SELECT number AS n, repeat('x', 100) AS x FROM numbers(300000)", params: {} };
  let pieces = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of await db.export(rows, 'Parquet')) {
      pieces += 1;
      yield piece;
    }
  }
  const path = await parquetFile(counted());
  expect(pieces).toBeGreaterThan(1);
  expect((await readFile(path)).subarray(0, 4).toString()).toBe('PAR1');
  const [row] = await db.query<{ rows: number; sum: number }>({
    sql: `SELECT count() AS rows, sum(n) AS sum FROM file('${path}', 'Parquet')`, params: {},
  });
  expect(row).toEqual({ rows: 300_000, sum: 44_999_850_000 });
});

test('What the engine refuses is refused before the first byte, and values stay values', async () => {
  await expect(db.export({ sql: 'SELECT nothing FROM numbers(1)', params: {} }, 'Parquet')).rejects.toThrow(/nothing/);
  const spiked = "x' INTO OUTFILE '/nowhere";
  const path = await parquetFile(await db.export({ sql: 'SELECT {x:String} AS x', params: { x: spiked } }, 'Parquet'));
  expect(await readBack(path)).toEqual([{ x: spiked }]);
});
