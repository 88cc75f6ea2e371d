/** Numbered migrations, once each, under a lock that ends with its transaction: a pooler may give the next one another connection. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Database, Queries } from './database.ts';

interface Migration { readonly name: string; readonly sql: string; readonly checksum: string }

const migrationLock = 7_461_001;

/** Applies stores/postgres/schema/*.sql in order, each in a transaction of its own, safely when several processes start at once. */
export async function migrateDatabase(db: Database): Promise<void> {
  const locked = <T>(work: (tx: Queries) => Promise<T>): Promise<T> => db.asSystem().transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    return work(tx);
  });
  const migrations = await migrationsIn(new URL('./schema/', import.meta.url));
  const applied = await locked(async (tx) => {
    await tx.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL ' +
      'DEFAULT now())',
    );
    return tx.query<Omit<Migration, 'sql'>>('SELECT name, checksum FROM schema_migrations');
  });
  for (const migration of migrations) {
    if (!isApplied(migration, applied)) await locked((tx) => apply(tx, migration));
  }
  // also those tables whose migration did not think of it
  await locked((tx) => tx.query('SELECT isolate_tenants()'));
}

async function migrationsIn(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => {
    const sql = await readFile(new URL(name, folder), 'utf8');
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  }));
}

async function apply(tx: Queries, migration: Migration): Promise<void> {
  // another process may have been first
  const applied = await tx.query<Omit<Migration, 'sql'>>('SELECT name, checksum FROM schema_migrations WHERE name = $1', [migration.name]);
  if (isApplied(migration, applied)) return;
  await tx.query(migration.sql);
  await tx.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [migration.name, migration.checksum]);
}

function isApplied({ name, checksum }: Migration, applied: readonly Omit<Migration, 'sql'>[]): boolean {
  const known = applied.find((migration) => migration.name === name);
  if (known === undefined) return false;
  if (known.checksum !== checksum) {
    throw new Error(`Migration ${name} was applied in another form. Add a new migration instead of changing it.`);
  }
  return true;
}
