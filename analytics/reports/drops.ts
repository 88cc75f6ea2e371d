/**
 * Steps of flows that fewer people make than before: the last day that is over, and has had its time, against the same weekday of the
 * four weeks before. Of all tenants at once, for the service itself: nobody is answered from here.
 *
 * Equal maturity: on both sides counts what a session did within the follow-up of its own start. The follow-up is what nine of ten
 * needed to complete, an hour to seven days, by whole hours; the day that is judged ended at least so long ago. Days are UTC.
 */
import { stages, type StageName } from '../../domain/lifecycle.ts';
import type { JudgedStep, StepVerdict } from '../../domain/conversion-watch.ts';
import type { ClickHouse, Statement } from '../../stores/clickhouse/client.ts';
import { longestFollowUpMs, shortestFollowUpMs } from './followed.ts';
import { stageNumbers } from '../rows.ts';
import { benjaminiHochberg, type Arm } from '../statistics/proportions.ts';
import { leastPerArm, testArms } from '../statistics/two-arms.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const weeks = 4;
/** Adjusted for all steps that were tested in the tenant. */
const lowBelow = 0.01;
/** Unadjusted: what is not lower by this either is well again. */
const fineFrom = 0.05;
/** Tenants and flows looked at in one round; the largest first. */
const flowsMax = 10_000;

/** A flow, and how long its sessions are given. */
interface FlowTime { readonly tenant: string; readonly flow: string; readonly followUpMs: number }

export interface DayCounts {
  readonly tenant: string;
  readonly flow: string;
  /** Sessions of the day, and of the four days, that reached each stage within the follow-up; an entry a stage. */
  readonly day: readonly number[];
  readonly before: readonly number[];
}

/** Start of the day that is judged, epoch milliseconds. */
export function judgedDay(now: number, followUpMs: number): number {
  return Math.floor((now - followUpMs) / dayMs) * dayMs - dayMs;
}

/** Of sessions that began 7 to 35 days ago: all of them have had the longest follow-up. */
export function flowTimesQuery(now: number): Statement {
  return {
    sql: `SELECT tenant, flow, quantileExactInclusiveIf(0.9)(completed_ms, stage >= ${stageNumbers.completed}) AS p90_ms
FROM sessions FINAL
WHERE started_at >= fromUnixTimestamp64Milli({start_ms:Int64}) AND started_at < fromUnixTimestamp64Milli({end_ms:Int64}) AND stage >= 1
GROUP BY tenant, flow
ORDER BY count() DESC LIMIT ${flowsMax}`,
    params: { start_ms: now - longestFollowUpMs - weeks * 7 * dayMs, end_ms: now - longestFollowUpMs },
  };
}

/** Counts of all tenants by flow. `dayStart`: epoch milliseconds. */
export function dayCountsQuery(dayStart: number, followUpMs: number): Statement {
  const reached = (stage: StageName): string => (
    `stage >= ${stageNumbers[stage]}${stage === 'started' ? '' : ` AND ${stage}_ms <= {follow_up_ms:UInt64}`}`
  );
  const counts = (side: string): string => `[${stages.map((stage) => `countIf(${side} AND ${reached(stage)})`).join(', ')}]`;
  return {
    sql: `SELECT tenant, flow, ${counts('in_day')} AS day, ${counts('NOT in_day')} AS before
FROM (
  SELECT tenant, flow, stage, ${stages.slice(1).map((stage) => `${stage}_ms`).join(', ')},
    started_at >= fromUnixTimestamp64Milli({day_ms:Int64}) AS in_day
  FROM sessions FINAL
  WHERE started_at >= fromUnixTimestamp64Milli({day_ms:Int64}) - INTERVAL ${weeks * 7} DAY
    AND started_at < fromUnixTimestamp64Milli({day_ms:Int64}) + INTERVAL 1 DAY AND stage >= 1
    AND (toUnixTimestamp64Milli(started_at) - {day_ms:Int64} + ${weeks * 7 * dayMs}) % ${7 * dayMs} < ${dayMs})
GROUP BY tenant, flow`,
    params: { day_ms: dayStart, follow_up_ms: followUpMs },
  };
}

/** `knownThrough`: up to when everything of the tenant is stored, epoch ms; a day that is not all there is not judged. */
export async function judgedSteps(
  db: ClickHouse, now: number, knownThrough: (tenant: string) => Promise<number>,
): Promise<readonly JudgedStep[]> {
  const times = (await db.query<{ tenant: string; flow: string; p90_ms: number | null }>(flowTimesQuery(now), { maxSeconds: 60 })).map(
    ({ tenant, flow, p90_ms: p90 }): FlowTime => ({ tenant, flow, followUpMs: byHours(p90) }),
  );
  const steps: Tested[] = [];
  for (const [followUpMs, flows] of Map.groupBy(times, (time) => time.followUpMs)) {
    const dayStart = judgedDay(now, followUpMs);
    const wanted = new Set(flows.map(({ tenant, flow }) => JSON.stringify([tenant, flow])));
    const rows = await db.query<DayCounts>(dayCountsQuery(dayStart, followUpMs), { maxSeconds: 60 });
    for (const row of rows.filter(({ tenant, flow }) => wanted.has(JSON.stringify([tenant, flow])))) {
      steps.push(...testedSteps(row, dayStart, followUpMs));
    }
  }
  const judged: JudgedStep[] = [];
  for (const [tenant, tested] of Map.groupBy(steps, (step) => step.tenant)) {
    const through = await knownThrough(tenant);
    // every flow counts for the adjustment, also one that cannot be judged yet
    judged.push(...verdicts(tested).filter(({ facts }) => through >= Date.parse(facts.day) + dayMs + facts.follow_up_seconds * 1_000));
  }
  return judged;
}

/** A step that can be tested: enough people stood before it on both sides. */
export interface Tested {
  readonly tenant: string;
  readonly flow: string;
  readonly to: StageName;
  readonly from: StageName;
  readonly day: Arm;
  readonly before: Arm;
  readonly dayStart: number;
  readonly followUpMs: number;
}

export function testedSteps({ tenant, flow, day, before }: DayCounts, dayStart: number, followUpMs: number): readonly Tested[] {
  return stages.slice(1).flatMap((to, index): Tested[] => {
    const from = stages[index];
    const arm = (counts: readonly number[]): Arm => ({ successes: counts[index + 1] ?? 0, n: counts[index] ?? 0 });
    const step = { day: arm(day), before: arm(before) };
    if (from === undefined || Math.min(step.day.n, step.before.n) < leastPerArm) return [];
    return [{ tenant, flow, from, to, ...step, dayStart, followUpMs }];
  });
}

/** Of the steps of one tenant. */
export function verdicts(steps: readonly Tested[]): readonly JudgedStep[] {
  const tests = steps.map(({ day, before }) => testArms(day, before));
  const adjusted = benjaminiHochberg(tests.map(({ p }) => p));
  return steps.map(({ tenant, flow, from, to, day, before, dayStart, followUpMs }, index) => {
    const { p, difference } = tests[index] ?? { p: 1, difference: null };
    const p_adjusted = adjusted[index] ?? 1;
    return {
      tenant, key: `${flow}:${to}`, verdict: verdictOf(difference ?? 0, p, p_adjusted),
      facts: {
        flow, from_stage: from, to_stage: to, day: new Date(dayStart).toISOString(), timezone: 'UTC', rate: day.successes / day.n,
        sessions: day.n, rate_before: before.successes / before.n, sessions_before: before.n, p_adjusted,
        follow_up_seconds: followUpMs / 1_000,
      },
    };
  });
}

function verdictOf(difference: number, p: number, adjusted: number): StepVerdict {
  if (difference >= 0 || p >= fineFrom) return 'fine';
  return adjusted < lowBelow ? 'low' : 'between';
}

function byHours(p90Ms: number | null): number {
  return Math.min(longestFollowUpMs, Math.max(shortestFollowUpMs, Math.ceil((p90Ms ?? 0) / hourMs) * hourMs));
}
