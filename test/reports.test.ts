/** Reports as clients have them: what is kept of them, for whom, and in which form. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { InstanceAddress } from './support/instance.ts';
import { base, cast, person, newTenant, tokenFor, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

let instance: InstanceAddress;
beforeAll(async () => { instance = await sharedInstance(); });

const statusOf = (reply: Reply): string => reply.headers.get('cache-status') ?? '';

/** Runs of the funnel in the whole process, and what came of the cache. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${instance.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(name));
  return Number(line?.split(' ').at(-1) ?? 0);
}
/** Each run has its own moment. What other tests ask of the same process counts as none. */
const runsOf = (replies: readonly Reply[]): number => new Set(replies.map(({ body }) => body.freshness.computed_at)).size;

async function counted(cy: Person, sessions: number): Promise<void> {
  await until('they are counted', async () => (await cy.get('/analytics/funnel/?fresh=true')).body.total_sessions === sessions);
}

describe('Caching behavior', () => {
  test('A report is worked out once in five minutes, said with Cache-Status, and anew with fresh=true', async () => {
    const { ana, cy } = await cast(instance);
    const first = await cy.get('/analytics/funnel/');
    expect(statusOf(first)).toMatch(/^gangway; fwd=uri-miss; stored; ttl=(2[6-9]\d|3[0-3]\d)$/);
    expect(first.body.freshness).toMatchObject({ cached: false });
    await ana.start();
    await counted(cy, 1);
    const kept = await cy.get('/analytics/funnel/');
    expect(statusOf(kept)).toMatch(/^gangway; hit; ttl=\d+$/);
    expect(kept.body.freshness.cached).toBe(true);
    // what fresh=true found is what everybody gets from then on
    expect(kept.body.total_sessions).toBe(1);
    const { freshness, ...body } = kept.body;
    const { freshness: again, ...sameBody } = (await cy.get('/analytics/funnel/?timezone=UTC')).body;
    expect([again.computed_at, sameBody]).toEqual([freshness.computed_at, body]);
  });

  test('100 dashboards opened at once are one query', async () => {
    const { cy } = await cast(instance);
    const replies = await Promise.all(Array.from({ length: 100 }, () => cy.get('/analytics/funnel/?language=EN')));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(runsOf(replies)).toBe(1);
    expect((await cy.get('/analytics/funnel/?language=en')).body.freshness.cached).toBe(true);
    const end = new Date().toISOString();
    expect(statusOf(await cy.get(`/analytics/funnel/?end_date=${end}`))).toContain('fwd=uri-miss');
    expect(statusOf(await cy.get(`/analytics/funnel/?end_date=${end}&timezone=utc`))).toContain('; hit');
    const later = new Date(Date.parse(end) - 1).toISOString();
    expect(statusOf(await cy.get(`/analytics/funnel/?end_date=${later}`))).toContain('fwd=uri-miss');
  });

  test('100 refreshes at once share a run that began after they were asked for', async () => {
    const { cy } = await cast(instance);
    const asked = Date.now();
    const replies = await Promise.all(Array.from({ length: 100 }, () => cy.get('/analytics/funnel/?fresh=true')));
    expect(runsOf(replies)).toBeLessThanOrEqual(2);
    for (const { body } of replies) expect(Date.parse(body.freshness.computed_at as string)).toBeGreaterThanOrEqual(asked);
  });

  test('What is kept is of one tenant: nobody else sees it, and links name the tenant only to whoever named it', async () => {
    const { ana, cy, tenant } = await cast(instance);
    await ana.start();
    await counted(cy, 1);
    const own = (await cy.get('/analytics/funnel/')).body;
    const foreign = await person(instance, newTenant(), 'cy', 'analyst');
    expect((await foreign.get('/analytics/funnel/')).body.total_sessions).toBe(0);
    const platform = await person(instance, newTenant(), 'pat', 'platform');
    const named = await platform.get(`/analytics/funnel/?client_id=${tenant}`);
    expect(statusOf(named)).toContain('; hit');
    expect(own.drill_down).not.toContain('client_id');
    for (const link of [named.body.drill_down, named.body.stages[2].drill_downs.dropped]) expect(link).toContain(`?client_id=${tenant}&`);
    expect(named.body.drill_down.replace(`client_id=${tenant}&`, '')).toBe(own.drill_down);
  });

  test('data_through is of the run, not later than it, and stays with what is kept', async () => {
    const { cy } = await cast(instance);
    const first = (await cy.get('/analytics/funnel/')).body.freshness;
    expect(Date.parse(first.data_through as string)).toBeLessThan(Date.parse(first.computed_at as string));
    expect((await cy.get('/analytics/funnel/')).body.freshness).toEqual({ ...first, cached: true });
  });

  test('Metrics tell the hit rate and how long reports take', async () => {
    const { cy } = await cast(instance);
    const names = ['hit', 'run'].map((outcome) => `gangway_report_answers_total{outcome="${outcome}"}`);
    const before = await Promise.all(names.map(metric));
    for (let times = 0; times < 3; times += 1) await cy.get('/analytics/funnel/');
    const after = await Promise.all(names.map(metric));
    expect(after.map((value, at) => value - (before[at] ?? 0) >= 2 - at)).toEqual([true, true]);
    expect(await metric('gangway_report_run_seconds_sum')).toBeGreaterThan(0);
  });
});

describe('Many different reports at once', () => {
  test('are all answered: they wait for each other, and none is refused for the others', async () => {
    const { cy } = await cast(instance);
    const paths = Array.from({ length: 30 }, (_, at) => `/analytics/funnel/?steps=started,e${at}&breakdown=flow`);
    const replies = await Promise.all(paths.map((path) => cy.get(path)));
    expect(new Set(replies.map(({ status, body }) => `${status} ${body.code ?? ''}`))).toEqual(new Set(['200 ']));
  });
});

describe('format=csv', () => {
  test('is the stages of the funnel, one a row, as an attachment that reads back to the same figures', async () => {
    const { ana, cy, tenant } = await cast(instance);
    await ana.start();
    await counted(cy, 1);
    const { body } = await cy.get('/analytics/funnel/');
    const response = await fetch(`${instance.url}${base}/analytics/funnel/?format=csv`, {
      headers: { authorization: `Bearer ${await tokenFor(instance, tenant, 'cy', ['analyst'])}` },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="analytics-funnel.csv"');
    expect(response.headers.get('cache-status')).toContain('; hit');
    const [head = '', ...lines] = (await response.text()).trimEnd().split('\r\n');
    const columns = head.split(',');
    expect(columns.slice(0, 3)).toEqual(['name', 'description', 'count']);
    const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [columns[at] ?? '', cell])));
    expect(rows.map((row) => [row['name'], Number(row['count']), Number(row['confidence_interval.high'])])).toEqual(
      body.stages.map((stage: { name: string; count: number; confidence_interval: number[] }) => (
        [stage.name, stage.count, stage.confidence_interval[1]]
      )),
    );
  });

  test.each([
    ['/analytics/recommendations/', ['id', 'priority', 'expected_gain.interval.low', 'confidence']],
    ['/analytics/events/', ['name', 'count', 'questions', 'properties']],
    ['/analytics/cohort-comparison/?cohort_by=flow', ['label', 'sessions', 'interval.high', 'sufficient_data']],
  ])('a table of %s without rows has its columns all the same, and is a file of Parquet as well', async (path, columns) => {
    const { cy, tenant } = await cast(instance);
    expect((await cy.get(path)).status).toBe(200);
    const headers = { authorization: `Bearer ${await tokenFor(instance, tenant, 'cy', ['analyst'])}` };
    const fileOf = async (format: string): Promise<Response> => (
      fetch(`${instance.url}${base}${path}${path.includes('?') ? '&' : '?'}format=${format}`, { headers })
    );
    const [line = '', ...rest] = (await (await fileOf('csv')).text()).split('\r\n');
    expect(rest).toEqual(['']);
    const head = line.split(',');
    expect(head).toEqual(expect.arrayContaining(columns));
    expect(head.filter((name) => name.includes('drill_down'))).toEqual([]);
    const parquet = await fileOf('parquet');
    expect([parquet.status, (await parquet.text()).slice(0, 4)]).toEqual([200, 'PAR1']);
  });

  test.each(['csv', 'parquet'])('a funnel that is asked for under a key as %s is the same file again', async (format) => {
    const { tenant } = await cast(instance);
    const ask = async (): Promise<[number, string | null, string | null, Buffer]> => {
      const reply = await fetch(`${instance.url}${base}/analytics/funnel/?format=${format}`, {
        method: 'POST', body: JSON.stringify({ steps: [{ event: 'started' }, { event: 'completed' }] }),
        headers: {
          authorization: `Bearer ${await tokenFor(instance, tenant, 'cy', ['analyst'])}`, 'content-type': 'application/json',
          'idempotency-key': 'one',
        },
      });
      const { status, headers } = reply;
      return [status, headers.get('content-type'), headers.get('idempotency-replayed'), Buffer.from(await reply.arrayBuffer())];
    };
    const [status, type, replayed, bytes] = await ask();
    expect([status, replayed]).toEqual([200, null]);
    expect(bytes.length).toBeGreaterThan(100);
    expect(await ask()).toEqual([200, type, 'true', bytes]);
  });

  test('every report is of the last seven days unless it is asked otherwise, the trend of cohorts of thirty', async () => {
    const { cy } = await cast(instance);
    const daysOf = async (path: string): Promise<number> => {
      const { period: { start, end } } = (await cy.get(path)).body;
      return (Date.parse(end) - Date.parse(start)) / 86_400_000;
    };
    const paths = ['funnel', 'events', 'drop-off-heatmap', 'cohort-comparison', 'recommendations', 'comparison'];
    expect(await Promise.all(paths.map((name) => daysOf(`/analytics/${name}/`)))).toEqual(paths.map(() => 7));
    expect([await daysOf('/dashboard/heatmap/'), await daysOf('/dashboard/cohort-trends/')]).toEqual([7, 30]);
  });

  test('an unknown form is refused with those there are', async () => {
    const { cy } = await cast(instance);
    expect(await cy.get(`/analytics/funnel/?format=${randomUUID()}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});
