/** What happens now, asked once and followed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { InstanceAddress } from './support/instance.ts';
import { base, cast, newTenant, person, tokenFor, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { openStream, type StreamReader } from './support/stream-reader.ts';
import { until } from './support/until.ts';

let instance: InstanceAddress;
const open: StreamReader[] = [];
beforeAll(async () => { instance = await sharedInstance(); });
afterEach(() => { for (const reader of open.splice(0)) reader.close(); });

async function follow(tenant: string, query = ''): Promise<StreamReader> {
  const authorization = `Bearer ${await tokenFor(instance, tenant, 'cy', ['analyst'])}`;
  const reader = await openStream(`${instance.url}${base}/analytics/realtime/${query}`, { authorization, accept: 'text/event-stream' });
  open.push(reader);
  return reader;
}

async function runsOfRealtime(): Promise<number> {
  const text = await (await fetch(`${instance.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith('gangway_report_run_seconds_count{report="/analytics/realtime"'));
  return Number(line?.split(' ').at(-1) ?? 0);
}

const ids = (reader: StreamReader): string[] => [...reader.text().matchAll(/^id: (.+)$/gm)].map(([, id]) => id ?? '');

describe('GET /analytics/realtime/', () => {
  test('tells the sessions of the last hours, what is open now, and the week', async () => {
    const { ana, ben, cy, tenant } = await cast(instance);
    const eve = await person(instance, tenant, 'eve', 'user');
    const gus = await person(instance, tenant, 'gus', 'user');
    await ana.answerAll(await ana.start());
    const { question, session_id: second } = await eve.start();
    await eve.gives(second as string, question.id as string, question.options[0].value);
    const third = await gus.start();
    // a quick machine ends it within what is rounded to nothing
    await sleep(100);
    await gus.post(`/sessions/${third.session_id}/cancel/`, {});
    expect((await ben.get('/analytics/realtime/')).status).toBe(403);
    // before that the week's summary would be of nobody, and kept so for minutes
    await until('they are listed', async () => (await cy.get('/analytics/sessions/')).body.total === 3);
    let body: Body;
    await until('all of it is there', async () => {
      body = (await cy.get('/analytics/realtime/')).body;
      return body.states.awaiting_approval === 1 && body.total_sessions === 3 && body.states.cancelled === 1
        && body.states.in_progress === 1
        // states and stages are of two stores
        && body.stage_breakdown.engaged === 2 && body.stage_breakdown.recommendations_generated === 1;
    });
    expect(body).toMatchObject({
      active_sessions: 2, completion_rate: 0, dlq_size: 0, recent_errors: [], at_risk_count: 0, cache_ttl_seconds: 2,
      stage_breakdown: { started: 3, engaged: 2, recommendations_generated: 1, approval_decision: 0, completed: 0 },
      weekly_summary: { completion_rate: expect.anything() },
    });
    expect(body.avg_session_duration_minutes).toBeGreaterThan(0);
    expect(Object.keys(body.state_drill_downs)).toEqual(expect.arrayContaining(['awaiting_approval', 'cancelled', 'in_progress']));
    for (const [state, path] of Object.entries<string>(body.state_drill_downs)) {
      const { body: list } = await cy.get(path.slice(base.length));
      expect([state, list.total, list.results.map((each: Body) => each.state)])
        .toEqual([state, body.states[state], Array.from({ length: body.states[state] }, () => state)]);
    }
    const foreign = await person(instance, newTenant(), 'cy', 'analyst');
    expect((await foreign.get('/analytics/realtime/')).body).toMatchObject({
      total_sessions: 0, states: {}, completion_rate: null, avg_session_duration_minutes: null, weekly_summary: { top_drop_off: null },
    });
  });

  test.each(['0', '721', '1e9', 'x', '1.5'])('refuses time_range_hours=%s', async (hours) => {
    const { cy } = await cast(instance);
    expect(await cy.get(`/analytics/realtime/?time_range_hours=${hours}`)).toMatchObject({
      status: 400, body: { code: 'invalid_request' },
    });
  });

  test('followed, has a change of stage within five seconds, under the time it was worked out at', async () => {
    const { ana, tenant } = await cast(instance);
    const reader = await follow(tenant);
    expect(reader.headers['content-type']).toBe('text/event-stream');
    await until('the first is there', () => reader.events.length > 0);
    expect(reader.events[0]).toMatchObject({ name: 'realtime', data: { total_sessions: 0 } });
    const session = await ana.start();
    await ana.gives(session.session_id as string, session.question.id as string, session.question.options[0].value);
    const reached = Date.now();
    await until('it is seen', () => reader.events.at(-1)?.data.stage_breakdown.engaged === 1);
    const seen = reader.events.findIndex(({ data }) => data.stage_breakdown.engaged === 1);
    // by the service's own clock, so that a busy reader counts for nothing
    expect(Date.parse(ids(reader)[seen] ?? '') - reached).toBeLessThan(5_000);
    expect(ids(reader)).toEqual(reader.events.map(({ data }) => data.freshness.computed_at));
    expect([...ids(reader)].sort()).toEqual(ids(reader));
  });

  test('of one tenant has one producer, however many read, and none when nobody does', async () => {
    const { tenant } = await cast(instance);
    const before = await runsOfRealtime();
    const readers = await Promise.all(Array.from({ length: 5 }, () => follow(tenant)));
    await until('each has three', () => readers.every(({ events }) => events.length >= 3));
    const newest = Math.max(...readers.map(({ events }) => events.length));
    // one before the stream begins, one for what each has, and one under way
    expect(await runsOfRealtime() - before).toBeLessThanOrEqual(newest + 2);
    const shared = ids(readers[0] as StreamReader).slice(-2);
    expect(readers.every((reader) => ids(reader).includes(shared[0] ?? ''))).toBe(true);
    for (const reader of readers) reader.close();
    const other = await follow(newTenant());
    let last = -1;
    await until('only the other is worked out', async () => {
      const [had, runs] = [other.events.length, await runsOfRealtime()];
      await until('it has two more', () => other.events.length >= had + 2);
      last = await runsOfRealtime() - runs;
      return last <= 3;
    });
  });

  test('one stream too many is refused, and a JSON client is not counted', async () => {
    const { tenant, cy } = await cast(instance);
    const readers = await Promise.all(Array.from({ length: 5 }, () => follow(tenant)));
    expect(readers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await follow(tenant)).status).toBe(429);
    expect((await cy.get('/analytics/realtime/')).status).toBe(200);
  });
});

describe('GET /dashboard/overview/', () => {
  test('tells sessions, funnel, recovery, errors and parked tasks of the last hours', async () => {
    const { ana, ben, cy } = await cast(instance);
    const session = await ana.start();
    const id = session.session_id as string;
    await ana.gives(id, session.question.id as string, session.question.options[0].value);
    expect((await ana.post(`/sessions/${id}/checkpoint/`, { label: 'here' })).status).toBeLessThan(300);
    const resumed = await ana.post(`/sessions/${id}/resume/`, {});
    expect(resumed.status).toBe(200);
    await ana.answerAll((await ana.get(`/sessions/${id}/`)).body);
    await ana.inState(id, 'awaiting_approval');
    expect((await ben.get('/dashboard/overview/')).status).toBe(403);
    let body: Body;
    await until('all of it is there', async () => {
      body = (await cy.get('/dashboard/overview/?fresh=true')).body;
      return body.recovery.resume_success_rate === 1 && body.funnel.stages[2].count === 1;
    });
    expect(body).toMatchObject({
      overview: { total_sessions: 1, active_sessions: 1, completed_sessions: 0, conversion_rate: 0 },
      recovery: { sessions_resumed: 1, at_risk_count: 0 }, errors: { total: 0, patterns: [] },
      dlq: { open: 0, parked: 0, retrying: 0, oldest_task_age_seconds: null }, time_range: { hours: 24 }, recommendations: [],
    });
    expect(body.recovery.checkpoints_created).toBeGreaterThanOrEqual(1);
    expect(body.funnel.stages.map(({ count }: Body) => count)).toEqual([1, 1, 1, 0, 0]);
    expect((await cy.get('/dashboard/overview/')).body.freshness.cached).toBe(true);
    expect(Date.parse(body.time_range.end as string) - Date.parse(body.time_range.start as string)).toBe(86_400_000);
  });
});

describe('the filters that all reports share', () => {
  const total = (body: Body): number => Object.values<number>(body.states).reduce((sum, count) => sum + count, 0);

  test('narrow what is told of sessions, as the lists behind it do, once and followed', async () => {
    const { ana, cy, tenant } = await cast(instance);
    const eve = await person(instance, tenant, 'eve', 'user');
    const gus = await person(instance, tenant, 'gus', 'user');
    const first = await ana.start({ client_context: { device: 'desktop' } });
    await ana.gives(first.session_id as string, 'setup_urgency', 'immediate');
    expect((await ana.post(`/sessions/${first.session_id}/checkpoint/`, { label: 'here' })).status).toBeLessThan(300);
    await eve.start({ language: 'hi', client_context: { device: 'phone' } });
    const third = await gus.start({ client_context: { device: 'phone' } });
    expect((await gus.post(`/sessions/${third.session_id}/cancel/`, {})).status).toBe(200);
    const realtime = async (query: string): Promise<Body> => (await cy.get(`/analytics/realtime/?fresh=true&${query}`)).body;
    const overview = async (query: string): Promise<Body> => (await cy.get(`/dashboard/overview/?fresh=true&${query}`)).body;
    await until('all of it is there', async () => {
      // asked like nothing below: a week's summary is kept for minutes
      const { states, stage_breakdown: reached } = await realtime('flow=business_unit_setup&user_segment=first_time');
      return states.in_progress === 1 && states.started === 1 && states.cancelled === 1 && reached.engaged === 1;
    });
    const counts: Readonly<Record<string, number>> = {
      'flow=business_unit_setup': 3, [`flow_version=${first.flow.version}`]: 3, 'user_segment=first_time': 3, 'language=hi': 1,
      'language=en': 2, 'device=phone': 2, 'answer=setup_urgency:immediate': 1, 'device=phone&language=en': 1, 'device=tablet': 0,
    };
    for (const [query, sessions] of Object.entries(counts)) {
      const [now, glance] = [await realtime(query), await overview(query)];
      expect([query, now.total_sessions, total(now), now.weekly_summary.total_sessions, glance.overview.total_sessions])
        .toEqual([query, sessions, sessions, sessions, sessions]);
      expect([query, glance.overview.active_sessions]).toEqual([query, now.active_sessions]);
      for (const path of [now.active_drill_down, glance.overview.drill_downs.active_sessions] as string[]) {
        expect([path, (await cy.get(path.slice(base.length))).body.total]).toEqual([path, now.active_sessions]);
      }
      const paths = [now.drill_down, now.weekly_summary.drill_down, glance.overview.drill_down] as string[];
      for (const path of paths) expect([path, (await cy.get(path.slice(base.length))).body.total]).toEqual([path, sessions]);
      for (const [state, path] of Object.entries<string>(now.state_drill_downs)) {
        expect([path, (await cy.get(path.slice(base.length))).body.total]).toEqual([path, now.states[state]]);
      }
    }
    const created = async (query: string): Promise<number> => (await overview(query)).recovery.checkpoints_created;
    const [english, hindi] = [await created('language=en'), await created('language=hi')];
    expect(english).toBeGreaterThan(hindi);
    expect(await created('flow=business_unit_setup&language=en')).toBe(english);
    expect(await created('flow=business_unit_setup')).toBe(english + hindi);
    const [phones, all] = [await follow(tenant, '?device=phone'), await follow(tenant)];
    const told = (reader: StreamReader): Body[] => [...reader.text().matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
    await until('each is told its own', () => told(phones).length > 0 && told(all).length > 0);
    expect([told(phones)[0].total_sessions, told(all)[0].total_sessions]).toEqual([2, 3]);
  });

  test.each([
    ['flow=nobody_has_it', 404, 'unknown_flow'], ['answer=setup_urgency:castle', 400, 'unknown_filter_value'],
    ['device=fridge', 400, 'invalid_request'],
  ])('%s is refused', async (query, status, code) => {
    const { ana, cy, tenant } = await cast(instance);
    await ana.start();
    const authorization = `Bearer ${await tokenFor(instance, tenant, 'cy', ['analyst'])}`;
    for (const path of ['/analytics/realtime/', '/dashboard/overview/']) {
      const reply = await cy.get(`${path}?${query}`);
      expect([path, reply.status, reply.body.code]).toEqual([path, status, code]);
    }
    const followed = await fetch(`${instance.url}${base}/analytics/realtime/?${query}`, {
      headers: { authorization, accept: 'text/event-stream' },
    });
    expect([followed.status, (await followed.json() as Body).code]).toEqual([status, code]);
  });
});
