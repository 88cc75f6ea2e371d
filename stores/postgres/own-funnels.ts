/** Funnels of one's own that are kept by a name. */
import type { Json } from '../../domain/json.ts';
import type { Database } from './database.ts';
import { keysetPage, type Page, type PageOf } from './keyset-page.ts';

export interface KeptFunnel {
  readonly funnel_id: string;
  readonly name: string;
  readonly definition: Json;
  readonly created_by: string;
  readonly created_at: Date;
}

export interface NewFunnel extends Omit<KeptFunnel, 'created_at'> { readonly tenant: string }

/** Of one tenant. */
export const keptFunnelsMax = 500;

const columns = 'funnel_id, name, definition, created_by, created_at';

export type Kept = { readonly kept: KeptFunnel } | { readonly refused: 'name_taken' | 'too_many' };

/** The same id again is the same funnel: a repeat is told what was kept. */
export async function keepFunnel(db: Database, { tenant, funnel_id: id, name, definition, created_by }: NewFunnel): Promise<Kept> {
  return db.asTenant(tenant).transaction(async (tx) => {
    // the number of them is counted and added to by one at a time
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 62))', [tenant]);
    const [known] = await tx.query<KeptFunnel & Record<string, unknown>>(`SELECT ${columns} FROM own_funnels WHERE funnel_id = $1`, [id]);
    if (known !== undefined) return { kept: known };
    const [counted] = await tx.query<{ full: boolean; taken: boolean }>(
      `SELECT count(*) >= $2 AS full, coalesce(bool_or(name = $3), false) AS taken FROM own_funnels WHERE tenant = $1`,
      [tenant, keptFunnelsMax, name],
    );
    if (counted?.taken === true) return { refused: 'name_taken' };
    if (counted?.full === true) return { refused: 'too_many' };
    const [row] = await tx.query<KeptFunnel & Record<string, unknown>>(
      `INSERT INTO own_funnels (funnel_id, tenant, name, definition, created_by) VALUES ($1, $2, $3, $4, $5) RETURNING ${columns}`,
      [id, tenant, name, JSON.stringify(definition), created_by],
    );
    if (row === undefined) throw new Error('An inserted funnel was not returned.');
    return { kept: row };
  });
}

export function listFunnels(db: Database, tenant: string, page: Page): Promise<PageOf<KeptFunnel>> {
  return keysetPage<KeptFunnel, KeptFunnel>(db.asTenant(tenant), {
    columns, from: 'own_funnels', where: 'tenant = $1', params: [tenant], at: 'created_at', id: 'funnel_id', page,
    read: ({ funnel_id, name, definition, created_by, created_at }) => ({ funnel_id, name, definition, created_by, created_at }),
  });
}

/** null: there is none. */
export async function dropFunnel(db: Database, tenant: string, funnelId: string): Promise<KeptFunnel | null> {
  const [row] = await db.asTenant(tenant).query<KeptFunnel & Record<string, unknown>>(
    `DELETE FROM own_funnels WHERE tenant = $1 AND funnel_id = $2 RETURNING ${columns}`, [tenant, funnelId],
  );
  return row ?? null;
}
