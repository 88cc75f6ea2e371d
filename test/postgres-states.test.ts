/**
 * What each failure of PostgreSQL comes to, raised by a real one: the codes of the classes 25, 53, 57, 58 and XX in its manual,
 * and the one before.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';

const away = [
  '08000', '08006', '08P01', '25006', '25P03', '25P04', '53000', '53100', '53200', '53300', '53400', '57000', '57014', '57P01', '57P02',
  '57P03', '57P04', '57P05', '58000', '58030', '58P01', '58P02',
];
const broken = ['XX000', 'XX001', 'XX002'];
const faults = [
  '25000', '25001', '25002', '25003', '25004', '25005', '25007', '25008', '25P01', '25P02', '22P02', '23505', '40001', '42P01', '54000',
];

let db: Database;
// one connection, so that it can be seen whether the next statement has another
beforeAll(async () => {
  db = openDatabase({ url: (await storesOf(await sharedInstance(), '')).databaseUrl, timeoutMs: 5_000, connections: 1 });
});
afterAll(() => db.close());

const backend = async (): Promise<unknown> => (await db.query('SELECT pg_backend_pid() AS pid'))[0]?.['pid'];
const uses: readonly [string, (sql: string) => Promise<unknown>][] = [
  ['a statement', (sql) => db.asSystem().query(sql)], ['a transaction', (sql) => db.asSystem().transaction((tx) => tx.query(sql))],
];

test.each(uses)('%s that fails with what time may mend is a store that is away, on a connection that is thrown away; a fault is told as ' +
  'it is', async (_, use) => {
  for (const [states, isAway, keepsConnection] of [[away, true, false], [broken, false, false], [faults, false, true]] as const) {
    for (const state of states) {
      const before = await backend();
      const error: unknown = await use(`DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '${state}'; END $$`).then(
        () => null, (thrown: unknown) => thrown,
      );
      expect([state, error instanceof StoreUnavailableError, await backend() === before]).toEqual([state, isAway, keepsConnection]);
      expect((isAway ? (error as StoreUnavailableError).cause : error)).toMatchObject({ code: state });
    }
  }
});

test('a connection is refused with the words of the server, which name the role and not the password', async () => {
  const url = new URL((await storesOf(await sharedInstance(), '')).databaseUrl);
  url.password = 'not-the-password';
  const stranger = openDatabase({ url: url.href, timeoutMs: 5_000, connections: 1 });
  const error: unknown = await stranger.query('SELECT 1').then(() => null, (thrown: unknown) => thrown);
  await stranger.close();
  expect(error).toBeInstanceOf(StoreUnavailableError);
  expect((error as Error).message).toBe('postgresql cannot be reached: password authentication failed for user "gangway"');
});
