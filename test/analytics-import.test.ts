/** Events of another system: every line once, whatever the order, in the reports at once. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stages } from '../domain/lifecycle.ts';
import type { Database } from '../stores/postgres/database.ts';
import { databaseOf } from './support/instance-stores.ts';
import { base, cast, person, tokenFor, type Body, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

interface Line {
  readonly session_id: string;
  readonly event: string;
  readonly timestamp: string;
  readonly user?: string;
  readonly properties?: object;
}

const day = 86_400_000;
const ago = (days: number, ms = 0): string => new Date(Math.floor(Date.now() / day) * day - days * day + ms).toISOString();
const ndjson = (lines: readonly (Line | string)[]): string => (
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
);
const type = 'application/x-ndjson';

function importing(
  admin: Person, lines: readonly (Line | string)[] | string, headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return admin.post('/admin/analytics/import/', undefined, {
    raw: typeof lines === 'string' ? lines : ndjson(lines), headers: { 'content-type': type, ...headers },
  });
}

const counts = async (analyst: Person, query = ''): Promise<Body> => {
  const { body } = await analyst.get(`/analytics/funnel/?fresh=true${query}`);
  return { total: body.total_sessions, stages: body.stages.map((stage: { count: number }) => stage.count) };
};

/** A visit that reaches so many stages, one a minute. */
function visit(id: string, reached: number, days: number, more: Partial<Line> = {}): Line[] {
  return stages.slice(0, reached).map((event, at) => ({ session_id: id, event, timestamp: ago(days, at * 60_000), ...more }));
}

describe('an import', () => {
  test('is in the stage funnel at once, and the same file again changes nothing', async () => {
    const { admin, cy } = await cast(instance);
    const lines = [...visit('a', 5, 1), ...visit('b', 2, 1), ...visit('c', 1, 2)];
    const first = await importing(admin, lines);
    expect([first.status, first.body]).toEqual([200, { imported: 8, duplicates: 0, rejected: [], rejected_count: 0 }]);
    const counted = { total: 3, stages: [3, 2, 1, 1, 1] };
    expect(await counts(cy)).toEqual(counted);
    expect((await importing(admin, lines)).body).toEqual({ imported: 0, duplicates: 8, rejected: [], rejected_count: 0 });
    // twice in one file, too
    expect((await importing(admin, [...visit('d', 1, 1), ...visit('d', 1, 1)])).body).toMatchObject({ imported: 1, duplicates: 1 });
    expect(await counts(cy)).toEqual({ total: 4, stages: [4, 2, 1, 1, 1] });
  });

  test('of files in any order, cut anywhere, gives the funnel of all of them at once', async () => {
    const event = fc.record({
      session: fc.integer({ min: 1, max: 6 }), name: fc.constantFrom(...stages, 'looked', 'cancelled'), at: fc.integer({ min: 0, max: 8 }),
      days: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 25 }), fc.integer({ min: 1, max: 9 }), async (events, size) => {
        const { admin, cy } = await cast(instance);
        const lines = events.map(({ session, name, at, days }) => ({
          session_id: `s${session}`, event: name, timestamp: ago(days, at * 60_000),
        }));
        for (let from = 0; from < lines.length; from += size) {
          expect((await importing(admin, lines.slice(from, from + size))).status).toBe(200);
        }
        expect(await counts(cy)).toEqual(plainFunnel(lines));
      },
    ), { numRuns: 25 });
  });

  test('a start that comes later than what followed on it moves the session, which stays one', async () => {
    const { admin, cy } = await cast(instance);
    await importing(admin, [{ session_id: 'a', event: 'engaged', timestamp: ago(1, 60_000) }]);
    expect(await counts(cy)).toEqual({ total: 0, stages: [0, 0, 0, 0, 0] });
    // into another month, and into the one before it
    await importing(admin, [{ session_id: 'a', event: 'started', timestamp: ago(40) }]);
    const whole = '&start_date=2020-01-01&end_date=2021-01-01';
    const recent = `&start_date=${ago(100).slice(0, 10)}&end_date=${ago(-1).slice(0, 10)}`;
    expect(await counts(cy, recent)).toEqual({ total: 1, stages: [1, 1, 0, 0, 0] });
    await importing(admin, [{ session_id: 'a', event: 'started', timestamp: '2020-06-01T00:00:00Z' }]);
    expect(await counts(cy, recent)).toEqual({ total: 0, stages: [0, 0, 0, 0, 0] });
    expect(await counts(cy, whole)).toEqual({ total: 1, stages: [1, 1, 0, 0, 0] });
  });

  test('of sixty years takes one request', async () => {
    const { admin, cy } = await cast(instance);
    const lines = Array.from({ length: 56 * 12 }, (_, month) => visit(`m${month}`, 2, 0).map((line, at) => ({
      ...line, timestamp: new Date(Date.UTC(1970, month, 3, 0, at)).toISOString(),
    }))).flat();
    expect((await importing(admin, lines)).body).toEqual({ imported: lines.length, duplicates: 0, rejected: [], rejected_count: 0 });
    for (const year of [1970, 1971, 1999, 2025]) {
      expect([year, await counts(cy, `&start_date=${year}-01-01&end_date=${year + 1}-01-01`)])
        .toEqual([year, { total: 12, stages: [12, 12, 0, 0, 0] }]);
    }
  });

  test('keeps what fits and names each line that does not, also one of 1 MB and one that is cut', async () => {
    const { admin, cy } = await cast(instance);
    const [good] = visit('a', 1, 1);
    if (good === undefined) throw new Error('A visit has a line.');
    const text = `${ndjson([good, `{"session_id":"a","event":"${'x'.repeat(1_000_000)}"}`, { ...good, event: 'a,b' }, '',
      { ...good, timestamp: '1969-12-31T23:59:59Z' }, { ...good, event: 'engaged' }])}{"session_id":"a","eve`;
    const { status, body } = await importing(admin, text);
    expect([status, body.imported, body.rejected_count]).toEqual([200, 2, 4]);
    expect(body.rejected.map(({ line, code }: Body) => [line, code])).toEqual([
      [2, 'line_too_long'], [3, 'invalid_value'], [5, 'invalid_timestamp'], [7, 'malformed_json'],
    ]);
    expect(await counts(cy)).toEqual({ total: 1, stages: [1, 1, 0, 0, 0] });
  });

  test('names the first hundred rejected lines and counts all', async () => {
    const { admin } = await cast(instance);
    const { body } = await importing(admin, 'x\n'.repeat(5_000));
    expect([body.imported, body.rejected_count, body.rejected.length, body.rejected.at(-1).line]).toEqual([0, 5_000, 100, 100]);
  });

  test('takes gzip, and refuses what is none, another type, another encoding, and what is too large, before it keeps anything', async () => {
    const { cy, tenant } = await cast(instance);
    const token = await tokenFor(instance, tenant, 'dee', ['admin']);
    const send = async (bytes: Uint8Array, headers: Readonly<Record<string, string>>): Promise<[number | undefined, Body]> => {
      const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, Body]>();
      const sending = request(`${instance.url}${base}/admin/analytics/import/`, {
        method: 'POST', agent: false, headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers },
      }, (response) => { textOf(response).then((answer) => { resolve([response.statusCode, JSON.parse(answer)]); }, reject); });
      sending.once('error', reject);
      sending.end(bytes);
      return promise;
    };
    const plain = Buffer.from(ndjson(visit('a', 2, 1)));
    expect(await send(gzipSync(plain), { 'content-encoding': 'gzip' })).toMatchObject([200, { imported: 2 }]);
    expect(await send(plain, { 'content-encoding': 'gzip' })).toMatchObject([400, { code: 'invalid_request' }]);
    expect(await send(gzipSync(plain).subarray(0, 40), { 'content-encoding': 'gzip' })).toMatchObject([400, { code: 'invalid_request' }]);
    expect(await send(plain, { 'content-encoding': 'br' })).toMatchObject([415, { code: 'unsupported_media_type' }]);
    for (const other of ['application/json', 'text/csv', '']) {
      expect(await send(plain, { 'content-type': other })).toMatchObject([415, { code: 'unsupported_media_type' }]);
    }
    expect(await send(plain, { 'content-length': '99999999999' })).toMatchObject([413, { code: 'payload_too_large' }]);
    // 300 MB of nothing but one letter
    const bomb = gzipSync(Buffer.alloc(300 * 1_048_576, 120));
    expect(await send(bomb, { 'content-encoding': 'gzip' })).toMatchObject([413, { code: 'payload_too_large' }]);
    expect(await counts(cy)).toEqual({ total: 1, stages: [1, 1, 0, 0, 0] });
  });

  test('is an admin\'s, in the admin\'s own tenant, and stands in the audit log with its numbers', async () => {
    const { ana, ben, cy, admin } = await cast(instance);
    const elsewhere = await cast(instance);
    for (const other of [ana, ben, cy]) expect((await importing(other, visit('a', 1, 1))).status).toBe(403);
    await importing(admin, visit('a', 1, 1));
    expect((await counts(elsewhere.cy)).total).toBe(0);
    // the same id is another session there
    expect((await importing(elsewhere.admin, visit('a', 1, 1))).body.imported).toBe(1);
    const { body } = await admin.get('/admin/audit/?action=analytics.import');
    expect(body.results.map(({ result, details }: Body) => [result, details.imported ?? null])).toEqual([
      ['allowed', 1], ['refused', null], ['refused', null], ['refused', null],
    ]);
  });

  test('adds nothing to a session of Gangway itself', async () => {
    const { ana, admin } = await cast(instance);
    const { session_id: id } = await ana.start();
    const { body } = await importing(admin, visit(id as string, 3, 1));
    expect([body.imported, body.rejected.map(({ code }: Body) => code)]).toEqual([0, ['own_session', 'own_session', 'own_session']]);
  });

  test('knows who returns by all sessions there are, in whichever order they come', async () => {
    const { admin, cy, ana } = await cast(instance);
    await importing(admin, [...visit('late', 1, 1, { user: 'eve' }), ...visit('other', 1, 1)]);
    const segments = async (): Promise<number[]> => Promise.all(['first_time', 'returning'].map(
      async (segment) => (await counts(cy, `&user_segment=${segment}`)).total as number,
    ));
    expect(await segments()).toEqual([2, 0]);
    await importing(admin, visit('early', 1, 3, { user: 'eve' }));
    expect(await segments()).toEqual([2, 1]);
    // a person who came to Gangway itself before
    await ana.start();
    await db.asTenant(admin.tenant).query("UPDATE sessions SET created_at = now() - interval '20 days' WHERE owner = 'ana'");
    await importing(admin, visit('ana\'s', 1, 2, { user: 'ana' }));
    expect((await segments())[1]).toBe(2);
    // and somebody who comes to Gangway for the first time, and was elsewhere before
    const eve = await person(instance, admin.tenant, 'eve', 'user');
    await eve.start();
    const rows = await db.asTenant(admin.tenant).query('SELECT segment FROM sessions WHERE owner = $1', ['eve']);
    expect(rows).toEqual([{ segment: 'returning' }]);
  });

  test('is found by its flow, version, language and device, also where Gangway itself has no such flow', async () => {
    const { admin, cy } = await cast(instance);
    const legacy = { flow: 'legacy desk', flow_version: 7, language: 'fr', device: 'tablet' };
    await importing(admin, [...visit('a', 2, 1, { properties: legacy }), ...visit('b', 1, 1, { properties: { flow: 'site_survey' } })]);
    for (const query of ['flow=legacy%20desk', 'flow=legacy%20desk&flow_version=7', 'flow_version=7', 'language=FR', 'device=tablet']) {
      expect([query, (await counts(cy, `&${query}`)).total]).toEqual([query, 1]);
    }
    expect((await cy.get('/analytics/funnel/?flow=legacy')).body).toMatchObject({
      code: 'unknown_flow', known_values: ['business_unit_setup', 'legacy desk', 'site_survey'],
    });
    expect((await cy.get('/analytics/funnel/?flow=legacy%20desk&flow_version=8')).body).toMatchObject({
      code: 'unknown_filter_value', known_values: ['7'],
    });
  });

  test('is found by what it tells of questions of few answers of its flow, and by nothing else of its properties', async () => {
    const { admin, cy } = await cast(instance);
    const told = { flow: 'business_unit_setup', setup_urgency: 'this_month', expected_users: '24', contact_email: 'ana@example.com' };
    const other = { ...told, expected_users: 'x' };
    await importing(admin, [...visit('a', 2, 1, { properties: told }), ...visit('b', 1, 1, { properties: other })]);
    for (const [answer, found] of [['setup_urgency:this_month', 2], ['expected_users:10 to under 50', 1], ['setup_urgency:immediate', 0]]) {
      expect([answer, (await counts(cy, `&answer=${encodeURIComponent(String(answer))}`)).total]).toEqual([answer, found]);
    }
    const { body } = await cy.get('/analytics/funnel/?breakdown=answer:expected_users');
    expect(body.breakdown.map(({ label, sessions }: Body) => [label, sessions])).toEqual([['10 to under 50', 1], ['none', 1]]);
    expect((await cy.get('/analytics/funnel/?answer=contact_email:ana@example.com')).body.code).toBe('unknown_filter_value');
  });

  test('what it says of people and properties is sealed in PostgreSQL, and the person has a pseudonym only', async () => {
    const { admin, tenant } = await cast(instance);
    const secret = randomUUID();
    await importing(admin, visit('a', 2, 1, { user: `user ${secret}`, properties: { note: secret } }));
    const rows = await db.asTenant(tenant).query<Record<string, unknown>>(
      `SELECT s::text AS session, e::text AS event, encode(e.properties, 'escape') AS bytes
       FROM imported_sessions AS s JOIN imported_events AS e USING (session_id)`,
    );
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test('that breaks off in the middle keeps whole lines, and the whole file again completes it', async () => {
    const { admin, cy, tenant } = await cast(instance);
    const lines = Array.from({ length: 3_000 }, (_, at) => visit(`s${at}`, 2, 1)).flat();
    const token = await tokenFor(instance, tenant, 'dee', ['admin']);
    const whole = Buffer.from(ndjson(lines));
    await new Promise<void>((resolve) => {
      const sending = request(`${instance.url}${base}/admin/analytics/import/`, {
        method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': type, 'content-length': String(whole.length) },
      });
      sending.once('error', () => { resolve(); });
      sending.write(whole.subarray(0, Math.floor(whole.length * 0.7)), () => { sending.destroy(new Error('gone')); });
    });
    const { body } = await importing(admin, whole.toString('utf8'));
    expect(body.imported + body.duplicates).toBe(6_000);
    expect(await counts(cy)).toEqual({ total: 3_000, stages: [3_000, 3_000, 0, 0, 0] });
  });

  test('of a session has 10,000 events at most', async () => {
    const { admin } = await cast(instance);
    const lines = Array.from({ length: 11_000 }, (_, at) => ({ session_id: 'a', event: 'tick', timestamp: ago(1, at) }));
    const { body } = await importing(admin, lines);
    expect([body.imported, body.rejected_count, body.rejected[0].code]).toEqual([10_000, 1_000, 'session_full']);
  });

  test('two at once of one tenant count every line once', async () => {
    const { admin, cy } = await cast(instance);
    const lines = Array.from({ length: 300 }, (_, at) => visit(`s${at % 100}`, 3, 1 + (at % 3), { user: `u${at % 10}` })).flat();
    const replies = await Promise.all([importing(admin, lines), importing(admin, lines.toReversed()), importing(admin, lines)]);
    const unique = new Set(lines.map(({ session_id, event, timestamp }) => `${session_id} ${event} ${timestamp}`)).size;
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(replies.reduce((sum, { body }) => sum + (body.imported as number), 0)).toBe(unique);
    expect(await counts(cy)).toEqual(plainFunnel(lines));
  });
});

/** Slow and obvious: the funnel of the last seven days. */
function plainFunnel(lines: readonly Line[]): { total: number; stages: number[] } {
  const sessions = Map.groupBy(lines, (line) => line.session_id);
  const reached = [...sessions.values()].flatMap((events) => {
    const timesOf = (name: string): number[] => events.filter(({ event }) => event === name).map(({ timestamp }) => Date.parse(timestamp));
    let at = Math.min(...timesOf('started'));
    if (at === Infinity || at < Date.now() - 7 * day) return [];
    let stage = 1;
    for (const name of stages.slice(1)) {
      at = Math.min(...timesOf(name).filter((time) => time >= at));
      if (at === Infinity) break;
      stage += 1;
    }
    return [stage];
  });
  return { total: reached.length, stages: stages.map((_, index) => reached.filter((stage) => stage > index).length) };
}
