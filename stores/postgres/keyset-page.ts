/** Lists page by page, by keyset: a page costs the same wherever it stands, and what is added meanwhile moves nothing. */
import type { Queries } from './database.ts';

export const pageSorts = ['newest', 'oldest'] as const;
export type PageSort = (typeof pageSorts)[number];
export interface Page { readonly limit: number; readonly after: { readonly at: string; readonly id: string } | null }
export interface PageOf<T> {
  readonly rows: readonly T[];
  readonly total: number;
  readonly next: { readonly at: string; readonly id: string } | null;
}

interface KeysetQuery<Row, T> {
  readonly columns: string; readonly from: string; readonly where: string; readonly params: readonly unknown[];
  readonly at: string; readonly id: string; readonly page: Page; readonly read: (row: Row) => T;
  /** Newest first unless told otherwise. */
  readonly sort?: PageSort;
}

/** One page and the total, in two statements side by side. Column names are ours, never a caller's. */
export async function keysetPage<Row extends object, T>(db: Queries, query: KeysetQuery<Row, T>): Promise<PageOf<T>> {
  const { columns, from, where, at, id, page, sort = 'newest' } = query;
  const [direction, beyond] = sort === 'newest' ? ['DESC', '<'] : ['ASC', '>'];
  const params = [...query.params];
  const after = page.after === null ? ''
    : ` AND (${at}, ${id}) ${beyond} ($${params.push(page.after.at)}::timestamptz, $${params.push(page.after.id)}::uuid)`;
  const [rows, totals] = await Promise.all([
    db.query<Row & { keyset_at: string; keyset_id: string }>(
      `SELECT ${columns}, ${at}::text AS keyset_at, ${id} AS keyset_id FROM ${from} WHERE ${where}${after} ORDER BY ${at} ${direction},
         ${id} ${direction} LIMIT $${params.push(page.limit + 1)}`,
      params,
    ),
    db.query<{ total: string }>(`SELECT count(*) AS total FROM ${from} WHERE ${where}`, query.params),
  ]);
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    rows: shown.map((row) => query.read(row)), total: Number(totals[0]?.total ?? 0),
    next: rows.length > page.limit && last !== undefined ? { at: last.keyset_at, id: last.keyset_id } : null,
  };
}
