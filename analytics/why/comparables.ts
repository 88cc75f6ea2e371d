/** Which groups of sessions are compared: by flow, version, language and device, and with the period before. */
import { stages } from '../../domain/lifecycle.ts';
import { sum, type Arm } from '../statistics/proportions.ts';
import type { Comparable, ComparedBy, Group, Place } from './comparable.ts';
import type { FactorCounts } from './factors.ts';

/** Sessions that are alike in all of this. */
export interface Cell {
  readonly flow: string;
  readonly flow_version: number;
  readonly language: string;
  readonly device: string;
  readonly sessions: number;
}

/** As they stood at the follow-up time. */
export interface StageCell extends Cell {
  readonly period: 'this' | 'previous';
  /** 1 to 5, or to how many steps there are. */
  readonly stage: number;
}

/** Sessions that were shown a question, and how many of them left there. */
export interface QuestionCell extends Cell {
  readonly question_id: string;
  readonly dropped: number;
}

/** Of a dimension with more values the largest are compared. */
const mostValues = 10;
/** What says that nothing is known is no group of its own. */
const unknown: ReadonlySet<string> = new Set(['', 'unknown']);

export function comparables(
  stageCells: readonly StageCell[], questionCells: readonly QuestionCell[], factors: readonly FactorCounts[],
): readonly Comparable[] {
  return [...stepComparables(stageCells, betweenStages), ...questionComparables(questionCells), ...factorComparables(factors)];
}

/** Of a funnel of one's own: its questions and what goes with finishing are of the stages. */
export function ownComparables(cells: readonly StageCell[], names: readonly string[]): readonly Comparable[] {
  return stepComparables(cells, names.slice(0, -1).flatMap((from_stage, index) => {
    const to_stage = names[index + 1];
    return to_stage === undefined ? [] : [{ at: 'own_step', from_stage, to_stage, step: index + 1 }];
  }));
}

const betweenStages: readonly Place[] = stages.slice(0, -1).flatMap((from_stage, index) => {
  const to_stage = stages[index + 1];
  return to_stage === undefined ? [] : [{ at: 'step', from_stage, to_stage }];
});

/** `places`: from the first step to the second, from that to the third, and so on. */
function stepComparables(cells: readonly StageCell[], places: readonly Place[]): readonly Comparable[] {
  const stepPairs = (by: ComparedBy, flow: string | null, values: ReadonlyMap<string, readonly StageCell[]>): readonly Comparable[] =>
    places.flatMap((place, index) => pairs(by, place, flow, largest(values).map(([label, all]) => (
      { label, arm: { n: reached(all, index + 1), successes: reached(all, index + 2) } }
    ))));
  const flows = grouped(cells, ({ flow }) => flow);
  // within one flow: two languages that are asked in different flows would be compared by their flows
  const withinFlows = [...flows].flatMap(([flow, all]) => {
    const now = all.filter(({ period }) => period === 'this');
    return [
      ...stepPairs('language', flow, grouped(now, ({ language }) => language)),
      ...stepPairs('device', flow, grouped(now, ({ device }) => device)),
      ...stepPairs('flow_version', flow, grouped(now, (cell) => String(cell.flow_version))),
      ...stepPairs('previous_period', flow, grouped(all, ({ period }) => period)),
    ];
  });
  // of one flow alone the whole says the same as the flow
  const whole = flows.size > 1 ? stepPairs('previous_period', null, grouped(cells, ({ period }) => period)) : [];
  const now = cells.filter(({ period }) => period === 'this');
  return [...stepPairs('flow', null, grouped(now, ({ flow }) => flow)), ...withinFlows, ...whole];
}

function reached(cells: readonly StageCell[], stage: number): number {
  return sum(cells.filter((cell) => cell.stage >= stage), sessionsOf);
}

function questionComparables(cells: readonly QuestionCell[]): readonly Comparable[] {
  const questions = grouped(cells, ({ flow, question_id }) => JSON.stringify([flow, question_id]));
  return [...questions.values()].flatMap((all) => {
    const [{ flow, question_id } = { flow: '', question_id: '' }] = all;
    return (['language', 'device'] as const).flatMap((by) => pairs(by, { at: 'question', question_id }, flow,
      largest(grouped(all, (cell) => cell[by])).map(([label, some]) => {
        const n = sum(some, sessionsOf);
        return { label, arm: { n, successes: n - some.reduce((total, { dropped }) => total + dropped, 0) } };
      })));
  });
}

/** Answers, devices and the like go with finishing too, but nobody can change them. */
function factorComparables(factors: readonly FactorCounts[]): readonly Comparable[] {
  return factors.flatMap((factor) => {
    const { kind } = factor;
    if (kind !== 'repeat' && kind !== 'refusal' && kind !== 'error') return [];
    const group = (label: string, arm: Arm): Group => ({ label, arm });
    return [{
      by: kind, place: { at: 'finish' }, flow: null, factor, one: group('with', factor.with), other: group('without', factor.without),
    } satisfies Comparable];
  });
}

function pairs(by: ComparedBy, place: Place, flow: string | null, groups: readonly Group[]): readonly Comparable[] {
  return groups.flatMap((one, index) => groups.slice(index + 1).map((other) => ({ by, place, flow, factor: null, one, other })));
}

function largest<C extends Cell>(values: ReadonlyMap<string, readonly C[]>): readonly (readonly [string, readonly C[]])[] {
  return [...values].filter(([label]) => !unknown.has(label))
    .toSorted(([a, some], [b, others]) => sum(others, sessionsOf) - sum(some, sessionsOf) || (a < b ? -1 : 1)).slice(0, mostValues);
}

function grouped<C>(cells: readonly C[], by: (cell: C) => string): ReadonlyMap<string, readonly C[]> {
  return Map.groupBy(cells, by);
}

const sessionsOf = ({ sessions }: Cell): number => sessions;
