/** Rows of many months: ClickHouse refuses an insert that touches more than 100 partitions, and a month is one. */
import type { ClickHouse } from '../../stores/clickhouse/client.ts';

const [monthsAtOnce, rowsAtOnce] = [50, 10_000];

/** In as few inserts as may be. `at`: epoch ms, by which a row has its partition. */
export async function insertByMonth<Row extends object>(
  clickhouse: ClickHouse, table: string, rows: readonly Row[], at: (row: Row) => number,
): Promise<void> {
  let part: Row[] = [];
  let months = new Set<string>();
  const sorted = rows.toSorted((a, b) => at(a) - at(b));
  for (const row of sorted) {
    const month = new Date(at(row)).toISOString().slice(0, 7);
    if (part.length >= rowsAtOnce || (months.size >= monthsAtOnce && !months.has(month))) {
      await clickhouse.insert(table, part);
      part = [];
      months = new Set();
    }
    part.push(row);
    months.add(month);
  }
  await clickhouse.insert(table, part);
}
