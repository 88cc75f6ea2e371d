/**
 * Times until something happens, where some are still open and a second kind of end (leaving) makes the first impossible: Aalen and
 * Johansen. Where nobody leaves it is one less what Kaplan and Meier say; Kaplan-Meier with leavers kept at risk for ever is neither.
 */
import { z95, type Interval } from './proportions.ts';

/** What happened at one time, in any unit. Open = seen until then, not beyond (censored). At one time open ones count as still at risk. */
export interface Ends {
  readonly time: number;
  readonly completed: number;
  /** By the end that makes completing impossible. */
  readonly left: number;
  readonly open: number;
}

export interface Step {
  readonly time: number;
  /** Share that has completed. */
  readonly share: number;
  readonly standardError: number;
  /** 95 %, log(-log). */
  readonly band: Interval;
}

export interface Curve {
  /** At each time at which the share changes, ascending. */
  readonly steps: readonly Step[];
  /** First time at which half have; null: not reached. */
  readonly median: number | null;
  /** Where the band holds one half; null: no such time was seen. */
  readonly medianInterval: readonly [number | null, number | null];
  /** Up to where the curve is known: beyond the longest time seen nothing is, unless nobody was open there. */
  readonly knownUntil: number;
}

/**
 * Share that has completed, with leaving as the competing end. Error by the delta method, which is Greenwood's where nobody leaves
 * (Marubini and Valsecchi, Analysing Survival Data, 10.2).
 */
export function aalenJohansen(ends: readonly Ends[]): Curve {
  const times = atEachTime(ends);
  const steps: Step[] = [];
  let survival = 1;
  let share = 0;
  const sums = { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0 };
  walk(times, ({ time, completed, left }, atRisk) => {
    const ended = completed + left;
    if (ended === 0) return;
    const hazard = completed / atRisk;
    share += survival * hazard;
    // All end here: nothing comes after, and the first three sums only weigh what comes after.
    const all = ended === atRisk ? 0 : ended / (atRisk * (atRisk - ended));
    const term = (survival * completed) / (atRisk * atRisk);
    sums.a += all;
    sums.b += share * all;
    sums.c += share * share * all;
    sums.d += (survival * survival * completed * (atRisk - completed)) / atRisk ** 3;
    sums.e += term;
    sums.f += share * term;
    survival *= 1 - ended / atRisk;
    if (completed === 0) return;
    const variance = share * share * sums.a - 2 * share * sums.b + sums.c + sums.d - 2 * (share * sums.e - sums.f);
    const standardError = Math.sqrt(Math.max(0, variance));
    steps.push({ time, share, standardError, band: logLog(share, standardError) });
  });
  const first = (value: (step: Step) => number): number | null => steps.find((step) => value(step) >= half - rounding)?.time ?? null;
  return {
    steps, median: first((step) => step.share), knownUntil: knownUntil(times),
    medianInterval: [first(({ band }) => band[1]), first(({ band }) => band[0])],
  };
}

/** The curve at a time; null where it is not known. `before` is its value before the first step. */
export function shareAt(curve: Curve, time: number, before: number): number | null {
  if (time > curve.knownUntil) return null;
  const at = curve.steps.findLast((step) => step.time <= time);
  return at?.share ?? before;
}

const half = 0.5;
/** Products and sums of shares miss one half by some 1e-16. */
const rounding = 1e-12;

/** With how many were at risk just before each time. */
function walk(times: readonly Ends[], visit: (at: Ends, atRisk: number) => void): void {
  let atRisk = times.reduce((total, { completed, left, open }) => total + completed + left + open, 0);
  for (const at of times) {
    visit(at, atRisk);
    atRisk -= at.completed + at.left + at.open;
  }
}

/** Each time once, ascending. */
function atEachTime(ends: readonly Ends[]): readonly Ends[] {
  const sorted = ends.toSorted((a, b) => a.time - b.time);
  const merged: Ends[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last?.time !== next.time) merged.push(next);
    else {
      merged[merged.length - 1] = {
        time: next.time, completed: last.completed + next.completed, left: last.left + next.left, open: last.open + next.open,
      };
    }
  }
  return merged;
}

function knownUntil(times: readonly Ends[]): number {
  const last = times.at(-1);
  if (last === undefined) return -Infinity;
  return last.open === 0 ? Infinity : last.time;
}

/** 95 % band of a share by log(-log), within 0..1 by itself. At 0 and 1 there is none but the share. */
export function logLog(share: number, standardError: number): Interval {
  if (share <= 0 || share >= 1 || standardError === 0) return [share, share];
  const inner = Math.log(-Math.log(share));
  const spread = (z95 * standardError) / (share * Math.abs(Math.log(share)));
  return [Math.exp(-Math.exp(inner + spread)), Math.exp(-Math.exp(inner - spread))];
}
