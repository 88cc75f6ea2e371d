/** Comparison, cohorts, trends and times to completion as an analyst asks for them, over sessions that people played. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { cast, person, proposed, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const dayMs = 86_400_000;

/** One completes, one is cancelled after an answer, one is cancelled at once, one is left open. */
async function played(): Promise<{ tenant: string; cy: Person; admin: Person; ana: Person }> {
  const { tenant, ana, ben, cy, admin } = await cast(instance);
  const { session, proposal, items } = await proposed(ana, ben);
  const decided = await ben.post(`/sessions/${session.session_id}/decision/`, {
    approved_items: items, dry_run: false, proposal_hash: proposal.proposal_hash,
  });
  expect(decided.body.status).toBe('applied');
  const [bo, cem, dot] = await Promise.all(['bo', 'cem', 'dot'].map((name) => person(instance, tenant, name, 'user')));
  if (bo === undefined || cem === undefined || dot === undefined) throw new Error('three people');
  const started = await bo.start();
  await bo.gives(started.session_id, started.question.id, started.question.options[0].value);
  await bo.post(`/sessions/${started.session_id}/cancel/`, {});
  await cem.post(`/sessions/${(await cem.start()).session_id}/cancel/`, {});
  await dot.start();
  await until('all four are in the reports', async () => {
    const { body } = await cy.get('/analytics/funnel/?fresh=true');
    return body.total_sessions === 4 && body.completed_sessions === 1 && body.abandoned_sessions === 2;
  });
  return { tenant, cy, admin, ana };
}

let cy: Person;
let admin: Person;
let tenant: string;
beforeAll(async () => { ({ cy, admin, tenant } = await played()); });

describe('Metrics calculation', () => {
  test('of four played sessions every stage, rate and interval is what happened', async () => {
    const { body } = await cy.get('/analytics/funnel/?fresh=true');
    expect(body).toMatchObject({
      total_sessions: 4, completed_sessions: 1, abandoned_sessions: 2, open_sessions: 1, overall_conversion_rate: 0.25,
    });
    expect(body.stages.map(({ count, dropped, still_open }: Body) => [count, dropped, still_open])).toEqual([
      [4, 1, 1], [2, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0],
    ]);
    const [low, high] = body.overall_conversion_interval as [number, number];
    expect([low, high].map((bound) => bound.toFixed(4))).toEqual(['0.0456', '0.6994']);
  });

  test('times to completion count leavers and open ones for what they are', async () => {
    const { body } = await cy.get('/analytics/funnel/?fresh=true');
    expect(body).toMatchObject({ censored: 1, median_minutes: null });
    expect(body.completion_by.map(({ minutes }: Body) => minutes)).toEqual([1, 2, 5, 10, 30, 60, 120, 360, 1_440, 2_880, 10_080, 43_200]);
    // The open one may be the longest seen; then nothing is known beyond.
    for (const { share } of body.completion_by as Body[]) expect(share === null || (share >= 0 && share <= 0.5)).toBe(true);
  });
});

describe('the comparison of periods', () => {
  test('is of the last seven days with the seven before, later less earlier, and says what is missing for a verdict', async () => {
    const { status, body } = await cy.get('/analytics/comparison/');
    expect(status).toBe(200);
    expect(Date.parse(body.period2.end) - Date.parse(body.period2.start)).toBe(7 * dayMs);
    expect(body.period1.end).toBe(body.period2.start);
    expect(body.period).toMatchObject({ start: body.period2.start, end: body.period2.end });
    expect([body.period1.total_sessions, body.period2.total_sessions, body.changes.total_sessions.absolute]).toEqual([0, 4, 4]);
    expect(body).toMatchObject({
      follow_up_seconds: 3_600, excluded_young: 4, trend: 'insufficient_data',
      statistical_significance: { verdict: 'too_few', is_significant: false, p_value: 1, confidence_level: 0.95 },
    });
    expect(body.stage_comparisons.map(({ name }: Body) => name)).toEqual([
      'started', 'engaged', 'recommendations_generated', 'approval_decision', 'completed',
    ]);
  });

  test('goes from the earlier to the later one, whichever is called 1', async () => {
    const day = (offset: number): string => new Date(Date.now() + offset * dayMs).toISOString();
    const [before, after] = [`${day(-10)}`, `${day(1)}`];
    const asked = `period1_start=${day(-3)}&period1_end=${after}&period2_start=${before}&period2_end=${day(-3)}`;
    const { body } = await cy.get(`/analytics/comparison/?${asked}`);
    expect([body.period1.total_sessions, body.period2.total_sessions, body.changes.total_sessions.absolute]).toEqual([4, 0, 4]);
    expect(body.changes.sessions_per_day.absolute).toBeCloseTo(4 / 3, 2);
  });

  test.each([
    ['period1_start=2026-03-01&period1_end=2026-02-01', '/period1_start'], ['period2_start=yesterday', '/period2_start'],
    ['period1_start=2020-01-01&period1_end=2026-01-01', '/period1_start'], ['period2_end=2200-01-01', '/period2_end'],
    ['timezone=Mars/Base', '/timezone'],
  ])('%s is a mistake that is named', async (query, pointer) => {
    const { status, body } = await cy.get(`/analytics/comparison/?${query}`);
    expect([status, body.code, body.errors[0].pointer]).toEqual([400, 'invalid_period', pointer]);
    expect(body.errors[0].fix).toContain('at most 400 days');
  });

  test('stands in the funnel too when it is asked for, with the same verdict, and else is null', async () => {
    const { body: plain } = await cy.get('/analytics/funnel/');
    expect(plain.comparison).toBeNull();
    for (const compare of ['previous', 'year']) {
      const { body } = await cy.get(`/analytics/funnel/?compare=${compare}`);
      expect(body.comparison).toMatchObject({ verdict: 'too_few', follow_up_seconds: 3_600, excluded_young: 4 });
      expect(body.comparison.stages).toHaveLength(5);
      expect(Date.parse(body.comparison.period.end)).toBeLessThanOrEqual(Date.parse(body.period.start));
    }
    expect((await cy.get('/analytics/funnel/?compare=month')).body.code).toBe('invalid_request');
  });
});

describe('Cohort comparison', () => {
  test('has every kind of cohort, names no best one of four sessions, and says so', async () => {
    const kinds: Readonly<Record<string, readonly [string, number][]>> = {
      flow: [['business_unit_setup', 4]], flow_version: [['business_unit_setup 2', 4]], language: [['en', 4]],
      user_segment: [['first_time', 4]], device: [['unknown', 4]], client: [[tenant, 4]],
    };
    for (const [kind, expected] of Object.entries(kinds)) {
      const { status, body } = await cy.get(`/analytics/cohort-comparison/?cohort_by=${kind}`);
      expect([kind, status]).toEqual([kind, 200]);
      expect(body.cohorts.map(({ label, sessions }: Body) => [label, sessions])).toEqual(expected);
      expect(body).toMatchObject({
        best_cohort: null, worst_cohort: null, tests: [], follow_up_seconds: null, insights: [{ kind: 'too_few' }],
      });
      expect(body.cohorts[0]).toMatchObject({ conversion_rate: 0.25, sufficient_data: false });
    }
  });

  test('of weeks goes by the zone and the first day of the week that are asked for', async () => {
    const { body } = await cy.get('/analytics/cohort-comparison/?cohort_by=week&timezone=Africa/Cairo&week_start=saturday');
    expect(body.cohorts.map(({ label }: Body) => label).join()).toMatch(/^\d{4}-W\d\d/);
    expect(body.follow_up_seconds).toBe(3_600);
    expect((await cy.get('/analytics/cohort-comparison/?cohort_by=shoe_size')).body.code).toBe('invalid_request');
  });
});

describe('cohort trends', () => {
  const kinds = ['daily', 'weekly', 'monthly'];

  test.each(kinds)('%s: the buckets follow each other, their sessions are all, and both edges are marked', async (type) => {
    const { body } = await cy.get(`/dashboard/cohort-trends/?cohort_type=${type}&timezone=Europe/Berlin`);
    const { cohorts } = body as { cohorts: Body[] };
    expect([cohorts[0].start_date, cohorts.at(-1).end_date]).toEqual([body.period.start, body.period.end]);
    cohorts.slice(1).forEach((cohort, index) => { expect(cohort.start_date).toBe(cohorts[index].end_date); });
    expect(cohorts.reduce((sum, { total_sessions: n }) => sum + (n as number), 0)).toBe(4);
    expect(cohorts.at(-1)).toMatchObject({ partial: true, total_sessions: 4, completed_sessions: 1, conversion_rate: 0.25 });
    expect(body.trends).toMatchObject({ conversion_trend: 'insufficient_data', excluded_young: 4 });
  });

  test('show what was published and rolled back meanwhile, once, and only of the own tenant', async () => {
    const flow = {
      default_language: 'en', languages: ['en'], title: 'Set up a desk',
      questions: [{ id: 'desk_name', type: 'text', prompt: 'What is the desk called?' }],
      recommendations: [{
        id: 'log', target: { type: 'type_assist', key: 'slug(desk_name)' }, values: { code: "'LOG'", label: "'Log'", category: "'desk'" },
        confidence: 0.9, always: true, rationale: 'Every desk has a log.',
      }],
    };
    for (const expected of [201, 200]) expect((await admin.call('PUT', '/admin/flows/desk/', flow)).status).toBe(expected);
    const { body: { results: [changeset] } } = await admin.get('/changesets/?status=applied');
    expect((await admin.post(`/changesets/${changeset.changeset_id}/rollback/`, { reason: 'too early' })).status).toBe(200);
    await until('both are annotated', async () => {
      const { body } = await cy.get('/dashboard/cohort-trends/?fresh=true');
      return body.annotations.length === 2 ? body : undefined;
    });
    const { body } = await cy.get('/dashboard/cohort-trends/?fresh=true');
    expect(body.annotations.map(({ kind, text }: Body) => [kind, text])).toEqual([
      ['flow_published', 'Flow desk, version 1'], ['rollback', `Changeset ${changeset.changeset_id} rolled back`],
    ]);
    const { body: live } = await cy.get('/analytics/realtime/?fresh=true');
    expect(live.annotations).toEqual(body.annotations);
    const stranger = await cast(instance);
    expect((await stranger.cy.get('/dashboard/cohort-trends/')).body).toMatchObject({ annotations: [], trends: { excluded_young: 0 } });
    expect((await stranger.cy.get('/analytics/comparison/')).body.period2.total_sessions).toBe(0);
    const { body: before } = await cy.get('/dashboard/cohort-trends/?end_date=2026-01-01');
    expect(before.annotations).toEqual([]);
  });
});
