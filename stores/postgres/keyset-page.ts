/** Lists page by page, by keyset: a page costs the same wherever it stands, and what is added meanwhile moves nothing. */
import type { Queries } from './database.ts';

export const pageSorts = ['newest', 'oldest'] as const;
export type PageSort = (typeof pageSorts)[number];
export interface Page { readonly limit: number; readonly after: { readonly at: string; readonly id: string } | null }
/** `total` is exact up to `listTotalMax`; beyond it that is all that is known, and `totalIsAtLeast` says so. */
export interface Total { readonly total: number; readonly totalIsAtLeast: boolean }
export interface PageOf<T> extends Total {
  readonly rows: readonly T[];
  readonly next: { readonly at: string; readonly id: string } | null;
}

/** A count costs what it counts: beyond so many rows nobody asks how many exactly, and a page must not wait for it. */
export const listTotalMax = 10_000;

interface KeysetQuery<Row, T> {
  readonly columns: string; readonly from: string; readonly where: string; readonly params: readonly unknown[];
  /**
   * A table of few rows that `where` refers to: the rows of each are read in their order and merged, so that an index by both serves
   * however many or few there are.
   */
  readonly forEvery?: string;
  readonly at: string; readonly id: string; readonly page: Page; readonly read: (row: Row) => T;
  /** Newest first unless told otherwise. */
  readonly sort?: PageSort;
  /** Up to which the total is counted; `listTotalMax` unless told otherwise. */
  readonly totalMax?: number;
}

/** One page and the total, in two statements side by side. Column names are ours, never a caller's. */
export async function keysetPage<Row extends object, T>(db: Queries, query: KeysetQuery<Row, T>): Promise<PageOf<T>> {
  const { columns, from, where, at, id, page, sort = 'newest', totalMax = listTotalMax, forEvery } = query;
  const [direction, beyond] = sort === 'newest' ? ['DESC', '<'] : ['ASC', '>'];
  const params = [...query.params];
  const after = page.after === null ? ''
    : ` AND (${at}, ${id}) ${beyond} ($${params.push(page.after.at)}::timestamptz, $${params.push(page.after.id)}::uuid)`;
  const order = `ORDER BY ${at} ${direction}, ${id} ${direction}`;
  const inOrder = `${order} LIMIT $${params.push(page.limit + 1)}`;
  const selected = `${columns}, ${at}::text AS keyset_at, ${id} AS keyset_id`;
  const found = `${from} WHERE ${where}${after} ${inOrder}`;
  const [rows, total] = await Promise.all([
    db.query<Row & { keyset_at: string; keyset_id: string }>(
      forEvery === undefined ? `SELECT ${selected} FROM ${found}`
        : `SELECT ${selected} FROM ${forEvery} CROSS JOIN LATERAL (SELECT ${columns}, ${at}, ${id} FROM ${found}) AS merged ${inOrder}`,
      params,
    ),
    countUpTo(db, { ...query, where: forEvery === undefined ? where : `${where} ${order}` }, totalMax),
  ]);
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    rows: shown.map((row) => query.read(row)), ...total,
    next: rows.length > page.limit && last !== undefined ? { at: last.keyset_at, id: last.keyset_id } : null,
  };
}

/** Looks at one row more than `max` at most, of each. */
export async function countUpTo(
  db: Queries, { from, where, params, forEvery }: Pick<KeysetQuery<never, never>, 'from' | 'where' | 'params' | 'forEvery'>, max: number,
): Promise<Total> {
  const most = `LIMIT $${params.length + 1}`;
  const found = `SELECT FROM ${from} WHERE ${where} ${most}`;
  const all = forEvery === undefined ? found : `SELECT FROM ${forEvery} CROSS JOIN LATERAL (${found}) AS one ${most}`;
  const [row] = await db.query<{ counted: number }>(`SELECT count(*)::int AS counted FROM (${all}) AS rows`, [...params, max + 1]);
  const counted = row?.counted ?? 0;
  return { total: Math.min(counted, max), totalIsAtLeast: counted > max };
}
