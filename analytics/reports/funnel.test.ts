import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { sessionStates, stages } from '../../domain/lifecycle.ts';
import type { SessionStateName } from '../../domain/lifecycle.ts';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse } from '../../stores/clickhouse/testing.ts';
import type { TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { funnel, funnelReport, impactSeverity, stageFunnelQuery } from './funnel.ts';
import type { FunnelReport, FunnelStage, SessionFilters } from './funnel.ts';
import { segments, tables } from '../rows.ts';
import type { SessionRow, StageNumber } from '../rows.ts';
import { wilson } from '../statistics/proportions.ts';

const startMs = Date.UTC(2026, 2, 1);
const endMs = Date.UTC(2026, 2, 8);
const minuteMs = 60_000;
const nowMs = endMs;

let db: TestClickHouse;
beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => { await db.close(); });

const filtersOf = (tenant: string, more: Partial<SessionFilters> = {}): SessionFilters =>
  ({ tenant, startMs, endMs, ...more });
const insert = (rows: readonly SessionRow[]): Promise<void> => db.insert(tables.sessions, rows);

function session(tenant: string, more: Partial<SessionRow> = {}): SessionRow {
  return {
    tenant, session_id: randomUUID(), version: 1, started_at: startMs, flow: 'clinic', flow_version: 1, language: 'en',
    segment: 'first_time', client: tenant, state: 'in_progress', stage: 1, engaged_ms: 0,
    recommendations_generated_ms: 0, approval_decision_ms: 0,
    completed_ms: 0, abandoned_ms: 0, ended_ms: 0, last_question: '', answers: 0, repeats: 0,
    errors: 0, user_key: 'k', origin: 'workflow', device: 'unknown', closed_answers: {}, trail: '', trail_ms: [], questions: [],
    question_ms: [], question_repeats: [], last_ms: 0, is_deleted: 0, ...more,
  };
}

/** Reaches each stage at the given minutes after the start; the number of minutes says how far it came. */
function reached(tenant: string, minutes: readonly number[], more: Partial<SessionRow> = {}): SessionRow {
  const at = (index: number): number => (minutes[index] ?? 0) * minuteMs;
  return session(tenant, {
    stage: (minutes.length + 1) as StageNumber, engaged_ms: at(0), recommendations_generated_ms: at(1),
    approval_decision_ms: at(2), completed_ms: at(3), state: minutes.length === 4 ? 'completed' : 'in_progress',
    ...more,
  });
}

/** The definitions of docs/ written down plainly, over rows in memory. */
function plainFunnel(rows: readonly SessionRow[], filters: SessionFilters): Record<string, unknown> {
  const newest = new Map<string, SessionRow>();
  for (const row of rows) {
    const key = `${row.tenant} ${row.session_id} ${row.started_at}`;
    if (row.version >= (newest.get(key)?.version ?? 0)) newest.set(key, row);
  }
  const cohort = [...newest.values()].filter((row) =>
    row.is_deleted === 0 && row.tenant === filters.tenant
    && row.started_at >= filters.startMs && row.started_at < filters.endMs
    && (['flow', 'language', 'segment'] as const).every((name) => [undefined, row[name]].includes(filters[name])));
  const steps = cohort.map((row) => [
    0, row.engaged_ms, row.recommendations_generated_ms, row.approval_decision_ms, row.completed_ms,
  ].slice(0, row.stage));
  const gone = (row: SessionRow): boolean =>
    row.abandoned_ms > 0 || ['completed', 'cancelled', 'error'].includes(row.state);
  const stayed = (index: number, left: boolean): number =>
    index === 4 ? 0 : cohort.filter((row) => row.stage === index + 1 && gone(row) === left).length;
  const times = stages.map((_, index) => steps.flatMap((step) => {
    const [from, to] = [step[index], step[index + 1]];
    return from === undefined || to === undefined ? [] : [(to - from) / minuteMs];
  }));
  const completions = steps.flatMap((step) => step[4] === undefined ? [] : [step[4] / minuteMs]);
  return {
    total: cohort.length, completed: completions.length,
    counts: stages.map((_, index) => cohort.filter((row) => row.stage > index).length),
    dropped: stages.map((_, index) => stayed(index, true)), open: stages.map((_, index) => stayed(index, false)),
    mean: times.map((all) => mean(all)), median: times.map((all) => quantile(all, 0.5)),
    p90: times.map((all) => quantile(all, 0.9)),
    completionMean: mean(completions), completionMedian: quantile(completions, 0.5),
  };
}

function mean(values: readonly number[]): unknown {
  return values.length === 0 ? null : near(values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** Linear between the two nearest, as R's type 7 and spreadsheets do. */
function quantile(values: readonly number[], level: number): unknown {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * level;
  const [low = 0, high = 0] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return near(low + (high - low) * (place - Math.floor(place)));
}

const near = (value: number): unknown => expect.closeTo(value, 2);

/** A report in the terms of the plain implementation. */
function summary(report: FunnelReport): Record<string, unknown> {
  const of = (name: keyof FunnelStage): readonly unknown[] => report.stages.map((stage) => stage[name]);
  return {
    total: report.total_sessions, completed: report.completed_sessions, counts: of('count'), dropped: of('dropped'),
    open: of('still_open'), mean: of('avg_time_to_next_minutes'), median: of('median_time_to_next_minutes'),
    p90: of('p90_time_to_next_minutes'), completionMean: report.avg_completion_time_minutes,
    completionMedian: report.median_completion_time_minutes,
  };
}

function assertConsistent(report: FunnelReport): void {
  report.stages.forEach((stage, index) => {
    // Behind the last stage come those who completed.
    const next = report.stages[index + 1]?.count ?? report.completed_sessions;
    expect(stage.count).toBe(stage.dropped + stage.still_open + next);
    expect(next).toBeLessThanOrEqual(stage.count);
    const rates = [stage.conversion_rate, stage.conversion_from_start, stage.drop_off_rate];
    // a rate of 0 of 0 is null
    for (const rate of [...rates, ...stage.confidence_interval].filter((each) => each !== null)) {
      expect(rate).toBeGreaterThanOrEqual(0);
      expect(rate).toBeLessThanOrEqual(1);
    }
  });
  expect(report.stages.at(-1)?.count).toBe(report.completed_sessions);
  expect(report.stages[0]?.count).toBe(report.total_sessions);
  expect(report.completed_sessions + report.abandoned_sessions + report.open_sessions).toBe(report.total_sessions);
}

describe('the query', () => {
  const offsets = fc.array(fc.integer({ min: 0, max: 100 * 86_400_000 }), { minLength: 4, maxLength: 4 });
  const version = fc.record({
    version: fc.integer({ min: 1, max: 6 }), stage: fc.integer({ min: 1, max: 5 }), steps: offsets,
    state: fc.constantFrom(...sessionStates), abandoned: fc.boolean(), deleted: fc.integer({ min: 0, max: 9 }),
  });
  const history = fc.record({
    tenant: fc.integer({ min: 0, max: 1 }), started: fc.integer({ min: startMs - 3_600_000, max: endMs + 3_600_000 }),
    flow: fc.constantFrom('clinic', "O'Brien \\"), language: fc.constantFrom('en', 'de'),
    segment: fc.constantFrom(...segments),
    versions: fc.uniqueArray(version, { minLength: 1, maxLength: 4, selector: (each) => each.version }),
  });
  const wanted = fc.record({
    flow: fc.option(fc.constantFrom('clinic', "O'Brien \\", 'none'), { nil: undefined }),
    language: fc.option(fc.constantFrom('en', 'de'), { nil: undefined }),
    segment: fc.option(fc.constantFrom(...segments), { nil: undefined }),
  });

  type History = typeof history extends fc.Arbitrary<infer H> ? H : never;

  function rowsOf(tenants: readonly string[], each: History): SessionRow[] {
    const { flow, language, segment } = each;
    const base = session(tenants[each.tenant] ?? '', { started_at: each.started, flow, language, segment });
    return each.versions.map(({ version: number, stage, steps, state, abandoned, deleted }) => {
      const at = steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, step) => sum + step, 0));
      return {
        ...base, version: number, stage: stage as StageNumber, state: stage === 5 ? 'completed' : state,
        engaged_ms: at[0] ?? 0, recommendations_generated_ms: at[1] ?? 0, approval_decision_ms: at[2] ?? 0,
        completed_ms: at[3] ?? 0, abandoned_ms: abandoned ? 7 * 86_400_000 : 0, is_deleted: deleted === 0 ? 1 : 0,
      };
    });
  }

  test('counts what the plain implementation counts, over random sessions, versions and filters', async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(history, { minLength: 0, maxLength: 60 }), wanted, fc.integer({ min: 1, max: 3 }),
      async (histories, more, batches) => {
        const tenants = [randomUUID(), randomUUID()];
        const rows = histories.flatMap((each) => rowsOf(tenants, each));
        const batch = (number: number): SessionRow[] => rows.filter((row) => row.version % batches === number);
        for (let number = batches - 1; number >= 0; number -= 1) await insert(batch(number));
        const filters = filtersOf(tenants[0] ?? '', more);
        const report = await funnel(db, filters, nowMs);
        expect(summary(report)).toEqual(plainFunnel(rows, filters));
        assertConsistent(report);
      },
    ), { numRuns: 40 });
  });

  test('an older version that arrives later does not win, before and after the engine has merged them', async () => {
    const tenant = randomUUID();
    const newer = reached(tenant, [1, 2, 3, 4], { version: 9 });
    await insert([newer]);
    await insert([{ ...newer, version: 3, stage: 2, state: 'in_progress' }]);
    for (const merge of [false, true]) {
      if (merge) await db.command('OPTIMIZE TABLE sessions FINAL');
      const report = await funnel(db, filtersOf(tenant), nowMs);
      expect([report.total_sessions, report.completed_sessions]).toEqual([1, 1]);
    }
  });

  test('the same row stored twice, as after a repeated flush, is one session', async () => {
    const tenant = randomUUID();
    const row = reached(tenant, [1]);
    await insert([row, row]);
    await insert([row]);
    expect((await funnel(db, filtersOf(tenant), nowMs)).total_sessions).toBe(1);
  });

  test('a session that an import moved to another start counts once, under the new start', async () => {
    const tenant = randomUUID();
    const first = session(tenant, { origin: 'import', started_at: startMs + 5 * 86_400_000 });
    await insert([first]);
    await insert([{ ...first, version: 2, is_deleted: 1 }, { ...first, version: 2, started_at: startMs + 10 }]);
    expect((await funnel(db, filtersOf(tenant), nowMs)).total_sessions).toBe(1);
    expect((await funnel(db, filtersOf(tenant, { endMs: startMs + 86_400_000 }), nowMs)).total_sessions).toBe(1);
  });

  test('sessions of another tenant are never counted, also with the same id and time', async () => {
    const [mine, other] = [randomUUID(), randomUUID()];
    const row = reached(mine, [1, 2]);
    await insert([row, { ...row, tenant: other, version: 5 }, session(other)]);
    expect((await funnel(db, filtersOf(mine), nowMs)).total_sessions).toBe(1);
    expect((await funnel(db, filtersOf(other), nowMs)).total_sessions).toBe(2);
    expect((await funnel(db, filtersOf(''), nowMs)).total_sessions).toBe(0);
  });

  test('the period has its first millisecond, not its last; stages reached after its end count too', async () => {
    const tenant = randomUUID();
    await insert([startMs - 1, startMs, endMs - 1, endMs].map((started_at) =>
      reached(tenant, [20_000, 30_000], { started_at })));
    const report = await funnel(db, filtersOf(tenant), nowMs);
    expect(report.stages.map(({ count }) => count)).toEqual([2, 2, 2, 0, 0]);
  });

  test('each filter narrows to its own value, and text with quotes is a value', async () => {
    const tenant = randomUUID();
    const strange = "'; DROP TABLE sessions; --\\";
    await insert([
      session(tenant), session(tenant, { flow: strange }), session(tenant, { language: 'de' }),
      session(tenant, { segment: 'returning', language: 'de' }),
    ]);
    const total = async (more: Partial<SessionFilters>): Promise<number> =>
      (await funnel(db, filtersOf(tenant, more), nowMs)).total_sessions;
    expect(await total({})).toBe(4);
    expect(await total({ flow: strange })).toBe(1);
    expect(await total({ language: 'de' })).toBe(2);
    expect(await total({ language: 'de', segment: 'returning' })).toBe(1);
    expect(await total({ flow: strange, language: 'de' })).toBe(0);
  });

  test('no value is in the text of the query', () => {
    const chosen = { flow: 'FLOW', language: 'LANG', segment: 'returning' } as const;
    const { sql, params } = stageFunnelQuery(filtersOf('TENANT', chosen), nowMs);
    expect(sql).not.toMatch(/TENANT|FLOW|LANG|returning/);
    expect(sql).not.toContain(String(startMs));
    expect(params).toEqual({ tenant: 'TENANT', start_ms: startMs, end_ms: endMs, now_ms: nowMs, ...chosen });
  });

  test('a long interval neither wraps nor loses its milliseconds', async () => {
    const tenant = randomUUID();
    const years = 40 * 365 * 86_400_000;
    await insert([reached(tenant, [0, 0, 0, 0], { started_at: 1, completed_ms: years + 1 })]);
    const report = await funnel(db, { tenant, startMs: 0, endMs: 2 }, nowMs);
    expect(report.avg_completion_time_minutes).toBe(Math.round((years + 1) / 60) / 1_000);
  });
});

describe('what the query reads', () => {
  const months = 4;
  const perMonth = 40_000;

  test('a week of one tenant reads neither the parts of other months nor other tenants and weeks', async () => {
    await db.command(`
      INSERT INTO sessions (tenant, session_id, version, started_at, state, stage, is_deleted)
      SELECT 'prune-' || toString(number % 4), generateUUIDv4(number), 1,
        fromUnixTimestamp64Milli(toInt64(
          ${Date.UTC(2025, 0, 1)} + intDiv(number, ${perMonth}) * 2678400000 + cityHash64(number) % 2400000000)),
        'in_progress', 1, 0
      FROM numbers(${months * perMonth})`);
    await db.command('OPTIMIZE TABLE sessions FINAL');
    const { sql, params } = stageFunnelQuery({
      tenant: 'prune-1', startMs: Date.UTC(2025, 1, 1), endMs: Date.UTC(2025, 1, 8),
    }, nowMs);
    const lines = await db.query<{ explain: string }>({ sql: `EXPLAIN indexes = 1\n${sql}`, params });
    const plan = lines.map(({ explain }) => explain).join('\n');
    const ratio = (kind: string): readonly number[] => {
      const match = new RegExp(`${kind}\\s[\\s\\S]*?Parts: (\\d+)/(\\d+)\\s+Granules: (\\d+)/(\\d+)`).exec(plan);
      return (match ?? []).slice(1).map(Number);
    };
    const [parts = 9, allParts = 0] = ratio('Min-?Max');
    expect(plan).toMatch(/PrimaryKey\s+Keys:\s+tenant\s+toStartOfHour\(started_at\)/);
    expect(parts).toBe(1);
    expect(allParts).toBeGreaterThanOrEqual(months);
    const [, , granules = 9, allGranules = 0] = ratio('PrimaryKey');
    expect(granules).toBeLessThan(allGranules / 2);
  });
});

describe('the report', () => {
  const scenario = async (rows: (tenant: string) => readonly SessionRow[]): Promise<FunnelReport> => {
    const tenant = randomUUID();
    await insert(rows(tenant));
    return funnel(db, filtersOf(tenant), nowMs);
  };

  test('an empty cohort holds zeros and nulls, no NaN', async () => {
    const report = await scenario(() => []);
    expect(report).toMatchObject({
      total_sessions: 0, completed_sessions: 0, abandoned_sessions: 0, open_sessions: 0, overall_conversion_rate: null,
      overall_conversion_interval: [0, 1], avg_completion_time_minutes: null, median_completion_time_minutes: null,
      top_drop_off_points: [],
    });
    expect(report.stages.map(({ name }) => name)).toEqual([...stages]);
    for (const stage of report.stages) {
      expect(stage).toMatchObject({
        count: 0, conversion_rate: null, conversion_from_start: null, drop_off_rate: null, dropped: 0, still_open: 0,
        confidence_interval: [0, 1], avg_time_to_next_minutes: null, median_time_to_next_minutes: null,
        p90_time_to_next_minutes: null,
      });
    }
    expect(JSON.stringify(report)).not.toMatch(/NaN|Infinity/);
  });

  test('one person who came to the second stage is 100 % of it and 0 % of the last', async () => {
    const report = await scenario((tenant) => [reached(tenant, [3])]);
    expect(report.stages.map(({ conversion_rate: rate }) => rate)).toEqual([1, 1, 0, null, null]);
    expect(report.overall_conversion_rate).toBe(0);
    expect(report.stages[0]).toMatchObject({ avg_time_to_next_minutes: 3, median_time_to_next_minutes: 3 });
    expect(report.stages[1]?.confidence_interval[0]).toBeCloseTo(0.2065, 4);
  });

  test.each<[SessionStateName, number, 'dropped' | 'still_open']>([
    ['started', 0, 'still_open'], ['in_progress', 0, 'still_open'], ['generating', 0, 'still_open'],
    ['awaiting_approval', 0, 'still_open'], ['escalated', 0, 'still_open'], ['in_progress', 7, 'dropped'],
    ['escalated', 7, 'dropped'], ['cancelled', 0, 'dropped'], ['cancelled', 7, 'dropped'], ['error', 0, 'dropped'],
  ])('%s with %i idle days is %s', async (state, days, outcome) => {
    const report = await scenario((tenant) => [reached(tenant, [1], { state, abandoned_ms: days * 86_400_000 })]);
    expect(report.stages[1]).toMatchObject({ dropped: 0, still_open: 0, [outcome]: 1 });
    expect(report.abandoned_sessions).toBe(outcome === 'dropped' ? 1 : 0);
    assertConsistent(report);
  });

  test('a completed session is completed, also when it had once counted as abandoned', async () => {
    const report = await scenario((tenant) => [reached(tenant, [1, 2, 3, 4], { abandoned_ms: 5 })]);
    expect(report).toMatchObject({ completed_sessions: 1, abandoned_sessions: 0, open_sessions: 0 });
  });

  test('the median of two is their middle, and means are over those who made the step', async () => {
    const report = await scenario((tenant) =>
      [[2, 4, 6, 8], [4, 10, 16, 40], []].map((minutes) => reached(tenant, minutes)));
    expect(report).toMatchObject({ avg_completion_time_minutes: 24, median_completion_time_minutes: 24 });
    expect(report.stages[1]).toMatchObject({ avg_time_to_next_minutes: 4, median_time_to_next_minutes: 4 });
    expect(report.stages[1]?.p90_time_to_next_minutes).toBeCloseTo(5.6, 9);
    expect(report.stages[4]?.avg_time_to_next_minutes).toBeNull();
  });

  test('drop-offs come worst first by rate times count, without stages that lost nobody', () => {
    const none = [null, null, null, null];
    const report = funnelReport({
      counts: [1_000, 900, 400, 390, 390], dropped: [100, 450, 10, 0, 0], still_open: [0, 50, 0, 0, 0],
      mean_ms: none, median_ms: none, p90_ms: none, completion_mean_ms: null, completion_median_ms: null,
    });
    expect(report.stages[2]?.confidence_interval).toEqual(wilson(400, 900));
    const rates = { conversion_rate: 400 / 900, conversion_from_start: 0.4, drop_off_rate: 0.025 };
    expect(report.stages[2]).toMatchObject(rates);
    expect(report.overall_conversion_interval).toEqual(wilson(390, 1_000));
    expect(report.top_drop_off_points).toEqual([{
      from_stage: 'engaged', to_stage: 'recommendations_generated',
      drop_off_count: 450, drop_off_rate: 0.5, impact_severity: 'critical',
    }, {
      from_stage: 'started', to_stage: 'engaged', drop_off_count: 100, drop_off_rate: 0.1, impact_severity: 'medium',
    }, {
      from_stage: 'recommendations_generated', to_stage: 'approval_decision',
      drop_off_count: 10, drop_off_rate: 0.025, impact_severity: 'low',
    }]);
    assertConsistent(report);
  });

  test.each([
    [1, 51, 'critical'], [1, 50, 'high'], [0.5, 42, 'high'], [0.5, 40, 'medium'], [0.1, 51, 'medium'], [0.1, 50, 'low'],
    [0, 0, 'low'],
  ])('a rate of %d over %i sessions is %s', (rate, count, severity) => {
    expect(impactSeverity(rate, count)).toBe(severity);
  });
});
