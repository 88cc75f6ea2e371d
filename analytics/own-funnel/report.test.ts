import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainCohort, plainFunnelComparison, type PlainResult, type ToldEvent } from '../../test/support/plain-funnel.ts';
import { openTold, type Told, type ToldRow } from '../../test/support/told-sessions.ts';
import { orders } from './attempt.ts';
import { cohortOf, stageCohort, TooManyHistories, type HistoryBounds } from './cohort.ts';
import { compareFunnel } from './comparison.ts';
import type { FunnelDefinition, FunnelStep } from './definition.ts';
import { edgesSeconds, ownFunnel, partsIn, timeToConvert, type OwnFunnelReport } from './report.ts';
import { ownSessions, type OwnSelection } from './sessions.ts';
import { completionTimes } from '../reports/completion.ts';
import { later, symbolOf } from '../history.ts';
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { stageFunnelQuery, funnelReport, type FunnelRow } from '../reports/funnel.ts';

const startMs = Date.UTC(2026, 2, 1);
const endMs = startMs + 20_000;
const now = startMs + 10 * 86_400_000;

let told: Told;
beforeAll(async () => { told = await openTold(); });
afterAll(async () => { await told.close(); });

const step = (event: string, more: Partial<FunnelStep> = {}): FunnelStep => ({ event, where: {}, optional: false, ...more });
const funnelOf = (steps: readonly (string | FunnelStep)[], more: Partial<FunnelDefinition> = {}): FunnelDefinition => ({
  steps: steps.map((each) => (typeof each === 'string' ? step(each) : each)), order: 'ordered', window_seconds: null, consider: null,
  with: [], without: [], ...more,
});
const event = (key: string, seconds: number, properties: ToldEvent['properties'] = {}): ToldEvent =>
  ({ key, ms: startMs + seconds * 1_000, properties });
const session = (events: readonly ToldEvent[], more: Partial<ToldRow> = {}): ToldRow => ({ events, left: false, label: 'en', ...more });
const at = (...names: string[]): ToldEvent[] => names.map((name, index) => event(name, index));

interface Asked { readonly full?: boolean; readonly bounds?: HistoryBounds; readonly from?: number; readonly until?: number }
async function report(tenant: string, definition: FunnelDefinition, asked: Asked = {}): Promise<OwnFunnelReport> {
  const filters = { tenant, startMs: asked.from ?? startMs, endMs: asked.until ?? endMs };
  const funnel = { definition, filters, now, symbols: { numbers: told.numbers, full: asked.full ?? false } };
  return ownFunnel(told.db, funnel, 'language', {}, asked.bounds);
}
async function counts(sessions: readonly ToldRow[], definition: FunnelDefinition, asked: Asked = {}): Promise<number[]> {
  return (await report(await told.store(sessions), definition, asked)).stages.map(({ count }) => count);
}

/** The ways to the same answer. */
const ways = [
  { name: 'trails', asked: {} }, { name: 'reduced trails', asked: { bounds: { trails: 0, histories: 50_000 } } },
  { name: 'events', asked: { full: true } },
] as const;

function plainReport(results: readonly PlainResult[], { steps }: FunnelDefinition): object {
  const required = steps.filter(({ optional }) => !optional).length;
  const lost = (place: number, left: boolean): number => {
    const level = steps.slice(0, place + 1).filter(({ optional }) => !optional).length;
    return steps[place]?.optional === true || level === required ? 0
      : results.filter(({ session: each, times }) => each.left === left && times.length === level).length;
  };
  const converted = results.filter(({ times }) => times.length === required).map(({ times }) =>
    ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000);
  const edges = [-Infinity, ...edgesSeconds, Infinity];
  const labels = [...new Set(results.map(({ session: each }) => each.label))];
  return {
    counts: steps.map((_, place) => results.filter(({ made }) => made[place]).length),
    dropped: steps.map((_, place) => lost(place, true)), open: steps.map((_, place) => lost(place, false)),
    histogram: edges.slice(1).map((edge, index) => converted.filter((time) => time < edge && time >= (edges[index] ?? 0)).length),
    median: quantile(converted, 0.5), p25: quantile(converted, 0.25), p90: quantile(converted, 0.9),
    means: Array.from({ length: required - 1 }, (_, index) => {
      const times = results.flatMap(({ times: all }) =>
        (all[index + 1] === undefined ? [] : [((all[index + 1] ?? 0) - (all[index] ?? 0)) / 60_000]));
      return times.length === 0 ? null : near(times.reduce((sum, time) => sum + time, 0) / times.length);
    }),
    parts: Object.fromEntries(labels.map((label) => [label, results.filter(({ session: each }) => each.label === label).length])),
  };
}

function summary({ stages, time_to_convert: convert, breakdown }: OwnFunnelReport): object {
  const required = stages.filter(({ optional }) => !optional);
  return {
    counts: stages.map(({ count }) => count), dropped: stages.map(({ dropped }) => dropped),
      open: stages.map(({ still_open }) => still_open),
    histogram: convert.counts, median: convert.median, p25: convert.p25, p90: convert.p90,
    means: required.slice(0, -1).map((stage) => stage.avg_time_to_next_minutes),
    parts: Object.fromEntries((breakdown ?? []).map(({ label, sessions }) => [label, sessions])),
  };
}

const near = (value: number): unknown => expect.closeTo(value, 2);

function quantile(values: readonly number[], level: number): unknown {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * level;
  const [low = 0, high = 0] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return near(low + (high - low) * (place - Math.floor(place)));
}

describe('a funnel of one\'s own', () => {
  const keys = ['a', 'b', 'c', 'x', 'q:1', 'q:2', 'q'];
  const anEvent = fc.record({
    key: fc.constantFrom(...keys), ms: fc.integer({ min: -4, max: 24 }).map((second) => startMs + second * 1_000),
    properties: fc.constantFrom({}, { tab: '1' }, { tab: '2', from: 'mail' }),
  });
  const aSession = fc.record({
    events: fc.array(anEvent, { minLength: 1, maxLength: 6 }), left: fc.boolean(), label: fc.constantFrom('en', 'de', 'hi'),
    hasTrail: fc.boolean(),
  });
  const names = fc.constantFrom('a', 'b', 'c', 'q', 'q:1', 'nobody');
  const aStep = fc.record({
    event: names, where: fc.option(fc.constantFrom({ tab: '1' }, { from: 'mail' }), { nil: {}, freq: 5 }),
    optional: fc.integer({ min: 0, max: 3 }).map((number) => number === 0),
  });
  const plainStep = aStep.map((each) => ({ ...each, where: {} }));
  const someNames = fc.oneof({ weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(names, { minLength: 1, maxLength: 2 }) });
  const definitions = fc.oneof({ weight: 3, arbitrary: fc.constant(plainStep) },
    { weight: 1, arbitrary: fc.constant(aStep) }).chain((each) => fc.record({
    steps: fc.array(each, { minLength: 2, maxLength: 4 }).map((steps) => steps.map((one, index) =>
      ({ ...one, optional: one.optional && index > 0 && index < steps.length - 1 }))),
    order: fc.constantFrom(...orders), window_seconds: fc.option(fc.integer({ min: 1, max: 12 }), { nil: null }),
    consider: fc.option(fc.array(names, { minLength: 1, maxLength: 2 }), { nil: null, freq: 3 }), with: someNames, without: someNames,
  })).map((definition) => (definition.order === 'strict' ? definition : { ...definition, consider: null }));

  test('counts what the plain implementation counts, by whichever way it is worked out', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    await fc.assert(fc.asyncProperty(
      fc.array(aSession, { maxLength: 60 }), fc.array(definitions, { minLength: 5, maxLength: 5 }), async (sessions, asked) => {
        const tenant = await told.store(sessions);
        for (const definition of asked) {
          const results = plainCohort(told.sessionsOf(tenant), definition, startMs, endMs);
          for (const { name, asked: way } of ways) {
            expect({ name, ...summary(await report(tenant, definition, way)) }).toEqual({ name, ...plainReport(results, definition) });
          }
        }
      },
    ), { numRuns: 5, seed, endOnFailure: true });
  });

  test.each(ways)('with a window cuts off the only attempt, and takes a later one where there is one: $name', async ({ asked }) => {
    const sessions = [
      [['a', 0], ['b', 5], ['c', 20]], [['a', 0], ['a', 9], ['b', 15], ['c', 16]], [['a', 0], ['b', 1], ['c', 2]],
      [['a', 3], ['b', 13], ['c', 14]],
    ] as const;
    const rows = sessions.map((events) => session(events.map(([key, second]) => event(key, second))));
    expect(await counts(rows, funnelOf(['a', 'b', 'c'], { window_seconds: 10 }), asked)).toEqual([4, 4, 2]);
  });

  test('is compared with another period as the plain way compares it, whatever the funnel, and with the lists of as many', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    await fc.assert(fc.asyncProperty(
      fc.array(aSession, { minLength: 20, maxLength: 80 }), fc.array(definitions, { minLength: 4, maxLength: 4 }),
      fc.integer({ min: 1, max: 30 }), async (sessions, asked, tenMinutes) => {
        // the shortest follow-up is an hour: what took a second takes ten minutes, so that it cuts
        const slow = (ms: number): number => startMs + (ms - startMs) * 600;
        const tenant = await told.store(sessions.map((each) =>
          ({ ...each, events: each.events.map((one) => ({ ...one, ms: slow(one.ms) })) })));
        const at = startMs + tenMinutes * 600_000;
        const spans = [[startMs, slow(startMs + 9_000)], [slow(startMs + 9_000), slow(endMs)]] as const;
        for (const { window_seconds: window, ...rest } of asked) {
          const definition = { ...rest, window_seconds: window === null ? null : window * 600 };
          const funnel = { definition, filters: { tenant, startMs, endMs }, now: at, symbols: { numbers: told.numbers, full: false } };
          const [before, after] = spans.map(([from, until]) => ({ filters: { tenant, startMs: from, endMs: until }, days: 1 }));
          if (before === undefined || after === undefined) throw new Error('two periods');
          const compared = await compareFunnel(told.db, funnel, before, after);
          const plain = plainFunnelComparison(told.sessionsOf(tenant), definition, spans[0], spans[1], at);
          const of = ({ total_sessions: total, followed_sessions: old, completed_sessions: done }: typeof compared.later) =>
            ({ total, followed: old, completed: done });
          expect({
            definition, followUpSeconds: compared.follow_up_seconds, earlier: of(compared.earlier), later: of(compared.later),
            stages: compared.stage_comparisons.map(({ earlier, later: newer }) => [earlier.count, newer.count]),
          }).toEqual({ definition, ...plain });
          const from = { cohort: await cohortOf(told.db, { ...funnel, filters: after.filters }), steps: definition.steps, flow: undefined };
          const places = definition.steps.flatMap(({ optional }, place) => (optional ? [] : [place + 1]));
          for (const [step, { later: newer }] of compared.stage_comparisons.entries()) {
            const { sql, params } = await ownSessions(told.db, from, {
              level: places[step] ?? null, outcome: null, cell: null, within_seconds: compared.follow_up_seconds,
              started_before_ms: at - compared.follow_up_seconds * 1_000 + 1,
            });
            const [row] = await told.db.query<{ n: number }>({ sql: `SELECT count() AS n FROM (${sql})`, params });
            expect([definition, step, row?.n]).toEqual([definition, step, newer.count]);
          }
        }
      },
    ), { numRuns: 5, seed, endOnFailure: true });
  });

  test('is compared by what the attempts up to then had made, where a later one went further', async () => {
    const minutes = (...all: readonly (readonly [string, number])[]) => all.map(([key, minute]) => event(key, minute * 60));
    const quick = Array.from({ length: 30 }, () => session(minutes(['a', 0], ['b', 1], ['c', 2])));
    const late = session(minutes(['a', 0], ['b', 10], ['a', 600], ['b', 601], ['c', 602]));
    const tenant = await told.store([...quick, late]);
    const definition = funnelOf(['a', 'b', 'c'], { window_seconds: 1_800 });
    const funnel = { definition, filters: { tenant, startMs, endMs }, now, symbols: { numbers: told.numbers, full: false } };
    const before = { tenant, startMs: startMs - 20_000, endMs: startMs };
    const compared = await compareFunnel(told.db, funnel, { filters: before, days: 1 }, { filters: funnel.filters, days: 1 });
    expect(compared.follow_up_seconds).toBe(3_600);
    expect(compared.stage_comparisons.map(({ later: newer }) => newer.count)).toEqual([31, 31, 30]);
    expect((await ownFunnel(told.db, funnel, null)).completed_sessions).toBe(31);
  });

  test('lists for each figure just the sessions that it counts, also of each part and of the rest', async () => {
    const sessions = Array.from({ length: 60 }, (_, index) => session(
      at('a', 'b', 'c').slice(0, 1 + (index % 3)).concat(index % 5 === 0 ? [event('o', 0)] : []),
      { left: index % 2 === 0, label: `l${(index * index) % 17}` },
    ));
    const tenant = await told.store(sessions);
    const definition = funnelOf(['a', step('o', { optional: true }), 'b', 'c']);
    const funnel = { definition, filters: { tenant, startMs, endMs }, now, symbols: { numbers: told.numbers, full: false } };
    const from = { cohort: await cohortOf(told.db, funnel), steps: definition.steps, flow: undefined };
    const listed = async (selection: Partial<OwnSelection>): Promise<number> => {
      const { sql, params } = await ownSessions(told.db, from, { level: null, outcome: null, cell: null, ...selection });
      return (await told.db.query<{ count: number }>({ sql: `SELECT uniqExact(session_id) AS count FROM (${sql})`,
        params }))[0]?.count ?? -1;
    };
    const { stages, breakdown = [], ...totals } = await report(tenant, definition);
    expect(stages.map(({ count }) => count)).toEqual([60, 12, 40, 20]);
    expect(breakdown.filter(({ is_other: other }) => other)).toHaveLength(Number(new Set(sessions.map(({ label }) => label)).size > 10));
    expect([await listed({}), await listed({ outcome: 'completed' }), await listed({ outcome: 'dropped' }),
      await listed({ outcome: 'still_open' })])
      .toEqual([totals.total_sessions, totals.completed_sessions, totals.abandoned_sessions, totals.open_sessions]);
    for (const [index, stage] of stages.entries()) {
      expect(await listed({ level: index + 1 })).toBe(stage.count);
      expect(await listed({ level: index + 1, outcome: 'dropped' })).toBe(stage.dropped);
      expect(await listed({ level: index + 1, outcome: 'still_open' })).toBe(stage.still_open);
    }
    for (const { label, is_other: other, sessions: count, stages: ofPart } of breakdown) {
      const cell = { breakdown: 'language', part: other ? 'other' : { label } } as const;
      expect(await listed({ cell })).toBe(count);
      for (const [index, stage] of ofPart.entries()) {
        const level = [1, 3, 4][index] ?? 0;
        expect([await listed({ cell, level }), await listed({ cell, level, outcome: 'dropped' })]).toEqual([stage.count, stage.dropped]);
      }
    }
  });

  test('has every step in its stages, also those that nobody did, and parts that sum to the whole', async () => {
    const tenant = await told.store(Array.from({ length: 30 }, (_, index) => session(at('a', 'b'), { label: `l${index % 13}` })));
    const { stages, breakdown = [], total_sessions: total } = await report(tenant, funnelOf(['a', 'b', 'nobody did this', 'b']));
    expect(stages.map(({ name, count }) => [name, count])).toEqual([['a', 30], ['b', 30], ['nobody did this', 0], ['b', 0]]);
    expect(stages[3]).toMatchObject({ conversion_rate: null, confidence_interval: [0, 1], avg_time_to_next_minutes: null });
    expect(breakdown).toHaveLength(11);
    expect(breakdown.at(-1)).toMatchObject({ label: 'other', is_other: true });
    expect(breakdown.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(total);
  });

  test('names the stages of an unordered one so that they are true', async () => {
    const { stages } = await report(await told.store([session(at('b')), session(at('c', 'a'))]),
      funnelOf(['a', 'b', 'c'], { order: 'unordered' }));
    expect(stages.map(({ name, count }) => [name, count])).toEqual([['1 of 3 steps', 2], ['2 of 3 steps', 1], ['3 of 3 steps', 0]]);
  });

  test('counts later steps also after the end, and a session whose first step ever lies before the start not at all', async () => {
    const sessions = [
      session([event('a', 5), event('b', 400_000)]), session([event('a', -5), event('a', 5), event('b', 6)]),
      session([event('x', -900), event('a', 0), event('b', 1)]), session([event('a', 20), event('b', 21)]), session([event('a', 19.999)]),
      session([event('x', 1), event('a', 20), event('b', 21)]),
    ];
    expect(await counts(sessions, funnelOf(['a', 'b']))).toEqual([3, 2]);
  });

  test('that asks for a property it may be bound to anything: names and values are no text of the query', async () => {
    const strange = "') OR 1 = 1 --\\'";
    const sessions = [session([event('a', 0, { [strange]: strange }), event('b', 1)]),
      session([event('a', 0, { [strange]: 'x' }), event('b', 1)])];
    expect(await counts(sessions, funnelOf([step('a', { where: { [strange]: strange } }), 'b']))).toEqual([1, 1]);
    expect(await counts(sessions, funnelOf([step('a', { where: { missing: '' } }), strange]))).toEqual([0, 0]);
  });

  test('with more different histories than are worked out is refused, not guessed', async () => {
    const tenant = await told.store(Array.from({ length: 6 },
      (_, index) => session(at(...Array.from({ length: index + 1 }, () => 'a'), 'b'))));
    await expect(report(tenant, funnelOf(['a', 'b']), { bounds: { trails: 5, histories: 5 } })).rejects.toThrow(TooManyHistories);
    expect((await report(tenant, funnelOf(['a', 'b']), { bounds: { trails: 5, histories: 6 } })).completed_sessions).toBe(6);
  });

  test('of the five stages is the stage funnel, in every figure', async () => {
    const all = ['started', 'engaged', 'recommendations_generated', 'approval_decision', 'completed'];
    const sessions = Array.from({ length: 80 }, (_, index) => session(
      all.slice(0, 1 + (index % 5)).map((name, place) => event(name, (index % 7) + place * (1 + (index % 11)))),
        { left: index % 3 === 0, stages: true },
    ));
    const tenant = await told.store(sessions);
    const filters = { tenant, startMs, endMs };
    const [row] = await told.db.query<FunnelRow>(stageFunnelQuery(filters, now));
    const { time_to_convert: convert, breakdown: parts, cohort_analysis: _cohorts, ...own } = await report(tenant, funnelOf(all));
    expect(row).toBeDefined();
    if (row === undefined) return;
    expect(await timeToConvert(told.db, stageCohort(filters, now), 5)).toEqual(convert);
    expect(await partsIn(told.db, stageCohort(filters, now), { names: all, flow: undefined, breakdown: 'language' })).toEqual(parts);
    expect({ ...own, stages: own.stages.map(({ optional: _optional, ...stage }) => stage) }).toEqual({ ...funnelReport(row),
      ...await completionTimes(told.db, filters, now) });
    expect(own.total_sessions).toBe(80);
  });
});

test('a session that goes on while it is counted is counted as it is then', async () => {
  const tenant = await told.store([session(at('a')), session(at('a', 'c')), session(at('b', 'c'))]);
  const b = symbolOf(told.numbers.get('b') ?? 0);
  const c = symbolOf(told.numbers.get('c') ?? 0);
  let changes = 2;
  const changing: ClickHouse = {
    ...told.db,
    query: async <T>(statement: Statement, options?: QueryOptions): Promise<T[]> => {
      const rows = await told.db.query<T>(statement, options);
      // twice, right after its histories were read: it comes to one that nobody had
      if (statement.sql.includes('GROUP BY history') && changes > 0) {
        changes -= 1;
        await told.db.command(`INSERT INTO sessions SELECT * REPLACE (version + 1 AS version, concat(trail, '${later}${b}') AS trail,
          arrayPushBack(trail_ms, trail_ms[-1] + 1000) AS trail_ms, last_ms + 1000 AS last_ms)
          FROM sessions FINAL WHERE tenant = '${tenant}' AND position(trail, '${c}') = 0`);
      }
      return rows;
    },
  };
  const symbols = { numbers: told.numbers, full: false };
  const funnel = { definition: funnelOf(['a', 'b']), filters: { tenant, startMs, endMs }, now, symbols };
  expect((await ownFunnel(changing, funnel, null)).stages.map(({ count }) => count)).toEqual([2, 1]);
  expect(changes).toBe(0);
});

test('a session that goes on beyond the period between two questions counts once', async () => {
  // one goes beyond the end already, so that there is a second question; and its history is the one that the other comes to
  const beyond = session([event('a', 0), event('b', 30)]);
  const tenant = await told.store([session([event('a', 1)], { label: 'goes' }), session([event('a', 1)]), session(at('a', 'b')), beyond]);
  const b = symbolOf(told.numbers.get('b') ?? 0);
  let goes = true;
  const changing: ClickHouse = {
    ...told.db,
    query: async <T>(statement: Statement, options?: QueryOptions): Promise<T[]> => {
      const rows = await told.db.query<T>(statement, options);
      if (goes && statement.sql.includes('GROUP BY history')) {
        goes = false;
        await told.db.command(`INSERT INTO sessions SELECT * REPLACE (version + 1 AS version, concat(trail, '${later}${b}') AS trail,
          arrayPushBack(trail_ms, trail_ms[-1] + 30000) AS trail_ms, last_ms + 30000 AS last_ms)
          FROM sessions FINAL WHERE tenant = '${tenant}' AND language = 'goes'`);
      }
      return rows;
    },
  };
  const symbols = { numbers: told.numbers, full: false };
  const funnel = { definition: funnelOf(['a', 'b']), filters: { tenant, startMs, endMs }, now, symbols };
  expect((await ownFunnel(changing, funnel, null)).stages.map(({ count }) => count)).toEqual([4, 3]);
  expect(goes).toBe(false);
});
