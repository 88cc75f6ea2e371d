/** The pool of PostgreSQL when connections break under what runs on them. */
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';

/** What `work` fails with, from the beginning on, so that no rejection is unheard. */
function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(() => 'it worked', (error: unknown) => error);
}

const sockets = new Set<Socket>();
let proxy: Server;
let db: Database;

beforeAll(async () => {
  const url = new URL((await storesOf(await sharedInstance(), '')).databaseUrl);
  const port = Number(url.port);
  proxy = createServer((near) => {
    const far = createConnection(port, url.hostname);
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => { sockets.delete(socket); other.destroy(); });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  url.port = String((proxy.address() as AddressInfo).port);
  url.hostname = '127.0.0.1';
  db = openDatabase({ url: url.href, timeoutMs: 1_500, connections: 3 });
});

afterAll(async () => {
  await db.close();
  proxy.close();
});

const uses: readonly [string, () => Promise<unknown>][] = [
  ['a statement', () => db.query('SELECT pg_sleep(5)')],
  ['a statement of a scope', () => db.asSystem().query('SELECT pg_sleep(5)')],
  ['a transaction', () => db.asSystem().transaction((tx) => tx.query('SELECT pg_sleep(5)'))],
];

// an error event that nobody hears ends a process; here it fails the test
test.each(uses)('%s whose connection is cut is told, the process lives, and the next one works', async (_, use) => {
  const failed = failure(use());
  setTimeout(() => { for (const socket of sockets) socket.destroy(); }, 300);
  expect(await failed).toBeInstanceOf(StoreUnavailableError);
  await expect(db.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
});

test.each(uses)('%s that waits beyond its time is told, the process lives, and the next one works', async (_, use) => {
  const muted = setTimeout(() => { for (const socket of sockets) socket.pause().unpipe(); }, 200);
  expect(await failure(use())).toBeInstanceOf(StoreUnavailableError);
  clearTimeout(muted);
  await expect(db.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
});

test('a connection that breaks between two statements of a transaction is told by the second', async () => {
  const failed = failure(db.asSystem().transaction(async (tx) => {
    await tx.query('SELECT 1');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    await tx.query('SELECT 2');
  }));
  expect(await failed).toBeInstanceOf(StoreUnavailableError);
});
