/** The pool of PostgreSQL when connections break under what runs on them. */
import { randomUUID } from 'node:crypto';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { databaseOf, storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

/** What `work` fails with, from the beginning on, so that no rejection is unheard. */
function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(() => 'it worked', (error: unknown) => error);
}

const sockets = new Set<Socket>();
/** Once this has passed on its way to the server, nothing comes back any more. */
let lastWord: string | null = null;
let muted = 0;
let proxy: Server;
let url: URL;
/** Past the proxy. */
let direct: Database;

beforeAll(async () => {
  const instance = await sharedInstance();
  direct = await databaseOf(instance);
  url = new URL((await storesOf(instance, '')).databaseUrl);
  const [port, host] = [Number(url.port), url.hostname];
  proxy = createServer((near) => {
    const far = createConnection(port, host);
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => { sockets.delete(socket); other.destroy(); });
    }
    far.pipe(near);
    near.on('data', (chunk: Buffer) => {
      far.write(chunk);
      if (lastWord === null || !chunk.includes(lastWord)) return;
      far.unpipe(near).pause();
      muted += 1;
    });
  });
  await new Promise<void>((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  url.port = String((proxy.address() as AddressInfo).port);
  url.hostname = '127.0.0.1';
});

afterAll(async () => {
  await direct.close();
  proxy.close();
});

/** With a pool of so little patience; it ends with the work. */
async function withPool(timeoutMs: number, work: (db: Database) => Promise<void>): Promise<void> {
  const db = openDatabase({ url: url.href, timeoutMs, connections: 3 });
  try {
    await work(db);
    await expect(db.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
  } finally {
    await db.close();
  }
}

const cut = (): void => { for (const socket of sockets) socket.destroy(); };

/** Longer than anybody here waits. */
const sleeping = (marker: string): string => `SELECT pg_sleep(300) /* ${marker} */`;

const uses: readonly [string, (db: Database, sql: string) => Promise<unknown>][] = [
  ['a statement', (db, sql) => db.query(sql)],
  ['a statement of a scope', (db, sql) => db.asSystem().query(sql)],
  ['a transaction', (db, sql) => db.asSystem().transaction((tx) => tx.query(sql))],
];

// an error event that nobody hears ends a process; here it fails the test
test.each(uses)('%s whose connection is cut is told, the process lives, and the next one works', async (_, use) => {
  const marker = randomUUID();
  // of so much patience that only the cut can end it
  await withPool(300_000, async (db) => {
    const failed = failure(use(db, sleeping(marker)));
    await until(
      'the server is at it',
      async () => (await direct.query(
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1", [`%pg_sleep%${marker}%`],
      )).length === 1,
    );
    cut();
    expect(await failed).toBeInstanceOf(StoreUnavailableError);
  });
});

test.each(uses)('%s that waits beyond its time is told, the process lives, and the next one works', async (_, use) => {
  lastWord = randomUUID();
  const before = muted;
  await withPool(1_500, async (db) => {
    expect(await failure(use(db, sleeping(lastWord ?? '')))).toBeInstanceOf(StoreUnavailableError);
    expect(muted).toBe(before + 1);
  });
});

test('a connection that breaks between two statements of a transaction is told by the second', async () => {
  await withPool(300_000, async (db) => {
    let second = false;
    const failed = failure(db.asSystem().transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      cut();
      await until(
        'the server has let go', async () => (await direct.query('SELECT FROM pg_stat_activity WHERE pid = $1', [row?.pid])).length === 0,
      );
      second = true;
      await tx.query('SELECT 2');
    }));
    expect([await failed, second]).toEqual([expect.any(StoreUnavailableError), true]);
  });
});
