/** A drop in conversion, from the sessions in ClickHouse to the message that every channel is to send. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { watchSteps, type Watched } from '../activities/alerts/watch.ts';
import { judgedDay } from '../analytics/reports/drops.ts';
import { tables } from '../analytics/rows.ts';
import { seeded } from '../bench/statistics.ts';
import { migrateClickHouse } from '../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import type { Database } from '../stores/postgres/database.ts';
import { databaseOf } from './support/instance-stores.ts';
import { newTenant } from './support/person.ts';
import { dayMs, nobody, rowOf } from './support/plain-sessions.ts';
import { sharedInstance } from './support/shared.ts';

const hourMs = 3_600_000;
const log = pino({ level: 'silent' });
let db: Database;
let clickhouse: TestClickHouse;

beforeAll(async () => {
  db = await databaseOf(await sharedInstance());
  clickhouse = await openTestClickHouse();
  await migrateClickHouse(clickhouse);
});
afterAll(async () => { await Promise.all([db.close(), clickhouse.close()]); });

/** 100 sessions a day of which so many get engaged at once. */
async function day(tenant: string, dayStart: number, rate: number): Promise<void> {
  const random = seeded(dayStart / dayMs);
  await clickhouse.insert(tables.sessions, Array.from({ length: 100 }, () => rowOf(tenant, {
    ...nobody, startedAt: dayStart + Math.floor(random() * dayMs), reached: random() < rate ? [60_000] : [],
  })));
}

test('It is told once on every channel when two rounds running find it, and that it is over', async () => {
  const tenant = newTenant();
  const now = Date.UTC(2026, 10, 25, 12, 30);
  const judged = judgedDay(now, hourMs);
  for (let days = 1; days <= 30; days += 1) await day(tenant, judged - days * dayMs, 0.8);
  await day(tenant, judged, 0.4);
  await day(tenant, judged + dayMs, 0.8);

  const look = (at: number, through = at): Promise<Watched> => watchSteps({
    db, clickhouse, log, now: at, channels: ['webhook', 'mail'], dataThrough: { of: () => Promise.resolve(through) },
  });
  const messages = () => db.asTenant(tenant).query<{ channel: string; says: string }>(
    'SELECT channel, says FROM alert_messages WHERE tenant = $1 ORDER BY says, channel', [tenant],
  );
  expect(await look(now, judged)).toEqual({ judged: 0, begun: 0, over: 0 });
  expect(await look(now)).toMatchObject({ begun: 0 });
  expect(await look(now + 60_000)).toMatchObject({ begun: 0 });
  expect(await messages()).toEqual([]);
  expect(await look(now + hourMs)).toMatchObject({ begun: 1 });
  expect(await look(now + 2 * hourMs)).toMatchObject({ begun: 0, over: 0 });
  expect(await messages()).toEqual([{ channel: 'mail', says: 'raised' }, { channel: 'webhook', says: 'raised' }]);
  const [alert] = await db.asTenant(tenant).query<{ kind: string; key: string; facts: object }>(
    'SELECT kind, key, facts FROM alerts WHERE tenant = $1', [tenant],
  );
  expect(alert).toMatchObject({
    kind: 'conversion_drop', key: 'clinic:engaged', facts: { flow: 'clinic', to_stage: 'engaged', sessions: 100, sessions_before: 400 },
  });

  expect(await look(now + dayMs)).toMatchObject({ begun: 0, over: 0 });
  expect(await look(now + dayMs + hourMs)).toMatchObject({ begun: 0, over: 1 });
  expect(await look(now + dayMs + 2 * hourMs)).toMatchObject({ begun: 0, over: 0 });
  expect((await messages()).slice(2)).toEqual([{ channel: 'mail', says: 'recovered' }, { channel: 'webhook', says: 'recovered' }]);
});
