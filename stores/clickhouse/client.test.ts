import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  migrateClickHouse, openClickHouse, SchemaMismatchError, StoreBusyError, StoreLimitError, StoreUnavailableError,
} from './client.ts';
import type { Statement } from './client.ts';
import { Lanes } from './lanes.ts';
import { readMigrations } from './migrations.ts';
import { until } from '../../test/support/until.ts';
import { openTestClickHouse } from './testing.ts';
import type { TestClickHouse } from './testing.ts';

let db: TestClickHouse;
beforeAll(async () => { db = await openTestClickHouse(); });
afterAll(async () => { await db.close(); });

const statement = (sql: string, params: Statement['params'] = {}): Statement => ({ sql, params });
const settingOf = (name: string): Statement =>
  statement('SELECT value FROM system.settings WHERE name = {name:String}', { name });

describe('values', () => {
  test.each([
    ["it's", 'a quote'], ["\\'; DROP DATABASE x; --", 'a backslash before a quote'], ['a\nb\tc', 'a line end'],
    ['{x:String}', 'a placeholder'], ['', 'nothing'], ['Zürich 🛶', 'non-ASCII text'],
  ])('%j (%s) arrives as it was bound', async (value) => {
    expect(await db.query(statement('SELECT {v:String} AS v', { v: value }))).toEqual([{ v: value }]);
  });

  test('epoch milliseconds keep their milliseconds on the way in, in a condition and out', async () => {
    await db.command("CREATE TABLE instants (at DateTime64(3, 'UTC'), id UInt64) ENGINE = MergeTree ORDER BY at");
    await db.insert('instants', [{ at: 1_774_748_400_123, id: '18446744073709551615' }, { at: 0, id: 1 }]);
    const sql = `SELECT toUnixTimestamp64Milli(at) AS ms, toString(id) AS id FROM instants
      WHERE at = fromUnixTimestamp64Milli({at:Int64})`;
    const found = await db.query(statement(sql, { at: 1_774_748_400_123 }));
    expect(found).toEqual([{ ms: 1_774_748_400_123, id: '18446744073709551615' }]);
  });

  test('the mean of nothing is null, never NaN', async () => {
    expect(await db.query(statement('SELECT avg(number) AS mean FROM numbers(0)'))).toEqual([{ mean: null }]);
  });

  test('a row with a column the table does not have is refused, not stored without it', async () => {
    await db.command('CREATE TABLE narrow (a UInt8) ENGINE = MergeTree ORDER BY a');
    await expect(db.insert('narrow', [{ a: 1, typo: 2 }])).rejects.toMatchObject({ code: '117' });
    expect(await db.query(statement('SELECT count() AS n FROM narrow'))).toEqual([{ n: 0 }]);
  });

  test('a table name that is not a plain name never reaches the engine', async () => {
    await expect(db.insert('narrow VALUES (1);--', [{ a: 1 }])).rejects.toThrow(TypeError);
  });
});

describe('settings', () => {
  test('limits go with one query and stay for no other', async () => {
    expect(await db.query(settingOf('max_execution_time'), { maxSeconds: 7 })).toEqual([{ value: '7' }]);
    for (let reader = 0; reader < 4; reader += 1) {
      expect(await db.query(settingOf('max_execution_time'))).toEqual([{ value: '10' }]);
    }
    // A command carries no settings of its own: what it sees is what stayed on the connection.
    await db.command(`CREATE TABLE seen ENGINE = Memory AS
      SELECT value FROM system.settings WHERE name = 'max_execution_time'`);
    expect(await db.query(statement('SELECT value FROM seen'))).toEqual([{ value: '0' }]);
  });

  test.each([Number.NaN, 0, -1, Infinity, 61, "1, session_timezone = 'x'" as unknown as number])(
    'a limit of %j never reaches the engine',
    async (maxSeconds) => {
      await expect(db.query(statement('SELECT 1 AS one'), { maxSeconds })).rejects.toThrow(RangeError);
    },
  );

  test('a value cannot become a setting or a second statement', async () => {
    const value = "x' SETTINGS max_memory_usage = 1; CREATE TABLE stolen (a UInt8) ENGINE = Memory; --";
    await db.query(statement('SELECT {v:String} AS v', { v: value }));
    const stolen = statement("SELECT count() AS n FROM system.tables WHERE name = 'stolen'");
    expect(await db.query(stolen)).toEqual([{ n: 0 }]);
  });
});

describe('limits and errors', () => {
  const slow = 'SELECT sum(cityHash64(number)) AS s FROM numbers_mt(100000000000)';

  test('a query that takes too long is ended by the engine and says which limit it met', async () => {
    // without a limit it takes minutes
    const error: unknown = await db.query(statement(slow), { maxSeconds: 0.3 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreLimitError);
    expect(error).toMatchObject({ limit: 'time' });
  });

  test('an abort frees the caller at once and keeps the connection from others until the engine is done', async () => {
    const began = performance.now();
    const maxSeconds = 3;
    const queries = [1, 2].map(() => db.query(statement(slow), { maxSeconds, signal: AbortSignal.timeout(100) }));
    const order: string[] = [];
    const next = db.query(statement('SELECT 1 AS one')).finally(() => { order.push('queried'); });
    expect((await Promise.allSettled(queries)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    order.push('freed');
    // Not a query behind the two: while they compute, the engine is there.
    expect(await db.ping()).toBe(true);
    order.push('answered');
    expect(await next).toEqual([{ one: 1 }]);
    expect(order).toEqual(['freed', 'answered', 'queried']);
    expect(performance.now() - began).toBeGreaterThanOrEqual(maxSeconds * 1_000 - 100);
  });

  test('a mistake in a statement comes through as it is, since repeating does not help', async () => {
    await expect(db.query(statement('SELECT nonsense'))).rejects.toMatchObject({ code: '47' });
  });

  test('a server that is not there is StoreUnavailableError, and ping says false', async () => {
    const gone = await openClickHouse({ url: 'http://127.0.0.1:9' });
    await expect(gone.query(statement('SELECT 1'))).rejects.toThrow(StoreUnavailableError);
    await expect(gone.insert('sessions', [{ a: 1 }])).rejects.toThrow(StoreUnavailableError);
    expect(await gone.ping()).toBe(false);
    await gone.close();
  });

  test('a server is asked in the same words: settings in the text, values as parameters', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => { body += chunk.toString('utf8'); });
      request.on('end', () => {
        seen.push(`${request.url ?? ''}\n${body}`);
        response.end('{"v":"x"}\n');
      });
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { port } = server.address() as AddressInfo;
    const remote = await openClickHouse({ url: `http://127.0.0.1:${port}` });
    expect(await remote.query(statement('SELECT {v:String} AS v', { v: "a'b" }))).toEqual([{ v: 'x' }]);
    await remote.close();
    await new Promise((resolve) => { server.close(resolve); });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toContain('param_v=a%5C%27b&');
    expect(seen[0]).toContain('cancel_http_readonly_queries_on_client_close=1');
    expect(seen[0]).toMatch(/SELECT \{v:String\} AS v\s+SETTINGS max_execution_time = 10, .*\s+FORMAT JSONEachRow/s);
  });

  test('another folder in the same process is refused with a reason', async () => {
    await expect(openClickHouse({ path: `${db.path}-other` })).rejects.toThrow(StoreUnavailableError);
  });

  test('after close every call is refused, and closing again does no harm', async () => {
    const other = await openClickHouse({ path: db.path, database: db.database });
    await Promise.all([other.close(), other.close()]);
    await expect(other.query(statement('SELECT 1'))).rejects.toThrow(StoreUnavailableError);
    await expect(other.insert('narrow', [{ a: 1 }])).rejects.toThrow(StoreUnavailableError);
    expect(await other.ping()).toBe(false);
    expect(await db.ping()).toBe(true);
  });
});

describe('the queue before the connections', () => {
  const gate = (): { readonly opened: Promise<void>; readonly open: () => void } => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { opened: promise, open: () => { resolve(); } };
  };

  test('a full queue refuses at once and what waits runs in the order it came', async () => {
    const lanes = new Lanes(['only'], { queued: 2, waitMs: 5_000 });
    const { opened, open } = gate();
    const order: number[] = [];
    const runs = [0, 1, 2].map((number) => lanes.run(async () => { await opened; order.push(number); }));
    await expect(lanes.run(async () => { await opened; })).rejects.toThrow(StoreBusyError);
    open();
    await Promise.all(runs);
    expect(order).toEqual([0, 1, 2]);
    expect(lanes.idle).toBe(true);
  });

  test('waiting has an end', async () => {
    const lanes = new Lanes(['only'], { queued: 2, waitMs: 20 });
    const { opened, open } = gate();
    const running = lanes.run(() => opened);
    await expect(lanes.run(() => opened)).rejects.toThrow(StoreBusyError);
    open();
    await running;
    expect(lanes.idle).toBe(true);
  });

  test('an aborted caller leaves the queue, and its work never starts', async () => {
    const lanes = new Lanes(['only'], { queued: 1, waitMs: 5_000 });
    const { opened, open } = gate();
    const running = lanes.run(() => opened);
    const caller = new AbortController();
    let started = false;
    const waiting = lanes.run(async () => { started = true; await opened; }, caller.signal);
    caller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    open();
    await running;
    await lanes.close();
    expect(started).toBe(false);
  });

  test('closing refuses what waits and waits for what runs', async () => {
    const lanes = new Lanes(['only'], { queued: 1, waitMs: 5_000 });
    const { opened, open } = gate();
    let ended = false;
    const running = lanes.run(async () => { await opened; ended = true; });
    const waiting = lanes.run(() => opened);
    const closing = lanes.close();
    await expect(waiting).rejects.toThrow(StoreUnavailableError);
    const first = await Promise.race([closing.then(() => 'closed'), setImmediate('still running')]);
    expect([first, ended]).toEqual(['still running', false]);
    open();
    await Promise.all([closing, running]);
    expect(ended).toBe(true);
  });

  test('work that fails gives its lane back', async () => {
    const lanes = new Lanes(['only'], { queued: 1, waitMs: 5_000 });
    await expect(lanes.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(lanes.run(() => { throw new Error('at once'); })).rejects.toThrow('at once');
    expect(lanes.idle).toBe(true);
  });
});

describe('migrations', () => {
  const folder = fileURLToPath(new URL('./schema', import.meta.url));
  const fresh = async <R>(run: (other: TestClickHouse) => Promise<R>): Promise<R> => {
    const other = await openTestClickHouse();
    try {
      return await run(other);
    } finally {
      await other.close();
    }
  };

  test('each runs once, and again changes nothing', () => fresh(async (other) => {
    const all = (await readMigrations(folder)).map(({ number }) => number);
    expect(await migrateClickHouse(other)).toEqual(all);
    expect(await migrateClickHouse(other)).toEqual([]);
  }));

  test('every statement can be repeated, as after a crash between it and its record', () => fresh(async (other) => {
    const migrations = await readMigrations(folder);
    await migrateClickHouse(other);
    for (const { sql } of migrations) await other.command(sql);
    expect(await migrateClickHouse(other)).toEqual([]);
  }));

  test.each(['sessions', 'events'])('months of %s become one part each once nothing is written in them', (table) => fresh(async (other) => {
    await migrateClickHouse(other);
    const settings = async (): Promise<string> => (await other.query<{ engine_full: string }>(statement(
      'SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}', { table },
    )))[0]?.engine_full ?? '';
    expect(await settings()).toMatch(/min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1/);
    // a day is a second here
    await other.command(`ALTER TABLE ${table} MODIFY SETTING min_age_to_force_merge_seconds = 1`);
    const start = table === 'sessions' ? 'started_at' : 'session_started_at';
    for (let at = 0; at < 6; at += 1) {
      const month = 1 + at % 2;
      await other.command(
        `INSERT INTO ${table} (tenant, session_id, ${start}) VALUES ('acme', generateUUIDv4(), '2026-0${month}-05 00:00:00')`,
      );
    }
    const parts = statement(
      'SELECT count() AS n FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active', { table },
    );
    await until('each month is one part', async () => (await other.query<{ n: number }>(parts))[0]?.n === 2);
  }));

  test('two starts at once leave one schema and one record each', () => fresh(async (other) => {
    await Promise.all([migrateClickHouse(other), migrateClickHouse(other)]);
    const migrations = await readMigrations(folder);
    const [row] = await other.query<{ n: number }>(statement('SELECT count() AS n FROM schema_migrations FINAL'));
    expect(row?.n).toBe(migrations.length);
    expect(await migrateClickHouse(other)).toEqual([]);
  }));

  test('a migration that was changed after it ran is refused by name, and nothing runs', () => fresh(async (other) => {
    const first = { number: 1, name: '001-a.sql', sql: 'CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = Memory' };
    await migrateClickHouse(other, [first]);
    const changed = [
      { ...first, sql: first.sql.replace('UInt8', 'UInt16') },
      { number: 2, name: '002-b.sql', sql: 'CREATE TABLE IF NOT EXISTS b (x UInt8) ENGINE = Memory' },
    ];
    await expect(migrateClickHouse(other, changed)).rejects.toThrow(SchemaMismatchError);
    await expect(migrateClickHouse(other, changed)).rejects.toThrow(/001-a\.sql was changed after it ran/);
    const sql = "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = 'b'";
    expect(await other.query(statement(sql))).toEqual([{ n: 0 }]);
  }));

  test('line ends of another system are the same migration', () => fresh(async (other) => {
    const first = { number: 1, name: '001-a.sql', sql: 'CREATE TABLE IF NOT EXISTS a\n(x UInt8) ENGINE = Memory\n' };
    await migrateClickHouse(other, [first]);
    expect(await migrateClickHouse(other, [{ ...first, sql: first.sql.replaceAll('\n', '\r\n') }])).toEqual([]);
  }));

  test('a number left out is refused', () => fresh(async (other) => {
    const second = { number: 2, name: '002-b.sql', sql: 'SELECT 1' };
    await expect(migrateClickHouse(other, [second])).rejects.toThrow(/without gaps, 1 expected/);
  }));
});
