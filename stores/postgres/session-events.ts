/** Events of sessions as they are kept: sealed rows, one for each flush, which may overlap where a flush was repeated. */
import type { Database } from './database.ts';

export interface KeptEvents {
  readonly session_id: string;
  readonly first_sequence: number;
  readonly events: Buffer;
  /** Epoch seconds. */
  readonly stored_at: number;
}

/** Of these sessions of a tenant, in their order. */
export async function keptEventsOf(db: Database, tenant: string, sessionIds: readonly string[]): Promise<readonly KeptEvents[]> {
  return db.asTenant(tenant).query<KeptEvents & Record<string, unknown>>(
    `SELECT session_id, first_sequence, events, floor(extract(epoch FROM stored_at))::float8 AS stored_at FROM session_events
     WHERE tenant = $1 AND session_id = ANY($2::uuid[]) ORDER BY session_id, first_sequence`, [tenant, sessionIds],
  );
}
