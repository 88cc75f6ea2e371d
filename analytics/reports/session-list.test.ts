import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTold, type Told } from '../../test/support/told-sessions.ts';
import { knownEvents } from './event-catalogue.ts';
import { sessionPage, type ListPlace } from './session-list.ts';
import { sessionsIn } from '../sessions-in.ts';

const startMs = Date.UTC(2026, 2, 1);
let told: Told;
beforeAll(async () => { told = await openTold(); });
afterAll(async () => { await told.close(); });

const event = (key: string, ms: number, properties = {}) => ({ key, ms: startMs + ms, properties });

test('a list of sessions goes page by page, newest first, each of them once, also where many began in one millisecond', async () => {
  const tenant = await told.store(Array.from({ length: 47 },
    (_, index) => ({ events: [event('a', index % 3)], left: false, label: 'en' })));
  const { from, params } = sessionsIn({ tenant, startMs, endMs: startMs + 1_000 }, startMs, { any_stage: true });
  const seen: ListPlace[] = [];
  let after: ListPlace | null = null;
  do {
    const page: Awaited<ReturnType<typeof sessionPage>> = await sessionPage(
      told.db, { sql: `SELECT * FROM ${from}`, params }, { limit: 10, after, totalMax: 40 },
    );
    expect([page.total, page.totalIsAtLeast]).toEqual([40, true]);
    seen.push(...page.rows);
    after = page.next;
  } while (after !== null);
  expect(new Set(seen.map(({ session_id: id }) => id)).size).toBe(47);
  expect(seen.map(({ started_ms: ms }) => ms)).toEqual(seen.map(({ started_ms: ms }) => ms).toSorted((a, b) => b - a));
});

test('what a step can name is listed with counts, questions and properties, the most frequent first', async () => {
  const tenant = await told.store([
    { events: [event('a', 0), event('b', 1), event('q:size', 2, { tab: 'x', from: 'y' })], left: false, label: 'en' },
    { events: [event('a', 0, { tab: 'z' }), event('q:name', 9, { tab: 'x' }), event('q:size', 12)], left: false, label: 'en' },
  ]);
  const { events, more } = await knownEvents(told.db, { tenant, startMs, endMs: startMs + 1_000 }, startMs);
  expect(more).toBe(false);
  expect(events).toEqual([
    { name: 'q', count: 3, questions: [{ question_id: 'size', count: 2 }, { question_id: 'name', count: 1 }],
      properties: [{ name: 'tab', count: 2 }, { name: 'from', count: 1 }] },
    { name: 'a', count: 2, questions: [], properties: [{ name: 'tab', count: 1 }] },
    { name: 'b', count: 1, questions: [], properties: [] },
  ]);
});
