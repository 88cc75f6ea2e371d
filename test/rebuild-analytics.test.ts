/** ClickHouse lost: everything that reports say comes back from PostgreSQL, as it was to the byte. And a session's replay, which needs both. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stages } from '../domain/lifecycle.ts';
import type { Database } from '../stores/postgres/database.ts';
import { newFolder, root } from './support/folders.ts';
import { databaseOf } from './support/instance-stores.ts';
import { discard, killEverything, startInstance, type Instance } from './support/instance.ts';
import { cast, proposed, type Body, type Person } from './support/person.ts';
import { person } from './support/person.ts';
import { until } from './support/until.ts';

const [sessions, importedSessions, eventsEach, atOnce] = [60, 40, 45, 6];
/** With the one that is played to its end. */
const everySession = sessions + 1 + importedSessions;
// all that is kept is flushed soon, and a session continues as new runs
const environment = { GANGWAY_FLUSH_SECONDS: '1', GANGWAY_UPDATES_PER_RUN: '20' };
let instance: Instance;
let db: Database;
let people: Awaited<ReturnType<typeof cast>>;
const played: string[] = [];
let imported: string;
let finished: string;

beforeAll(async () => {
  instance = await startInstance(await newFolder(), environment);
  people = await cast(instance);
  const half = sessions / 2;
  await playAll(0, half);
  // flushes that were under way are repeated by whoever comes next
  await killEverything(instance);
  instance = await startInstance(instance.folder, environment);
  people = await samePeople(people.tenant);
  await playAll(half, sessions);
  const { session, items } = await proposed(people.ana, people.ben);
  finished = session.session_id as string;
  await people.ben.post(`/sessions/${finished}/decision/`, { approved_items: items, dry_run: false });
  await people.ana.inState(finished, 'completed');
  const reply = await people.admin.post('/admin/analytics/import/', undefined, {
    raw: importLines(), headers: { 'content-type': 'application/x-ndjson' },
  });
  expect(reply.body).toMatchObject({ rejected_count: 0 });
  db = await databaseOf(instance);
  const [row] = await db.asTenant(people.tenant).query<{ session_id: string }>(
    'SELECT session_id FROM imported_sessions ORDER BY 1 LIMIT 1',
  );
  imported = row?.session_id ?? '';
  await settled();
}, 900_000);
afterAll(async () => {
  await db.close();
  await discard(instance);
}, 300_000);

async function samePeople(tenant: string): Promise<typeof people> {
  const [ana, ben, cy, admin] = await Promise.all([
    person(instance, tenant, 'ana', 'user'), person(instance, tenant, 'ben', 'approver'), person(instance, tenant, 'cy', 'analyst'),
    person(instance, tenant, 'dee', 'admin'),
  ]);
  return { tenant, ana, ben, cy, admin };
}

async function playAll(from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, to - number) }, (_, at) => play(people.tenant, number + at));
    played.push(...await Promise.all(some));
  }
}

/** A session of more events than the session itself keeps. */
async function play(tenant: string, number: number): Promise<string> {
  const visitor: Person = await person(instance, tenant, `visitor-${number}`, 'user');
  const { session_id: id } = await visitor.start({ client_context: { device: number % 2 === 0 ? 'phone' : 'desktop' } });
  await visitor.gives(id as string, 'setup_urgency', 'immediate');
  await visitor.answer(id as string, 'setup_urgency', 'no such choice');
  if (number % 3 === 0) await visitor.answer(id as string, 'business_unit_type', 'office');
  for (let event = 0; event < eventsEach; event += 1) {
    const { status } = await visitor.post(`/sessions/${id}/events/`, { event: `opened_${event % 7}`, properties: { turn: String(event) } });
    expect(status).toBeLessThan(300);
  }
  if (number % 5 === 0) await visitor.post(`/sessions/${id}/cancel/`, {});
  return id as string;
}

function importLines(): string {
  return Array.from({ length: importedSessions }, (_, visit) => stages.slice(0, 1 + (visit % 5)).map((event, at) => JSON.stringify({
    session_id: `visit-${visit}`, event, user: `user-${visit % 15}`, properties: { flow: 'site_survey', note: `n ${visit}` },
    // far from where a session becomes old enough for anything
    timestamp: new Date(Date.now() - (visit % 60) * 86_400_000 - 19_000_000 + at * 60_000).toISOString(),
  }))).flat().join('\n');
}

/** Everything is flushed: what is asked for now does not change by itself. */
async function settled(): Promise<void> {
  await until('every event is kept', async () => {
    const rows = await db.asTenant(people.tenant).query<{ behind: number }>(
      `SELECT count(*)::int AS behind FROM sessions AS s LEFT JOIN session_histories AS h USING (session_id)
       WHERE s.tenant = $1 AND coalesce(h.last_sequence, 0) < 30 AND s.session_id = ANY($2::uuid[])`, [people.tenant, played],
    );
    return rows[0]?.behind === 0;
  });
  let before = await reports();
  let other = '';
  await until('reports stand still', async () => {
    const now = await reports();
    other = now.flatMap((report, at) => differences(report, before[at], report[0] as string)).slice(0, 20).join('\n');
    before = now;
    return other === '';
  }).catch((error: unknown) => { throw new Error(`They do not: ${other}`, { cause: error }); });
}

/** Where two answers differ, and in what. */
function differences(one: Body, other: Body, place: string): string[] {
  if (JSON.stringify(one) === JSON.stringify(other)) return [];
  const [keys, others] = [one, other].map((value) => (typeof value === 'object' && value !== null ? Object.keys(value as object) : null));
  if (keys == null || others == null || keys.join() !== others.join()) return [`${place}: ${JSON.stringify(one)} ${JSON.stringify(other)}`];
  return keys.flatMap((key) => differences(one[key], other[key], `${place} ${key}`));
}

/** Every report that needs nothing but a period. */
async function reports(): Promise<Body[]> {
  const document = await (await fetch(`${instance.url}/openapi.json`)).json() as Body;
  const prefix = '/api/v1/onboarding';
  const day = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  const period = `start_date=${day(100)}&end_date=${day(-1)}&fresh=true`;
  const paths = Object.keys(document.paths as object)
    .filter((path) => /\/(?:analytics|dashboard)\//.test(path) && !path.includes('/admin/') && !path.includes('{')
      // of the present moment
      && !/realtime|overview|export/.test(path) && document.paths[path].get !== undefined)
    .map((path) => path.replace(prefix, ''));
  expect(paths.length).toBeGreaterThan(0);
  const asked = paths.flatMap((path) => ['', '&device=phone', '&user_segment=returning'].map((more) => `${path}?${period}${more}`));
  const own = ['started,opened_3,opened_5', 'question_shown,cancelled', stages.join(',')]
    .map((steps) => `/analytics/funnel/?${period}&steps=${steps}`);
  return Promise.all([...asked, ...own].map(async (path) => {
    const { status, body } = await people.cy.get(path);
    return [path, status, withoutClock(body)];
  }));
}

/**
 * What goes on by itself is left out: days up to now, the moment up to which sessions are old enough, what is expected of sessions
 * that have been open for so long, and risk that grows.
 */
function withoutClock(body: Body): Body {
  const ofTheClock = new Set([
    'freshness', 'correlation_id', 'computed_at', 'data_through', 'days', 'sessions_per_day',
    'completion_by', 'median_minutes', 'median_interval_minutes',
  ]);
  return JSON.parse(JSON.stringify(body, (key: string, value: unknown) => {
    if (ofTheClock.has(key) || (key === 'total' && Array.isArray(body.events))) return undefined;
    if (key === 'events') return (value as { name?: string }[]).filter(({ name }) => name !== 'risk_level_changed');
    return typeof value === 'string' ? value.replace(/started_(?:before|from)_ms=\d+/, '') : value;
  }));
}

/** Less what grows by itself: on a slow machine a level of risk is crossed between two looks. Asked again while the engine is busy. */
async function replays(): Promise<Body[]> {
  const all: Body[] = [];
  for (const id of [...played, finished, imported]) {
    let body: Body;
    await until(`${id} is replayed whole`, async () => {
      ({ body } = await people.cy.get(`/dashboard/session-replay/${id}/`));
      return body.complete === true;
    });
    const timeline = (body.timeline as Body[]).filter(({ event_type: type }) => type !== 'risk_level_changed');
    const { duration_minutes: _, ...summary } = body.session_summary;
    all.push({ ...body, timeline, session_summary: { ...summary, total_events: timeline.length } });
  }
  return all;
}

async function rebuild(...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['scripts/run', 'scripts/rebuild-analytics.ts', ...options], {
    cwd: root, env: { ...process.env, NODE_OPTIONS: '', GANGWAY_DATA: instance.folder },
  });
  return stdout;
}

describe('a replay', () => {
  test('has every event of a session once and in order, over crashes and runs, and says of answers their shape only', async () => {
    for (const id of played) {
      const { status, body } = await people.cy.get(`/dashboard/session-replay/${id}/`);
      expect([id, status, body.complete]).toEqual([id, 200, true]);
      expect(body.timeline.map(({ sequence }: Body) => sequence)).toEqual(body.timeline.map((_: Body, at: number) => at + 1));
      const opened = body.timeline.filter(({ event_type: type }: Body) => (type as string).startsWith('opened_'));
      expect(opened.map(({ data }: Body) => data.turn)).toEqual(Array.from({ length: eventsEach }, (_, turn) => String(turn)));
      expect(body.session_summary.total_events).toBe(body.timeline.length);
      expect(body.timeline.find(({ event_type: type }: Body) => type === 'question_answered').data)
        .toEqual({ question_id: 'setup_urgency', shape: { type: 'text', length: 9 } });
      expect(JSON.stringify(body)).not.toContain('immediate');
    }
  });

  test('names the workflow and each run of it', async () => {
    const { body } = await people.cy.get(`/dashboard/session-replay/${played[0]}/`);
    expect(body.workflow.id).toBe(`session:${people.tenant}:${played[0]}`);
    expect(new Set(body.workflow.run_ids).size).toBe(body.workflow.run_ids.length);
    expect(body.workflow.run_ids.length).toBeGreaterThanOrEqual(3);
  });

  test('shows an admin who asks what was said, which the audit log knows; an analyst is refused, another tenant sees nothing', async () => {
    const path = `/dashboard/session-replay/${finished}/`;
    const { body } = await people.admin.get(`${path}?include=answers`);
    const said = body.timeline.filter(({ data }: Body) => data.value !== undefined);
    expect(said[0].data).toEqual({ question_id: 'setup_urgency', value: expect.any(String) });
    expect(body.session_summary).toMatchObject({ current_state: 'completed', ended_at: expect.any(String) });
    expect((await people.cy.get(`${path}?include=answers`)).status).toBe(403);
    expect((await people.ana.get(path)).status).toBe(403);
    const other = await cast(instance);
    expect((await other.cy.get(path)).status).toBe(404);
    expect((await people.cy.get(`/dashboard/session-replay/${randomUUID()}/`)).status).toBe(404);
    const audit = (await people.admin.get(`/admin/audit/?action=session.replay&limit=100`)).body.results as Body[];
    expect(audit.filter(({ details }) => details.answers === true)).toHaveLength(1);
  });

  test('of an imported session has its events, and no workflow', async () => {
    const { body } = await people.cy.get(`/dashboard/session-replay/${imported}/`);
    expect(body).toMatchObject({ workflow: null, complete: true, session_summary: { total_events: body.timeline.length } });
    expect(body.timeline[0]).toMatchObject({ sequence: 1, event_type: 'started', data: { flow: 'site_survey' } });
  });
});

describe('a rebuild', () => {
  test('with nothing lost changes nothing, and may run while people answer', async () => {
    const before = await reports();
    expect(await rebuild()).toMatch(new RegExp(`${everySession} sessions and \\d+ events`));
    expect(await reports()).toEqual(before);
  });

  test('brings back every report, replay and funnel to the byte when ClickHouse is lost', async () => {
    const before = [await reports(), await replays()];
    await db.close();
    await instance.stop();
    await rm(join(instance.folder, 'clickhouse'), { recursive: true });
    instance = await startInstance(instance.folder, environment);
    people = await samePeople(people.tenant);
    db = await databaseOf(instance);
    expect((await people.cy.get('/analytics/funnel/?fresh=true')).body.total_sessions).toBe(0);
    expect(await rebuild()).toMatch(new RegExp(`${everySession} sessions`));
    const after = [await reports(), await replays()];
    expect(after.flatMap((some, at) => differences(some, before[at], at === 0 ? 'reports' : 'replays'))).toEqual([]);
  });

  test('loses nothing that is flushed meanwhile, also when it is asked for three times at once', async () => {
    const visitors = await Promise.all(Array.from({ length: 6 }, (_, at) => person(instance, people.tenant, `late-${at}`, 'user')));
    const rebuilding = Promise.all([rebuild(), rebuild(), rebuild()]);
    const started: string[] = [];
    let isOver = false;
    const over = rebuilding.finally(() => { isOver = true; });
    for (const [at, visitor] of visitors.entries()) {
      if (isOver && at > 2) break;
      const { session_id: id } = await visitor.start();
      await visitor.gives(id as string, 'setup_urgency', 'immediate');
      started.push(id as string);
    }
    await over;
    await until('each of them is counted', async () => (
      (await people.cy.get('/analytics/funnel/?fresh=true')).body.total_sessions >= sessions + 1 + started.length
    ));
    const { body } = await people.cy.get('/analytics/funnel/?fresh=true');
    expect(body.stages[1].count).toBeGreaterThanOrEqual(sessions + 1 + started.length);
  });

  test('refuses to exchange while ClickHouse has events that PostgreSQL does not have, and does it when that is said', async () => {
    await db.asTenant(people.tenant).query('DELETE FROM session_events WHERE session_id = $1', [played[0]]);
    const before = JSON.stringify(await reports());
    await expect(rebuild()).rejects.toThrow(/accept-fewer/);
    expect(JSON.stringify(await reports())).toBe(before);
    expect(await rebuild('--accept-fewer')).toMatch(/sessions and \d+ events/);
    expect((await people.cy.get(`/dashboard/session-replay/${played[0]}/`)).body.complete).toBe(false);
  });
});
