/** What the copies of sessions leave in PostgreSQL and ClickHouse, however often and in whatever parts they are written. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { createCopyWriter, type CopyWriter } from '../activities/copy-writer.ts';
import { keyOf, symbolsMax, type Trail } from '../analytics/history.ts';
import { dictionaryOf } from '../analytics/intake/session-histories.ts';
import { historyColumns } from '../analytics/intake/session-row.ts';
import type { FlowRules, QuestionRule } from '../domain/flow.ts';
import { OnboardingSession } from '../domain/session.ts';
import { LastCopy, type SessionCopies, type ToldCopies } from '../domain/session-copy.ts';
import type { SessionEvent, SessionState } from '../domain/session-state.ts';
import { createSealer, openJson, sealedAs } from '../encryption/sealer.ts';
import { migrateClickHouse } from '../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import type { Database } from '../stores/postgres/database.ts';
import { HistorySymbols } from '../stores/postgres/session-histories.ts';
import { findSnapshots } from '../stores/postgres/sessions.ts';
import { databaseOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';

const question = (id: string, type: QuestionRule['type'], extra: Partial<QuestionRule> = {}): QuestionRule => ({
  id, type, required: true, pii: false, when: null, options: [], min: null, max: null, pattern: null, ...extra,
});
const rules: FlowRules = {
  id: 'copies', version: 1,
  questions: [question('kind', 'single_choice', { options: ['office', 'shop'] }), question('users', 'number', { bands: [10] }),
    question('name', 'text', { min: 1, max: 50 })],
};
const sealer = createSealer({ primary: 'k', byId: new Map([['k', new Uint8Array(32).fill(7)]]) });
let db: Database;
let clickhouse: TestClickHouse;
let writer: CopyWriter;
let symbols: HistorySymbols;
beforeAll(async () => {
  db = await databaseOf(await sharedInstance());
  clickhouse = await openTestClickHouse();
  await migrateClickHouse(clickhouse);
  symbols = new HistorySymbols(db, symbolsMax);
  writer = createCopyWriter({
    db, clickhouse, sealer, symbols, log: pino({ level: 'silent' }), waitMs: 0, maxRows: 100,
    pseudonymKey: new Uint8Array(32), keepEvents: false,
    rulesOf: () => Promise.resolve(rules),
    // what Redis has of a session is no part of this
    hotCopies: { put: () => Promise.resolve() } as never, signals: { publish: () => Promise.resolve() } as never,
  });
});
afterAll(async () => {
  await clickhouse.close();
  await db.close();
});

/** One step of a session's life. */
const step = fc.constantFrom('office', 'shop', 'wrong', 'users', 'name', 'client', 'escalate', 'resume');
/** Steps, with a flush after each of which so many of the last flushes are repeated. */
const part = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 4 }), repeats: fc.nat({ max: 2 }) });
const lives = fc.array(part, { minLength: 1, maxLength: 6 });

function play(session: OnboardingSession, kind: string, at: number): void {
  const actor = { tenant: session.state.tenant, subject: 'ana', roles: ['user'] as const };
  const message = <Body>(body: Body): never =>
    ({ id: randomUUID(), fingerprint: '', actor, correlation_id: 'c', if_match: null, body }) as never;
  try {
    if (kind === 'escalate') session.escalate(message({ reason: 'x', urgency: 'low' }), at);
    else if (kind === 'resume') session.resume(message({ version: null, current: null, ui_state: null }), at);
    // seen by the client earlier than it was told
    else if (kind === 'client') session.addClientEvent(message({ event: 'opened_help', properties: {}, occurred_at: at - 1_500 }), at);
    else if (kind === 'users') session.answer(message({ question_id: 'users', value: 24 }), null, at);
    else if (kind === 'name') session.answer(message({ question_id: 'name', value: 'Ana' }), null, at);
    else session.answer(message({ question_id: 'kind', value: kind }), null, at);
  } catch {
    // what a session refuses leaves nothing behind
  }
}

async function archived(tenant: string, id: string): Promise<SessionState> {
  const snapshot = (await findSnapshots(db, [id])).get(id);
  if (snapshot === undefined) throw new Error('The archive has no state of it.');
  return openJson<SessionState>(sealer, snapshot, sealedAs.snapshot(tenant, id));
}

test('a session\'s history, events and row are the same whatever was flushed together, repeated, or came in a second worker', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  await fc.assert(fc.asyncProperty(lives, async (life) => {
    const tenant = `copies-${randomUUID()}`;
    const created = Date.UTC(2026, 10, 2);
    const session = OnboardingSession.open(rules, {
      session_id: randomUUID(), tenant, owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c',
      client_context: { device: 'phone' },
    }, created);
    const told: ToldCopies[] = [];
    const lastCopy = new LastCopy();
    const all: SessionEvent[] = [];
    let at = created;
    for (const { steps, repeats } of life) {
      for (const kind of steps) play(session, kind, at += 1_000);
      const unsaved = session.unsaved();
      const copies = structuredClone(lastCopy.next(session.state, session.view(), unsaved));
      all.push(...copies.events);
      told.push(copies);
      expect(await writer.write(copies)).toBe(true);
      const state = structuredClone({ ...session.state, unsaved: { events: [], checkpoints: [] } });
      // an attempt whose worker was taken for dead, and one that was told of more than the one before it
      for (const again of told.slice(-1 - repeats)) await writer.write(again);
      if (repeats === 2 && told.length > 1) {
        const [one, two] = told.slice(-2);
        if (one !== undefined && two !== undefined) await writer.write({ ...two, events: [...one.events, ...two.events] });
      }
      expect(await archived(tenant, session.state.session_id)).toEqual(state);
      session.saved(unsaved.events.at(-1)?.sequence ?? 0, unsaved.checkpoints.at(-1)?.version ?? 0);
    }
    const id = session.state.session_id;
    // PostgreSQL: every event, in order, once read by sequence
    const rows = await db.asTenant(tenant).query<{ first_sequence: number; events: Buffer }>(
      'SELECT first_sequence, events FROM session_events WHERE session_id = $1 ORDER BY first_sequence', [id],
    );
    const stored = new Map(rows.flatMap(({ first_sequence: first, events }) =>
      (openJson<SessionEvent[]>(sealer, events, sealedAs.events(tenant, id, first)))
        .map((event) => [event.sequence, event])));
    expect([...stored.values()].toSorted((a, b) => a.sequence - b.sequence)).toEqual(all);
    // ClickHouse: one row with the whole history, each event once
    const dictionary = dictionaryOf(await symbols.read(tenant));
    const expected = historyColumns(all.map((event) => ({ key: keyOf(event), at: event.at })), dictionary.symbols);
    const [row, ...more] = await clickhouse.query<Trail & { questions: string[]; device: string; last_question: string; closed: object }>({
      sql: `SELECT trail, trail_ms, questions, question_ms, question_repeats, last_question, device, closed_answers AS closed
            FROM sessions FINAL WHERE tenant = {tenant:String}`, params: { tenant },
    });
    const { last_at: last, ...columns } = expected;
    expect(more).toEqual([]);
    expect(last).toBe(Math.max(...all.map((event) => event.at)));
    expect(row).toMatchObject({ ...columns, device: 'phone' });
    const answers = session.answers();
    expect(row?.closed).toEqual({
      ...(answers['kind'] === undefined ? {} : { kind: answers['kind'] }),
      ...(answers['users'] === undefined ? {} : { users: '10 and more' }),
    });
    const [events] = await clickhouse.query<{ count: number }>({
      sql: 'SELECT count() AS count FROM events FINAL WHERE tenant = {tenant:String}', params: { tenant },
    });
    expect(events?.count).toBe(all.length);
  }), { numRuns: 25, seed });
});

test('a part that is missing keeps the history short until it comes, and the row has no trail meanwhile', async () => {
  const tenant = `copies-${randomUUID()}`;
  const session = OnboardingSession.open(rules, {
    session_id: randomUUID(), tenant, owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
  }, 1_000);
  const flush = (): SessionCopies => {
    const unsaved = session.unsaved();
    const copies = structuredClone({ state: session.state, view: session.view(), ...unsaved });
    session.saved(unsaved.events.at(-1)?.sequence ?? 0, unsaved.checkpoints.at(-1)?.version ?? 0);
    return copies;
  };
  const trail = async (): Promise<string> => (await clickhouse.query<{ trail: string }>({
    sql: 'SELECT trail FROM sessions FINAL WHERE tenant = {tenant:String}', params: { tenant },
  }))[0]?.trail ?? 'none';
  const first = flush();
  play(session, 'office', 2_000);
  const second = flush();
  // a backup of PostgreSQL that was brought back knows nothing of the first one
  await writer.write(second);
  expect(await trail()).toBe('');
  await writer.write(first);
  await writer.write(second);
  expect((await trail()).replaceAll('|', '')).toHaveLength(first.events.length + second.events.length);
});

test('a tenant\'s keys get numbers without gaps, also from several workers at once', async () => {
  const tenant = `copies-${randomUUID()}`;
  const keys = Array.from({ length: 40 }, (_, at) => `key ${at}`);
  await Promise.all(Array.from({ length: 8 }, (_, worker) => new HistorySymbols(db, 30).take(
    tenant, new Set(keys.slice(worker * 3, worker * 3 + 19)),
  )));
  const numbers = [...(await symbols.read(tenant)).values()].toSorted((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 30 }, (_, at) => at));
});
