/** Names of tenants, as sessions have them. */
import type { Database } from './database.ts';

/** More are not looked through. */
const most = 100_000;

/** Of everybody who has a session, by steps along the index and not by reading every session. */
export async function tenantNames(db: Database): Promise<string[]> {
  const rows = await db.asSystem().query<{ tenant: string }>(
    `WITH RECURSIVE names AS (
       (SELECT tenant FROM sessions ORDER BY tenant LIMIT 1)
       UNION ALL
       SELECT (SELECT tenant FROM sessions WHERE tenant > names.tenant ORDER BY tenant LIMIT 1) FROM names WHERE names.tenant IS NOT NULL
     ) SELECT tenant FROM names WHERE tenant IS NOT NULL LIMIT ${most}`,
  );
  return rows.map(({ tenant }) => tenant);
}
