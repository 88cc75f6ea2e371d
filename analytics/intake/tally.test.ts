import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { importedEventRows, importedSessionRow, type OpenEvent } from './imported-row.ts';
import { insertByMonth } from './inserting.ts';
import { tables, type EventRow, type SessionRow } from '../rows.ts';
import { Counting, differences, storedTally } from './tally.ts';

let db: TestClickHouse;
beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(() => db.close());

const visit = fc.record({
  session: fc.uuid(), tenant: fc.constantFrom<string[]>('acme', 'größe'), start: fc.integer({ min: 0, max: 1_790_000_000_000 }),
  events: fc.array(fc.record({
    after: fc.nat({ max: 10_000_000_000 }), note: fc.string(),
    event: fc.constantFrom<string[]>('started', 'engaged', 'hilfe geöffnet', '🛶'),
  }), { minLength: 1, maxLength: 5 }),
});

type Visit = typeof visit extends fc.Arbitrary<infer V> ? V : never;

function rowsOf(visits: readonly Visit[]): { sessions: SessionRow[]; events: EventRow[] } {
  const sessions: SessionRow[] = [];
  const events: EventRow[] = [];
  const symbols = new Map([['started', 'Ā'], ['engaged', 'ā'], ['hilfe geöffnet', 'Ă'], ['🛶', 'ă']]);
  for (const { session, tenant, start, events: told } of visits) {
    const open = [...new Map(told.map(({ after, event, note }): [string, OpenEvent] => [`${after} ${event}`, {
      at: start + after, event, name: event, question_id: '', properties: { note },
    }])).values()].sort((a, b) => a.at - b.at);
    sessions.push(importedSessionRow(tenant, {
      session_id: session, version: 3, started: open[0]?.at ?? start, user_key: null, segment: 'first_time', flow: '', flow_version: 0,
      language: '', device: 'unknown',
    }, open, symbols, []));
    events.push(...importedEventRows(tenant, { session_id: session, events_under: start }, open));
  }
  return { sessions, events };
}

describe('the tally of a table', () => {
  test('is the same here and in ClickHouse, over rows of any month, and a row that is missing or other is a difference of its day', async () => {
    const some = fc.uniqueArray(visit, { minLength: 1, maxLength: 30, selector: (each) => each.session });
    await fc.assert(fc.asyncProperty(some, async (visits) => {
      const { sessions, events } = rowsOf(visits);
      const counting = { sessions: new Counting(), events: new Counting() };
      for (const row of sessions) counting.sessions.session(row);
      for (const row of events) counting.events.event(row);
      for (const name of [tables.sessions, tables.events]) await db.command(`TRUNCATE TABLE ${name}`);
      await insertByMonth(db, tables.sessions, sessions, (row) => row.started_at);
      await insertByMonth(db, tables.events, events, (row) => row.session_started_at);
      // stored twice it is one
      await insertByMonth(db, tables.events, events.slice(0, 3), (row) => row.session_started_at);
      expect(differences(counting.sessions.tally, await storedTally(db, 'sessions', tables.sessions))).toEqual([]);
      expect(differences(counting.events.tally, await storedTally(db, 'events', tables.events))).toEqual([]);
      const [first, ...others] = sessions;
      if (first === undefined) throw new Error('There is a session.');
      const less = new Counting();
      for (const row of others) less.session(row);
      const day = `${first.tenant}\n${new Date(first.started_at).toISOString().slice(0, 10)}`;
      expect(differences(less.tally, await storedTally(db, 'sessions', tables.sessions))).toEqual([day]);
      await db.insert(tables.sessions, [{ ...first, version: 4, answers: first.answers + 1 }]);
      expect(differences(counting.sessions.tally, await storedTally(db, 'sessions', tables.sessions))).toEqual([day]);
    }), { numRuns: 20 });
  });

  test('sixty years are inserted although one insert takes a hundred months at most', async () => {
    const { sessions } = rowsOf(Array.from({ length: 720 }, (_, month) => ({
      session: crypto.randomUUID(), tenant: 'months', start: Date.UTC(1965 + 5, month), events: [{ after: 0, event: 'started', note: '' }],
    })));
    await expect(db.insert(tables.sessions, sessions)).rejects.toThrow('clickhouse');
    await insertByMonth(db, tables.sessions, sessions, (row) => row.started_at);
    const [row] = await db.query<{ n: number }>({ sql: "SELECT count() AS n FROM sessions FINAL WHERE tenant = 'months'", params: {} });
    expect(row?.n).toBe(720);
  });

  test('tables made beside the others are exchanged with them in one step', async () => {
    await db.command('DROP TABLE IF EXISTS sessions_rebuild SYNC');
    await db.command('CREATE TABLE sessions_rebuild AS sessions');
    await db.command('EXCHANGE TABLES sessions AND sessions_rebuild');
    expect((await storedTally(db, 'sessions', 'sessions')).size).toBe(0);
    expect((await storedTally(db, 'sessions', 'sessions_rebuild')).size).toBeGreaterThan(0);
    await db.command('DROP TABLE sessions_rebuild SYNC');
  });
});
