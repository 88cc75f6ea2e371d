/** Reading changesets back: lists by keyset, one with its changes. */
import type { Change, ChangeStep, Changeset, ChangesetStatus } from '../../domain/changeset.ts';
import type { TargetValues } from '../../domain/recommendation.ts';
import type { Database } from './database.ts';
import { keysetPage, type Page, type PageOf } from './keyset-page.ts';

export interface ChangesetRow extends Omit<Changeset, 'tenant' | 'status' | 'changes' | 'people'> {
  readonly status: ChangesetStatus;
  readonly created_at: Date;
  readonly applied_at: Date | null;
  /** Why applying it failed for good. */
  readonly failure: string | null;
  readonly rolled_back_by: string | null;
  readonly rolled_back_at: Date | null;
  readonly rollback_reason: string | null;
  readonly rollback_forced: boolean;
}

export type ChangeRow = Pick<Change, 'sequence' | 'recommendation_id' | 'target' | 'operation' | 'before' | 'after'>;

/** How far a change has come at the change target. */
export interface ChangeProgress {
  readonly sequence: number;
  readonly step: ChangeStep;
  readonly failure: string | null;
  /** What a rollback found and replaced; null also when nothing was there. */
  readonly overwritten: TargetValues | null;
}

const columns = 'changeset_id, session_id, status, requested_by, approved_by, second_approved_by, approval_id, risk_score, created_at, ' +
  'applied_at, failure, rolled_back_by, rolled_back_at, rollback_reason, rollback_forced';

export interface ChangesetFilter { readonly tenant: string; readonly status: string | null; readonly session_id: string | null }

export async function listChangesets(db: Database, filter: ChangesetFilter, page: Page): Promise<PageOf<ChangesetRow>> {
  const params: unknown[] = [filter.tenant];
  const conditions = ['tenant = $1'];
  if (filter.status !== null) conditions.push(`status = $${params.push(filter.status)}`);
  if (filter.session_id !== null) conditions.push(`session_id = $${params.push(filter.session_id)}`);
  return keysetPage(db.asTenant(filter.tenant), {
    columns, from: 'changesets', where: conditions.join(' AND '), params, at: 'created_at', id: 'changeset_id', page,
    read: (row: ChangesetRow) => row,
  });
}

export async function findChangeset(
  db: Database, tenant: string, changesetId: string,
): Promise<{ changeset: ChangesetRow; changes: ChangeRow[]; progress: ChangeProgress[] } | null> {
  const [changesets, changes, progress] = await db.asTenant(tenant).transaction((tx) => Promise.all([
    tx.query<ChangesetRow>(`SELECT ${columns} FROM changesets WHERE tenant = $1 AND changeset_id = $2`, [tenant, changesetId]),
    tx.query<ChangeRow>(
      `SELECT sequence, recommendation_id, target_type || ':' || target_key AS target, operation, before, after
       FROM changes WHERE tenant = $1 AND changeset_id = $2 ORDER BY sequence`,
      [tenant, changesetId],
    ),
    tx.query<ChangeProgress>(
      'SELECT sequence, step, failure, overwritten FROM changes WHERE tenant = $1 AND changeset_id = $2 ORDER BY sequence',
      [tenant, changesetId],
    ),
  ]));
  return changesets[0] === undefined ? null : { changeset: changesets[0], changes, progress };
}

/** The session whose decision an approval belongs to. */
export async function findApproval(db: Database, tenant: string, approvalId: string): Promise<{ session_id: string } | null> {
  const [row] = await db.asTenant(tenant).query<{ session_id: string }>(
    'SELECT session_id FROM changesets WHERE tenant = $1 AND approval_id = $2', [tenant, approvalId],
  );
  return row ?? null;
}
