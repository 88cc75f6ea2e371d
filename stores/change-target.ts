/** The built-in change target: the tables of schema `configuration`. Applying is all or nothing, and idempotent by changeset id. */
import { sameValue } from '../domain/answer.ts';
import type { Change } from '../domain/decision.ts';
import { targetSchemas, type TargetType, type TargetValues } from '../domain/recommendation.ts';
import type { Database, Queries } from './postgres.ts';

/** Table of each kind of target. Names are ours, never a caller's. */
const tableOf: Readonly<Record<TargetType, string>> = {
  business_unit: 'configuration.business_units',
  shift: 'configuration.shifts',
  type_assist: 'configuration.type_assists',
  security_setting: 'configuration.security_settings',
};
const targetTypes = Object.keys(tableOf) as TargetType[];

type Row = Readonly<Record<string, TargetValues[string]>>;

/** Everything configured for a tenant, by `type:key`. Bounded: a tenant's configuration is what its people set up by hand. */
export async function readConfigurationOf(db: Queries, tenant: string): Promise<Map<string, TargetValues>> {
  const tables = await Promise.all(targetTypes.map(async (type) => ({
    type, rows: await db.query<Row & { key: string }>(`SELECT key, ${columnsOf(type).join(', ')} FROM ${tableOf[type]} WHERE tenant = $1 ORDER BY key LIMIT 10000`, [tenant]),
  })));
  return new Map(tables.flatMap(({ type, rows }) => rows.map((row): [string, TargetValues] => [`${type}:${row.key}`, valuesOf(type, row)])));
}

export interface ChangesetInput {
  readonly changeset_id: string;
  readonly tenant: string;
  readonly session_id: string;
  readonly requested_by: string;
  readonly approved_by: string;
  readonly risk_score: number;
  /** 'rejected': nothing is to be applied, the decision alone is recorded. */
  readonly status: 'applied' | 'rejected';
  readonly changes: readonly Omit<Change, 'target'>[];
}

/** Raised inside the transaction, so that it is rolled back whole. */
class TargetChanged extends Error {}

/**
 * Applies a changeset in one transaction. 'stale': a target is no longer as the proposal saw it, and nothing was written.
 * A changeset that is already there is not applied again.
 */
export async function applyChangeset(db: Database, input: ChangesetInput): Promise<'applied' | 'rejected' | 'stale'> {
  try {
    return await db.transaction(async (tx) => {
      // two changesets of one tenant at once wait for each other, so that before-images cannot cross
      await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`changeset:${input.tenant}`]);
      const known = await tx.query<{ status: 'applied' | 'rejected' }>('SELECT status FROM changesets WHERE changeset_id = $1', [input.changeset_id]);
      if (known[0] !== undefined) return known[0].status;
      await insertChangeset(tx, input);
      for (const change of input.changes) await applyChange(tx, input.tenant, change);
      return input.status;
    });
  } catch (error) {
    if (error instanceof TargetChanged) return 'stale';
    throw error;
  }
}

async function insertChangeset(tx: Queries, input: ChangesetInput): Promise<void> {
  await tx.query(
    `INSERT INTO changesets (changeset_id, tenant, session_id, status, requested_by, approved_by, risk_score, applied_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $4 = 'applied' THEN now() END)`,
    [input.changeset_id, input.tenant, input.session_id, input.status, input.requested_by, input.approved_by, input.risk_score],
  );
  await tx.query(
    `INSERT INTO changes (changeset_id, tenant, sequence, recommendation_id, target_type, target_key, operation, before, after)
     SELECT $1, $2, c.* FROM jsonb_to_recordset($3) AS c(sequence int, recommendation_id uuid, target_type text, target_key text, operation text, before jsonb, after jsonb)`,
    [input.changeset_id, input.tenant, JSON.stringify(input.changes)],
  );
}

async function applyChange(tx: Queries, tenant: string, change: Omit<Change, 'target'>): Promise<void> {
  const type = targetTypeOf(change.target_type);
  const [row] = await tx.query<Row>(`SELECT ${columnsOf(type).join(', ')} FROM ${tableOf[type]} WHERE tenant = $1 AND key = $2 FOR UPDATE`, [tenant, change.target_key]);
  const before = row === undefined ? null : valuesOf(type, row);
  if (!sameValue(before, change.before)) throw new TargetChanged();
  if (change.after === null) {
    await tx.query(`DELETE FROM ${tableOf[type]} WHERE tenant = $1 AND key = $2`, [tenant, change.target_key]);
    return;
  }
  const columns = columnsOf(type);
  const after = change.after;
  const params = [tenant, change.target_key, ...columns.map((column) => after[column] ?? null)];
  await tx.query(
    `INSERT INTO ${tableOf[type]} (tenant, key, ${columns.join(', ')}) VALUES (${params.map((_, at) => `$${at + 1}`).join(', ')})
     ON CONFLICT (tenant, key) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}, updated_at = now()`,
    params,
  );
}

function targetTypeOf(name: string): TargetType {
  const type = targetTypes.find((known) => known === name);
  if (type === undefined) throw new Error(`There is no target type ${name}.`);
  return type;
}

function columnsOf(type: TargetType): string[] {
  return Object.keys(targetSchemas[type]);
}

/** Absent optional fields are left out, so that a row read back equals the values it was written from. */
function valuesOf(type: TargetType, row: Row): TargetValues {
  return Object.fromEntries(columnsOf(type).flatMap((column) => (row[column] == null ? [] : [[column, row[column]]])));
}
