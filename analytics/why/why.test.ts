import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stages } from '../../domain/lifecycle.ts';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { dayMs } from '../../test/support/plain-sessions.ts';
import {
  anyVisit, hasLeft, plainFactors, plainFollowUp, plainQuestions, visitEvents, visitRow, type PlainVisit,
} from '../../test/support/plain-why.ts';
import { bucketsIn } from '../periods/buckets.ts';
import { periodBefore, type Period } from '../periods/period.ts';
import { tables } from '../rows.ts';
import { sessionsIn, type Selection, type SessionFilters } from '../sessions-in.ts';
import type { Comparable } from './comparable.ts';
import { comparables, type QuestionCell, type StageCell } from './comparables.ts';
import { byQuestion, countsByBucket, extremes, losingStages, timeAnalysis, totals } from './drop-off.ts';
import { errorCounts } from './error-patterns.ts';
import { factorsOf } from './factors.ts';
import { measure } from './measured.ts';
import { factorText, pairText } from '../why-selection.ts';

let db: TestClickHouse;
beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => { await db.close(); });

const startMs = Date.UTC(2026, 2, 25);
const endMs = Date.UTC(2026, 3, 1);
const beforeMs = startMs - 8 * dayMs;
/** The clocks go forward within it. */
const period: Period = { startMs, endMs, timezone: 'Europe/Berlin' };

const wanted = fc.record({
  flow: fc.option(fc.constantFrom('clinic', 'desk'), { nil: undefined }),
  flow_version: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
  language: fc.option(fc.constantFrom('en', 'de'), { nil: undefined }),
  segment: fc.option(fc.constantFrom('first_time' as const, 'returning' as const), { nil: undefined }),
  device: fc.option(fc.constantFrom('phone' as const, 'unknown' as const), { nil: undefined }),
  answer: fc.option(fc.constantFrom({ question_id: 'days', value: 'tue' }, { question_id: 'size', value: 'small' }), { nil: undefined }),
});
/** Mostly no filter, else hardly anything is left. */
const filter = fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: wanted });
const nows = fc.constantFrom(endMs, endMs - 3 * dayMs, endMs + 5 * dayMs, endMs + 60 * dayMs);
const visits = fc.array(anyVisit(beforeMs, endMs + dayMs), { minLength: 0, maxLength: 150 });

async function stored(all: readonly PlainVisit[], more: Partial<SessionFilters>): Promise<SessionFilters> {
  const tenant = randomUUID();
  const other = randomUUID();
  await db.insert(tables.sessions, [...all.map((each) => visitRow(tenant, each)), ...all.map((each) => visitRow(other, each))]);
  const events = all.flatMap((each) => visitEvents(tenant, each));
  // a flush that was repeated
  await db.insert(tables.events, [...events, ...events.slice(0, 5)]);
  return { tenant, startMs, endMs, ...more };
}

/** The plain meaning of the filters. */
function chosen(all: readonly PlainVisit[], filters: SessionFilters): readonly PlainVisit[] {
  const { flow, flow_version: version, language, segment, device, answer } = filters;
  return all.filter((visit) => visit.startedAt >= filters.startMs && visit.startedAt < filters.endMs
    && (flow === undefined || visit.flow === flow) && (version === undefined || visit.flowVersion === version)
    && (language === undefined || visit.language === language) && (segment === undefined || visit.segment === segment)
    && (device === undefined || visit.device === device)
    && (answer === undefined || visit.answers[answer.question_id]?.includes(answer.value) === true));
}

async function listed(filters: SessionFilters, now: number, selection: Selection): Promise<number> {
  const { from, params } = sessionsIn(filters, now, selection);
  const [row] = await db.query<{ n: number }>({ sql: `SELECT count() AS n FROM ${from}`, params });
  return row?.n ?? -1;
}

const runs = { numRuns: 15 };

describe('Drop-off identification', () => {
  test('buckets count what the plain implementation counts, in any zone, with what is still open apart', async () => {
    await fc.assert(fc.asyncProperty(
      visits, filter, nows, fc.constantFrom('hourly' as const, 'daily' as const, 'weekly' as const),
      fc.constantFrom('Europe/Berlin', 'Africa/Cairo', 'Australia/Lord_Howe', 'UTC'),
      async (all, more, now, granularity, timezone) => {
        const filters = await stored(all, more);
        const buckets = await countsByBucket(db, filters, bucketsIn({ ...period, timezone }, { granularity, now }), now);
        const those = chosen(all, filters);
        for (const bucket of buckets) {
          const started = those.filter(({ startedAt }) => startedAt >= bucket.startMs && startedAt < bucket.endMs);
          expect(bucket.counts).toEqual(stages.map((_, index) => started.filter(({ reached }) => reached.length >= index).length));
          expect(bucket.dropped).toEqual(losingStages.map((_, index) => (
            started.filter((visit) => visit.reached.length === index && hasLeft(visit, now)).length
          )));
          expect(bucket.open).toBe(started.filter((visit) => visit.reached.length < 4 && !hasLeft(visit, now)).length);
        }
        const lost = those.filter((visit) => hasLeft(visit, now)).length;
        expect(totals(buckets)).toEqual({ sessions: those.length, dropped: lost, rate: those.length === 0 ? null : lost / those.length });
      },
    ), runs);
  });

  test('the worst bucket is by what it lost, the best by what it would lose if all that is open left; 30 sessions, whole ones', () => {
    const bucket = (label: string, started: number, dropped: number, open: number, partial = false) => ({
      label, startMs: 0, endMs: 1, partial, counts: [started, 0, 0, 0, started - dropped - open], dropped: [dropped, 0, 0, 0], open,
    });
    const found = extremes([
      bucket('few', 29, 29, 0), bucket('cut', 100, 100, 0, true), bucket('old', 100, 40, 0), bucket('as old', 100, 40, 0),
      bucket('young', 100, 0, 90), bucket('good', 100, 20, 10),
    ]);
    expect([found.highest?.label, found.lowest?.label]).toEqual(['old', 'good']);
    expect([found.highest?.drop_off_rate, found.lowest?.drop_off_rate_at_most]).toEqual([0.4, 0.3]);
    expect(extremes([bucket('few', 29, 29, 0)])).toEqual({ highest: null, lowest: null });
  });

  test('each question has the numbers of the plain implementation, and each number its list', async () => {
    await fc.assert(fc.asyncProperty(visits, filter, nows, async (all, more, now) => {
      const filters = await stored(all, more);
      const found = await byQuestion(db, filters, all.length, now);
      const plain = plainQuestions(chosen(all, filters), now);
      expect(found.toSorted((a, b) => (a.question_id < b.question_id ? -1 : 1))).toEqual(plain);
      const [first] = found;
      if (first === undefined) return;
      const select = (outcome: Selection['outcome']) => listed(filters, now, { stage: 'started', question_id: first.question_id, outcome });
      expect(await Promise.all([select('shown'), select('answered'), select('left'), select('repeated'), select('past')]))
        .toEqual([first.shown, first.answered, first.dropped, first.repeated, first.shown - first.dropped]);
    }), runs);
  });

  test('a median over more than a million sessions comes from every n-th one, and still lies where it is', async () => {
    const all = fc.sample(anyVisit(startMs, endMs), { numRuns: 1_500, seed: 7 });
    const filters = await stored(all, {});
    const [exact, sampled] = await Promise.all([byQuestion(db, filters, 1, endMs), byQuestion(db, filters, 2_000_000, endMs)]);
    const counts = (some: typeof exact) => some.map((each) => [each.question_id, each.shown, each.answered, each.dropped, each.repeated]);
    expect(counts(sampled)).toEqual(counts(exact));
    expect(sampled.map(({ median_seconds: median }) => median)).not.toEqual(exact.map(({ median_seconds: median }) => median));
    for (const { median_seconds: median } of sampled) expect(median).toBeGreaterThan(0);
  });

  test('refusals and parked tasks are counted once however often they were stored, and only those of the sessions asked for', async () => {
    await fc.assert(fc.asyncProperty(visits, filter, nows, async (all, more, now) => {
      const filters = await stored(all, more);
      const met = chosen(all, filters).flatMap((visit) => [
        ...visit.questions.flatMap(({ id, refused }) => refused.map((code) => ({ kind: 'refusal', place: id, code, id: visit.id }))),
        ...visit.parked.map(({ step, category }) => ({ kind: 'parked_task', place: step, code: category, id: visit.id })),
      ]);
      const plain = [...Map.groupBy(met, ({ kind, place, code }) => JSON.stringify({ kind, place, code }))].map(([key, some]) => ({
        ...JSON.parse(key) as object, occurrences: some.length, sessions: new Set(some.map(({ id }) => id)).size,
      }));
      const found = await errorCounts(db, filters, now);
      expect(new Set(found.map((each) => JSON.stringify(each)))).toEqual(new Set(plain.map((each) => JSON.stringify(each))));
      for (const { kind, place, code, sessions } of found.slice(0, 2)) {
        const text = pairText(place, code);
        expect(await listed(filters, now, kind === 'refusal' ? { refused: text } : { parked: text })).toBe(sessions);
      }
    }), runs);
  });

  test('times to the end and to the last that happened are counted by fixed bands, and each number has its list', async () => {
    await fc.assert(fc.asyncProperty(visits, filter, nows, async (all, more, now) => {
      const filters = await stored(all, more);
      const those = chosen(all, filters);
      const bands = await timeAnalysis(db, filters, now);
      expect(bands.map(({ from_minutes: from }) => from)).toEqual([0, 1, 5, 15, 30, 60, 1_440]);
      for (const { from_minutes: from, to_minutes: to, completed, dropped } of bands) {
        const within = (ms: number | undefined): boolean => ms !== undefined && ms >= from * 60_000 && ms < (to ?? Infinity) * 60_000;
        expect(completed).toBe(those.filter(({ reached }) => within(reached[3])).length);
        expect(dropped).toBe(those.filter((visit) => hasLeft(visit, now) && within(visit.lastMs)).length);
        const range = { minutes_from: from, ...(to === null ? {} : { minutes_to: to }) };
        expect(await listed(filters, now, { outcome: 'completed', ...range })).toBe(completed);
        expect(await listed(filters, now, { outcome: 'dropped', ...range })).toBe(dropped);
      }
    }), { numRuns: 6 });
  });
});

describe('what is compared', () => {
  test('each factor has the counts of the plain implementation at the follow-up, and its list has as many', async () => {
    await fc.assert(fc.asyncProperty(visits, filter, nows, async (all, more, now) => {
      const filters = await stored(all, more);
      const measured = await measure(db, filters, period, now);
      const { previous, current, withinMs, old } = plainly(all, filters, now);
      expect(measured.followUpSeconds * 1_000).toBe(withinMs);
      expect([measured.sessions, measured.excludedYoung]).toEqual([old(current).length, current.length - old(current).length]);
      expect(previous.length).toBe(chosen(all, { ...filters, startMs: periodBefore(period, 'previous').startMs, endMs: startMs }).length);
      const plain = plainFactors(old(current), withinMs);
      for (const factor of measured.factors) {
        expect({ name: factorText(factor), with: factor.with, without: factor.without })
          .toEqual(plain.find(({ name }) => name === factorText(factor)));
      }
      // none is left out but where nobody has it or it is the mirror of another
      const named = new Set(measured.factors.map(factorText));
      for (const { name, with: { n }, without } of plain) {
        const mirror = plain.some((other) => other.name.slice(0, other.name.lastIndexOf(':')) === name.slice(0, name.lastIndexOf(':'))
          && other.name > name && other.with.n === without.n && other.without.n === n);
        if (n > 0 && !mirror) expect([name, named.has(name)]).toEqual([name, true]);
      }
      for (const factor of factorsOf(measured.factors).slice(0, 3)) await expectLists(factor, measured.followed, withinMs, now);
      for (const factor of measured.factors.slice(0, 2)) await expectLists(factor, measured.followed, withinMs, now);
    }), runs);
  });

  async function expectLists(
    factor: Parameters<typeof factorText>[0] & { with: { n: number; successes: number }; without: { n: number; successes: number } },
    followed: SessionFilters, withinMs: number, now: number,
  ): Promise<void> {
    for (const side of ['with', 'without'] as const) {
      const selection = { factor: factorText(factor), factor_side: side };
      const finished = { ...selection, stage: 'completed', within_seconds: withinMs / 1_000 } as const;
      const lists = [await listed(followed, now, selection), await listed(followed, now, finished)];
      expect(lists).toEqual([factor[side].n, factor[side].successes]);
    }
  }

  test('each pair of groups has the counts of the plain implementation at the follow-up', async () => {
    await fc.assert(fc.asyncProperty(visits, filter, nows, async (all, more, now) => {
      const filters = await stored(all, more);
      const { stageCells, questionCells, factors } = await measure(db, filters, period, now);
      const { previous, current, withinMs, old } = plainly(all, filters, now);
      for (const compared of comparables(stageCells, questionCells, factors)) {
        if (compared.place.at === 'finish') continue;
        for (const { label, arm } of [compared.one, compared.other]) {
          const group = old(compared.by === 'previous_period' && label === 'previous' ? previous : current).filter((visit) => (
            (compared.flow === null || visit.flow === compared.flow) && belongs(compared, label, visit)
          ));
          expect([compared, arm]).toEqual([compared, plainArm(compared, group, withinMs, now)]);
        }
      }
      const flows = new Set(old(current).map(({ flow }) => flow)).size;
      const byFlow = comparables(stageCells, [], []).filter(({ by }) => by === 'flow');
      expect(byFlow.length).toBe(flows === 2 ? 4 : 0);
    }), runs);
  });

  function belongs({ by }: Comparable, label: string, visit: PlainVisit): boolean {
    if (by === 'flow_version') return String(visit.flowVersion) === label;
    return by === 'previous_period' || (by === 'flow' || by === 'language' || by === 'device' ? visit[by] === label : false);
  }

  function plainArm({ place }: Comparable, group: readonly PlainVisit[], withinMs: number, now: number) {
    if (place.at === 'question') {
      const shown = group.filter(({ questions }) => questions.some(({ id }) => id === place.question_id));
      const left = shown.filter((visit) => hasLeft(visit, now) && visit.questions.at(-1)?.id === place.question_id
        && visit.questions.at(-1)?.ms === null);
      return { n: shown.length, successes: shown.length - left.length };
    }
    const step = place.at === 'step' ? stages.indexOf(place.from_stage) : 0;
    const came = (visit: PlainVisit, stage: number): boolean => stage === 0 || (visit.reached[stage - 1] ?? Infinity) <= withinMs;
    return { n: group.filter((visit) => came(visit, step)).length, successes: group.filter((visit) => came(visit, step + 1)).length };
  }

  function plainly(all: readonly PlainVisit[], filters: SessionFilters, now: number) {
    const current = chosen(all, filters);
    const previous = chosen(all, { ...filters, startMs: periodBefore(period, 'previous').startMs, endMs: startMs });
    const withinMs = plainFollowUp(previous, current);
    const old = (some: readonly PlainVisit[]) => some.filter(({ startedAt }) => startedAt <= now - withinMs);
    return { current, previous, withinMs, old };
  }

  test('of nothing nothing is compared', () => {
    expect(comparables([] as readonly StageCell[], [] as readonly QuestionCell[], [])).toEqual([]);
  });
});
