/** The built-in change target: the tables of schema `configuration`. */
import { targetSchemas, type TargetType, type TargetValues } from '../../domain/recommendation.ts';
import type { Queries } from '../postgres/database.ts';
import { nameOf, type ChangeSteps, type CurrentValues, type TransactionalTarget, type TargetRef } from './port.ts';

/** Table of each kind of target. Names are ours, never a caller's. */
const tableOf: Readonly<Record<TargetType, string>> = {
  business_unit: 'configuration.business_units',
  shift: 'configuration.shifts',
  type_assist: 'configuration.type_assists',
  security_setting: 'configuration.security_settings',
};
const targetTypes = Object.keys(tableOf) as TargetType[];

type Row = Readonly<Record<string, TargetValues[string]>> & { readonly key: string };

export function createTablesTarget(): TransactionalTarget {
  return { name: 'tables', isTransactional: true, steps: (tx, { tenant }) => stepsIn(tx, tenant) };
}

function stepsIn(tx: Queries, tenant: string): ChangeSteps {
  return {
    // locked until the transaction ends, so that what was compared is what is replaced
    prepare: (changes) => readTargets(tx, tenant, changes, ' FOR UPDATE'),
    read: (targets) => readTargets(tx, tenant, targets, ''),
    apply: (change) => write(tx, tenant, change, change.after),
    undo: (change) => write(tx, tenant, change, change.before),
  };
}

async function readTargets(tx: Queries, tenant: string, targets: readonly TargetRef[], lock: '' | ' FOR UPDATE'): Promise<CurrentValues> {
  const found = new Map<string, TargetValues | null>(targets.map((target) => [nameOf(target), null]));
  for (const [name, group] of Map.groupBy(targets, (target) => target.target_type)) {
    const type = targetTypeOf(name);
    const rows = await tx.query<Row>(
      `SELECT key, ${columnsOf(type).join(', ')} FROM ${tableOf[type]} WHERE tenant = $1 AND key = ANY($2) ORDER BY key${lock}`,
      [tenant, group.map((target) => target.target_key)],
    );
    for (const row of rows) found.set(`${type}:${row.key}`, valuesOf(type, row));
  }
  return found;
}

async function write(tx: Queries, tenant: string, target: TargetRef, values: TargetValues | null): Promise<void> {
  const type = targetTypeOf(target.target_type);
  if (values === null) {
    await tx.query(`DELETE FROM ${tableOf[type]} WHERE tenant = $1 AND key = $2`, [tenant, target.target_key]);
    return;
  }
  const columns = columnsOf(type);
  const params = [tenant, target.target_key, ...columns.map((column) => values[column] ?? null)];
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
