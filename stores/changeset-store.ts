/** Reading changesets back: lists by keyset, one with its changes. */
import type { Database } from './postgres.ts';
import { keysetPage, type Page, type PageOf } from './session-store.ts';

export interface ChangesetRow {
  readonly changeset_id: string;
  readonly session_id: string;
  readonly status: 'applied' | 'rejected';
  readonly requested_by: string;
  readonly approved_by: string;
  readonly risk_score: number;
  readonly created_at: Date;
  readonly applied_at: Date | null;
}

export interface ChangeRow {
  readonly sequence: number;
  readonly recommendation_id: string;
  readonly target: string;
  readonly operation: 'create' | 'update' | 'delete';
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

const columns = 'changeset_id, session_id, status, requested_by, approved_by, risk_score, created_at, applied_at';

export interface ChangesetFilter { readonly tenant: string; readonly status: string | null; readonly session_id: string | null }

export async function listChangesets(db: Database, filter: ChangesetFilter, page: Page): Promise<PageOf<ChangesetRow>> {
  const params: unknown[] = [filter.tenant];
  const conditions = ['tenant = $1'];
  if (filter.status !== null) conditions.push(`status = $${params.push(filter.status)}`);
  if (filter.session_id !== null) conditions.push(`session_id = $${params.push(filter.session_id)}`);
  return keysetPage(db, {
    columns, from: 'changesets', where: conditions.join(' AND '), params, at: 'created_at', id: 'changeset_id', page, read: (row: ChangesetRow) => row,
  });
}

export async function findChangeset(db: Database, tenant: string, changesetId: string): Promise<{ changeset: ChangesetRow; changes: ChangeRow[] } | null> {
  const [changesets, changes] = await Promise.all([
    db.query<ChangesetRow>(`SELECT ${columns} FROM changesets WHERE tenant = $1 AND changeset_id = $2`, [tenant, changesetId]),
    db.query<ChangeRow>(
      `SELECT sequence, recommendation_id, target_type || ':' || target_key AS target, operation, before, after
       FROM changes WHERE tenant = $1 AND changeset_id = $2 ORDER BY sequence`,
      [tenant, changesetId],
    ),
  ]);
  return changesets[0] === undefined ? null : { changeset: changesets[0], changes };
}
