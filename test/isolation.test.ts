/** Tenants in PostgreSQL: no table is left out, and under one tenant nothing of another can be read or touched. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isTenantName, systemScope, type Database, type Queries } from '../stores/postgres/database.ts';
import { sqlState } from '../stores/postgres/sql-states.ts';
import { databaseOf, testSchemas } from './support/instance-stores.ts';
import { cast, newTenant, person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
let db: Database;

beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

/** But for those that other tests make for themselves. */
const systemSchemas = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, '${testSchemas}')`;

/** Tables without a tenant, and why. */
const withoutTenant: Readonly<Record<string, string>> = {
  schema_migrations: 'which migrations were applied: the same for all tenants',
  codec_keys: 'which keys seal the payloads of all tenants: their names and checks, never a key',
  limits_in_force: 'limits of the configuration when a process started: everybody\'s, and told to everybody who meets one',
  analytics_rebuilds: 'rebuilds of ClickHouse that an operator has asked for: of all tenants at once',
  scanner_sights: 'whether the scanner of uploads finds what everybody finds, by worker: a scanner is everybody\'s',
};

interface Column { readonly column: string; readonly type: string; readonly generated: boolean }
interface Table { readonly name: string; readonly columns: readonly Column[]; readonly checks: readonly string[] }

/** Tables with a tenant, those that others refer to first. */
async function tenantTables(): Promise<Table[]> {
  return db.query<Table & Record<string, unknown>>(
    `SELECT c.oid::regclass::text AS name,
            (SELECT jsonb_agg(jsonb_build_object('column', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'generated',
              a.attidentity <> '' OR a.attgenerated <> ''))
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
            ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND ${systemSchemas} AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
       AND a.attname = 'tenant' AND NOT a.attisdropped)
     ORDER BY (SELECT count(*) FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'), 1`,
  );
}

/** A value for a column, the same for every column of a type in a tenant, so that references between its rows hold. */
function exampleOf({ column, type }: Column, tenant: string, checks: readonly string[]): unknown {
  if (column === 'tenant') return tenant;
  const allowed = checks.filter((check) => check.includes(`(${column} = `)).map((check) => /'([^']*)'::text/.exec(check)?.[1]).find(
    (value) => value !== undefined,
  );
  const hex = Buffer.from(tenant).toString('hex').padEnd(32, '0').slice(0, 32);
  const examples: Readonly<Record<string, unknown>> = {
    text: allowed ?? `of ${tenant}`, uuid: hex, integer: 1, bigint: 1, smallint: 1, real: 0.5, 'double precision': 0.5, numeric: 1,
    boolean: true, date: '2026-11-25',
    'timestamp with time zone': '2026-11-25T08:30:00Z', jsonb: '{}', bytea: Buffer.alloc(32), 'text[]': [allowed ?? 'user'],
    'uuid[]': [hex], 'integer[]': [1], 'bigint[]': [1], inet: '127.0.0.1',
  };
  if (!(type in examples)) throw new Error(`The test knows no value of type ${type} (column ${column}).`);
  return examples[type];
}

async function insertExample(tx: Queries, { name, columns, checks }: Table, tenant: string): Promise<void> {
  const given = columns.filter((column) => !column.generated);
  await tx.query(
    `INSERT INTO ${name} (${given.map(({ column }) => `"${column}"`).join(', ')}) VALUES ` +
    `(${given.map((_, at) => `$${at + 1}`).join(', ')})`,
    given.map((column) => exampleOf(column, tenant, checks)),
  );
}

class Undone extends Error {}

/** Runs in the system's scope and leaves nothing behind. */
async function undone(work: (tx: Queries, enter: (scope: string) => Promise<unknown>) => Promise<void>): Promise<void> {
  const all = db.asSystem().transaction(async (tx) => {
    await work(tx, (scope) => tx.query("SELECT set_config('app.tenant', $1, true)", [scope]));
    throw new Undone();
  });
  await expect(all).rejects.toBeInstanceOf(Undone);
}

/** SQLSTATE of what a statement fails with, or null; the transaction goes on. */
async function failureOf(tx: Queries, work: () => Promise<unknown>): Promise<string | null> {
  await tx.query('SAVEPOINT before');
  try {
    await work();
    return null;
  } catch (error) {
    await tx.query('ROLLBACK TO before');
    return sqlState(error) ?? String(error);
  }
}

const [a, b] = [newTenant(), newTenant()];
const countOf = async (tx: Queries, table: string, condition = 'true', params: readonly unknown[] = []): Promise<number> =>
  (await tx.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table} WHERE ${condition}`, params))[0]?.count ?? -1;

describe('no table is left out', () => {
  test('every table with a tenant has row-level security, enabled and forced, with a policy for reading and writing', async () => {
    const rows = await db.query<{ name: string; enabled: boolean; forced: boolean; policies: number }>(
      `SELECT c.oid::regclass::text AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
              (SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polqual IS NOT NULL
                AND p.polwithcheck IS NOT NULL) AS policies
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p') AND ${systemSchemas} AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
         AND a.attname = 'tenant' AND NOT a.attisdropped)`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(12);
    expect(rows.filter((row) => !row.enabled || !row.forced || row.policies !== 1)).toEqual([]);
  });

  test('every table without a tenant is in a short list with its reason', async () => {
    const rows = await db.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND ${systemSchemas} AND NOT EXISTS (SELECT FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped)`,
    );
    expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(withoutTenant).sort());
  });

  test('the policies bind the role that the service has', async () => {
    expect(await db.query('SELECT rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = current_user'))
      .toEqual([{ passes: false }]);
  });
});

describe('under one tenant nothing of another', () => {
  test('can be read, changed, deleted or added, in any table; nothing at all without a tenant', async () => {
    const tables = await tenantTables();
    await undone(async (tx, enter) => {
      for (const tenant of [a, b]) for (const table of tables) await insertExample(tx, table, tenant);
      for (const { name } of tables) {
        const mutable = name !== 'audit';
        await enter(systemScope);
        expect([name, await countOf(tx, name, 'tenant IN ($1, $2)', [a, b])]).toEqual([name, 2]);
        await enter(a);
        expect([name, await countOf(tx, name, "tenant <> ''"), await countOf(tx, name, 'tenant = $1', [b])]).toEqual([name, 1, 0]);
        expect([name, await tx.query(`UPDATE ${name} SET tenant = tenant WHERE tenant = $1 RETURNING 1`, [b])]).toEqual([name, []]);
        expect([name, await tx.query(`DELETE FROM ${name} WHERE tenant = $1 RETURNING 1`, [b])]).toEqual([name, []]);
        if (mutable) expect([name, await failureOf(tx, () => tx.query(`UPDATE ${name} SET tenant = $1`, [b]))]).toEqual([name, '42501']);
        await enter('');
        const seen = name === 'flows' ? "tenant <> ''" : 'true';
        expect([name, await countOf(tx, name, seen)]).toEqual([name, 0]);
        await enter(systemScope);
        expect([name, await countOf(tx, name, 'tenant = $1', [b])]).toEqual([name, 1]);
      }
    });
    await undone(async (tx, enter) => {
      for (const table of tables) {
        for (const scope of [a, '']) {
          await enter(scope);
          expect([table.name, scope, await failureOf(tx, () => insertExample(tx, table, b))]).toEqual([table.name, scope, '42501']);
        }
        // so that the next table finds what it refers to
        await enter(systemScope);
        await insertExample(tx, table, b);
      }
    });
  });

  test('shipped flows are everybody\'s to read and nobody\'s to write', async () => {
    expect(await countOf(db.asTenant(a), 'flows', "tenant = ''")).toBeGreaterThan(0);
    expect(await db.asTenant(a).query("UPDATE flows SET hash = '' WHERE tenant = '' RETURNING 1")).toEqual([]);
    expect(await db.asTenant(a).query("DELETE FROM flows WHERE tenant = '' RETURNING 1")).toEqual([]);
    const insert = "INSERT INTO flows (tenant, flow_id, version, definition, hash) VALUES ('', 'x', 1, '{}', '')";
    await expect(db.asTenant(a).query(insert)).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a scope', () => {
  test('ends with its statement or transaction, also when that fails, and connections are used again', async () => {
    const shown = "SELECT coalesce(current_setting('app.tenant', true), '') AS tenant";
    await Promise.all(Array.from({ length: 20 }, async (_, at) => {
      const tenant = `${a}-${at}`;
      expect(await db.asTenant(tenant).query(shown)).toEqual([{ tenant }]);
      await expect(db.asTenant(tenant).query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
      await expect(db.asTenant(tenant)
        .transaction(async (tx) => { await tx.query('SELECT 1 / 0'); })).rejects.toMatchObject({ code: '22012' });
      expect(await db.asTenant(tenant).transaction((tx) => tx.query(shown))).toEqual([{ tenant }]);
      expect(await db.query(shown)).toEqual([{ tenant: '' }]);
    }));
  });

  test('is refused for what no tenant can be called', () => {
    for (const name of ['', ' a', 'a ', 'a\nb', systemScope, 'x'.repeat(129), 'a\u200bb']) {
      expect([name, isTenantName(name)]).toEqual([name, false]);
      expect(() => db.asTenant(name)).toThrow('name of a tenant');
    }
    for (const name of ['acme', 'Straße 7', 'x'.repeat(128), "o'neill; --", 'a%b']) {
      expect([name, isTenantName(name)]).toEqual([name, true]);
    }
  });

  test('takes a tenant\'s name as it is, whatever is in it', async () => {
    const tenant = `o'neill"; SELECT 1; -- ${newTenant()}`;
    const ana = await person(instance, tenant, 'ana', 'user');
    const session = await ana.start();
    expect((await ana.get('/sessions/')).body).toMatchObject({ total: 1, results: [{ session_id: session.session_id, tenant }] });
  });
});

test('the platform role cannot name the system as its tenant', async () => {
  const platform = await person(instance, newTenant(), 'pat', 'platform');
  const { ana } = await cast(instance);
  await ana.start();
  for (const name of [systemScope, '', ' ', 'a\u0000b']) {
    const reply = await platform.get(`/sessions/?client_id=${encodeURIComponent(name)}`);
    expect([name, reply.status, reply.body.code]).toEqual([name, 400, 'invalid_request']);
  }
});
