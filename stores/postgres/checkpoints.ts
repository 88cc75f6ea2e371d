/** The archive of checkpoints: one immutable row each, for ever. */
import type { Checkpoint } from '../../domain/checkpoint.ts';
import type { CheckpointSummary } from '../../domain/version.ts';
import type { Database, Queries } from './database.ts';

export interface ArchivedCheckpoint {
  readonly session_id: string;
  readonly tenant: string;
  readonly checkpoint: Checkpoint;
  readonly answers: Uint8Array;
}

export interface FoundCheckpoint { readonly checkpoint: CheckpointSummary; readonly answers: Uint8Array }

export async function saveCheckpoints(tx: Queries, rows: readonly ArchivedCheckpoint[]): Promise<void> {
  if (rows.length === 0) return;
  const all = rows.map((row) => row.checkpoint);
  await tx.query(
    `INSERT INTO checkpoints (session_id, tenant, answers, version, kind, label, state, hash, answers_count, progress_percent, created_at)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[],
       $10::int[], $11::timestamptz[])
     ON CONFLICT DO NOTHING`,
    [
      rows.map((row) => row.session_id), rows.map((row) => row.tenant), rows.map((row) => row.answers), all.map((item) => item.version),
      all.map((item) => item.kind), all.map((item) => item.label), all.map((item) => item.state), all.map((item) => item.hash),
      all.map((item) => item.current.length), all.map((item) => item.progress_percent), all.map((item) => new Date(item.created_at)),
    ],
  );
}

/** Each of these versions that there is, with what it restores as it was archived, oldest first. */
export async function findCheckpoints(
  db: Database, tenant: string, sessionId: string, versions: readonly number[],
): Promise<readonly FoundCheckpoint[]> {
  const rows = await db.asTenant(tenant).query<Omit<CheckpointSummary, 'created_at'> & { created_at: Date; answers: Buffer }>(
    `SELECT version, kind, label, state, hash, progress_percent, created_at, answers FROM checkpoints
     WHERE session_id = $1 AND version = ANY($2) AND tenant = $3 ORDER BY version`,
    [sessionId, versions, tenant],
  );
  return rows.map(({ answers, created_at: at, ...checkpoint }) => ({ checkpoint: { ...checkpoint, created_at: at.getTime() }, answers }));
}
