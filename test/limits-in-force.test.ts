/** Limits that changed, as series show them. */
import { beforeAll, expect, test } from '@jest/globals';
import { databaseOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';
import { limitAnnotation } from '../stores/postgres/annotations.ts';
import type { Database } from '../stores/postgres/database.ts';
import { limitChanges, noteQuotas } from '../stores/postgres/limits-in-force.ts';

/** The database is other tests' too, whose processes may have other limits. */
const most = 1_000;
let db: Database;
beforeAll(async () => { db = await databaseOf(await sharedInstance()); });

test('are noted once where a start finds others than before, and told with what they were and are', async () => {
  const undone = new Error('nobody else is to see these limits');
  const [from, until] = [Date.now() - 60_000, Date.now() + 60_000];
  await expect(db.asSystem().transaction(async (tx) => {
    const earlier = await limitChanges(tx, 0, from, most);
    await noteQuotas(tx, { api: '100', anonymous: '60' });
    const before = await limitChanges(tx, from, until, most);
    await noteQuotas(tx, { anonymous: '60', api: '100' });
    expect(await limitChanges(tx, from, until, most)).toEqual(before);
    await noteQuotas(tx, { api: '200', anonymous: '60', photo_burst: '5 (shadow)' });
    const [newest, ...others] = await limitChanges(tx, from, until, most);
    expect(others).toEqual(before);
    if (newest === undefined) throw new Error('It was noted');
    expect(limitAnnotation(newest)).toEqual({
      at: newest.at, kind: 'limit_changed', text: 'Limits: api 100 → 200, photo_burst none → 5 (shadow)',
    });
    expect(await limitChanges(tx, 0, from, most)).toEqual(earlier);
    throw undone;
  })).rejects.toThrow(undone);
});

test('are those of the configuration from the first start on', async () => {
  const [row] = await db.asSystem().query<{ quotas: Record<string, string> }>('SELECT quotas FROM limits_in_force ORDER BY id LIMIT 1', []);
  expect(row?.quotas).toMatchObject({ llm_calls_per_day: expect.stringMatching(/^\d+$/) as unknown });
  expect(Object.keys(row?.quotas ?? {})).toEqual(expect.arrayContaining(['api', 'api_admin', 'anonymous', 'photo_burst']));
});
