/** PostgreSQL as others run it: read-only for a while, with defaults of its own, behind a pooler in transaction mode. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { migrateDatabase } from '../stores/postgres/migrations.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf, storesOf } from './support/instance-stores.ts';
import { cast, newTenant, proposed, type Body, type Person } from './support/person.ts';
import { findPgBouncer, startPgBouncer, type PgBouncer } from './support/pgbouncer.ts';
import { until } from './support/until.ts';

let instance: Instance;
let db: Database;
beforeAll(async () => {
  instance = await startInstance(await newFolder());
  db = await databaseOf(instance);
});
afterAll(async () => {
  await db.close();
  await discard(instance);
});

async function readiness(of: Instance = instance): Promise<Body> {
  return (await fetch(`${of.url}/readyz`)).json();
}

/** Sets defaults of the database, and ends what is connected, as a failover does. */
async function withDefaults(defaults: Readonly<Record<string, string>>, work: () => Promise<void>): Promise<void> {
  const all = Object.entries(defaults);
  const reconnected = async (statements: readonly string[]): Promise<void> => {
    const client = new Client({ connectionString: (await storesOf(instance, '')).databaseUrl });
    await client.connect();
    await client.query('SET default_transaction_read_only = off');
    for (const statement of statements) await client.query(statement);
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()');
    await client.end();
  };
  await reconnected(all.map(([name, value]) => `ALTER DATABASE gangway SET ${name} = '${value}'`));
  try {
    await work();
  } finally {
    await reconnected(all.map(([name]) => `ALTER DATABASE gangway RESET ${name}`));
  }
}

describe('a server that takes no writes', () => {
  test('is a store that is away: 503 with Retry-After, named by /readyz, running sessions go on, and all is well as soon as it takes ' +
    'writes again', async () => {
    const { ana, admin } = await cast(instance);
    const session = await ana.start();
    await withDefaults({ default_transaction_read_only: 'on' }, async () => {
      for (let times = 0; times < 12; times += 1) {
        const reply = await admin.post('/admin/api-keys/', { name: `key ${times}`, roles: ['analyst'] });
        expect([reply.status, reply.body.code]).toEqual([503, 'store_unavailable']);
        expect(reply.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      }
      await until('/readyz names it', async () => (await readiness()).checks.postgresql === 'unavailable');
      expect((await ana.answer(session.session_id, 'setup_urgency', 'immediate')).status).toBe(200);
      // connections that know it as read-only, as many as there can be
      await Promise.all(Array.from({ length: 30 }, () => ana.get('/sessions/')));
    });
    await until(
      'it is written to', async () => (await admin.post('/admin/api-keys/', { name: 'later', roles: ['analyst'] })).status === 201, 3_000,
    );
    await until('/readyz is content', async () => (await readiness()).checks.postgresql === 'ok', 5_000);
    // not one connection of before is left
    const replies = await Promise.all(Array.from({ length: 40 }, (_, index) => admin.post('/admin/api-keys/', {
      name: `after ${index}`, roles: ['analyst'],
    })));
    expect(replies.filter(({ status }) => status !== 201 && status !== 503)).toEqual([]);
    expect((await admin.post('/admin/api-keys/', { name: 'last', roles: ['analyst'] })).status).toBe(201);
  });
});

describe('defaults of a server', () => {
  const everyPage = async (person: Person, path: string): Promise<Body[]> => {
    const results: Body[] = [];
    for (let next: string | null = path; next !== null;) {
      const { status, body }: { status: number; body: Body } = await person.get(next);
      expect([next, status]).toEqual([next, 200]);
      results.push(...body.results);
      next = body.next_cursor === null ? null : `${path}&cursor=${encodeURIComponent(body.next_cursor)}`;
    }
    return results;
  };

  test.each([
    { DateStyle: 'German, DMY', TimeZone: 'Asia/Kolkata', IntervalStyle: 'sql_standard', bytea_output: 'escape' },
    { DateStyle: 'SQL, MDY', TimeZone: 'America/St_Johns', default_transaction_isolation: 'serializable' },
    {
      DateStyle: 'Postgres, DMY', extra_float_digits: '-15', standard_conforming_strings: 'off', lock_timeout: '1ms',
      statement_timeout: '0',
    },
  ])('change no answer: %j', async (defaults) => {
    const { ana, ben, admin, tenant } = await cast(instance);
    await withDefaults(defaults as unknown as Record<string, string>, async () => {
      const began = Date.now();
      await until('it is there', async () => (await readiness()).status === 'ready');
      const { session, proposal, items } = await proposed(ana, ben);
      const decided = await ben.post(`/sessions/${session.session_id}/decision/`, {
        approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false,
      });
      expect(decided.status).toBe(200);
      for (let times = 0; times < 7; times += 1) await admin.post('/admin/api-keys/', { name: `key ${times}`, roles: ['analyst'] });
      const keys = await everyPage(admin, '/admin/api-keys/?limit=3');
      expect(new Set(keys.map(({ name }) => name as string)).size).toBe(7);
      const audits = await everyPage(admin, '/admin/audit/?limit=2');
      expect(audits.length).toBeGreaterThan(6);
      for (const { created_at } of keys) expect(Math.abs(Date.parse(created_at as string) - began)).toBeLessThan(120_000);
      for (const { at } of audits) expect(Math.abs(Date.parse(at as string) - began)).toBeLessThan(120_000);
      const { body: changeset } = await ben.get(`/changesets/${decided.body.changeset_id}/`);
      expect(changeset.status).toBe('applied');
      // bytes and numbers too
      expect((await db.asTenant(tenant).query<{ bytes: Buffer; part: number }>("SELECT '\\x00ff5c27'::bytea AS bytes, 0.1::float8 + 0.2 " +
        "AS part"))[0]).toEqual({ bytes: Buffer.from('00ff5c27', 'hex'), part: 0.1 + 0.2 });
    });
  });
});

const pgbouncer = await findPgBouncer();
// said where nobody can miss it: what is skipped proves nothing
if ('missing' in pgbouncer) process.stderr.write(`SKIPPED, all tests behind PgBouncer: ${pgbouncer.missing}\n`);

('missing' in pgbouncer ? describe.skip : describe)('behind a pooler in transaction mode', () => {
  let pooler: PgBouncer;
  let pooled: Database;
  beforeAll(async () => {
    if ('missing' in pgbouncer) return;
    pooler = await startPgBouncer(pgbouncer.program, (await storesOf(instance, '')).databaseUrl);
    await until('the pooler listens', () => pooler.output().includes('process up'));
    pooled = openDatabase({ url: pooler.url, timeoutMs: 10_000, connections: 20 });
  });
  afterAll(async () => {
    await pooled.close();
    await pooler.close();
  });

  test('a whole service runs: migrations at start, sessions, proposals, decisions, lists', async () => {
    const behind = await startInstance(await newFolder(), {
      // one database, so the same keys
      DATABASE_URL: pooler.url, GANGWAY_CODEC_KEYS: await developmentCodecKeys(instance.folder),
    });
    try {
      await until('it is ready', async () => (await readiness(behind)).checks.postgresql === 'ok');
      const { ana, ben } = await cast(behind);
      const { session, proposal, items } = await proposed(ana, ben);
      const { status, body } = await ben.post(`/sessions/${session.session_id}/decision/`, {
        approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false,
      });
      expect([status, body.status]).toEqual([200, 'applied']);
      await until('it is listed', async () => (await ana.get('/sessions/')).body.total === 1);
    } finally {
      await discard(behind);
    }
  });

  test('500 statements at once over three connections keep to their tenants, and none waits for ever', async () => {
    const tenants = Array.from({ length: 20 }, newTenant);
    const seen = await Promise.all(Array.from({ length: 500 }, async (_, index) => {
      const tenant = tenants[index % tenants.length] ?? '';
      const ask = "SELECT current_setting('app.tenant') AS tenant, current_setting('statement_timeout') AS bound";
      const scope = pooled.asTenant(tenant);
      const [row] = index % 2 === 0 ? await scope.query<{ tenant: string; bound: string }>(ask) : await scope.transaction(
        (tx) => tx.query<{ tenant: string; bound: string }>(ask),
      );
      return row?.tenant === tenant && row.bound === '10s';
    }));
    expect(seen).toEqual(Array.from({ length: 500 }, () => true));
    expect(await pooled.query("SELECT current_setting('app.tenant', true) AS tenant")).toEqual([{ tenant: '' }]);
  });

  test('a statement ends after its time, and the pooler\'s connection serves the next one', async () => {
    const brief = openDatabase({ url: pooler.url, timeoutMs: 300, connections: 3 });
    const told = await Promise.all(
      Array.from({ length: 3 }, () => brief.asSystem().query('SELECT pg_sleep(20)').then(() => 'slept', (error: Error) => error.name)),
    );
    expect(told).toEqual(['StoreUnavailableError', 'StoreUnavailableError', 'StoreUnavailableError']);
    await brief.close();
    expect(await pooled.asSystem().query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await until('no statement of before runs on', async () => (
      (await db.asSystem().query("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'")).length === 0
    ), 5_000);
  });

  test('eight processes that migrate at once wait for each other', async () => {
    const all = Array.from({ length: 8 }, () => openDatabase({ url: pooler.url, timeoutMs: 20_000, connections: 1 }));
    await Promise.all(all.map((each) => migrateDatabase(each)));
    await Promise.all(all.map((each) => each.close()));
    const [row] = await db.query<{ count: string; names: string }>(
      'SELECT count(*) AS count, count(DISTINCT name) AS names FROM schema_migrations',
    );
    expect(row?.count).toBe(row?.names);
  });

  test('what it refuses at the door is named', async () => {
    const refused = openDatabase({
      url: `${pooler.url}?options=${encodeURIComponent('-c statement_timeout=1')}`, timeoutMs: 5_000, connections: 1,
    });
    await expect(refused.query('SELECT 1')).rejects.toThrow(/postgresql cannot be reached: .*unsupported startup parameter.*options/);
    await refused.close();
  });
});
