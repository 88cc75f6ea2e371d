/** What came of a play, and what the funnel has to say of it. */
import { stages, type StageName } from '../../domain/lifecycle.ts';
import { outcomes, type Outcome } from './plan.ts';
import type { Doings, Played } from './visit.ts';

export type StageCounts = Readonly<Record<StageName, number>>;

export interface Tally {
  readonly sessions: number;
  readonly byOutcome: Readonly<Record<Outcome, number>>;
  readonly doings: Readonly<Doings>;
  /** Sessions that reached each stage. */
  readonly reached: StageCounts;
}

const proposedTo: ReadonlySet<Outcome> = new Set(['completed', 'modified', 'rejected', 'waiting']);
const decidedOn: ReadonlySet<Outcome> = new Set(['completed', 'modified', 'rejected']);
const applied: ReadonlySet<Outcome> = new Set(['completed', 'modified']);

export function tallyOf(played: readonly Played[]): Tally {
  const count = (holds: (visit: Played) => boolean): number => played.filter(holds).length;
  const sum = (name: keyof Doings): number => played.reduce((total, { doings }) => total + doings[name], 0);
  return {
    sessions: played.length,
    byOutcome: Object.fromEntries(outcomes.map((outcome) => [outcome, count((visit) => visit.outcome === outcome)])) as Record<Outcome,
    number>,
    doings: {
      answers: sum('answers'), inWords: sum('inWords'), refused: sum('refused'), amended: sum('amended'), devices: sum('devices'),
      ledBack: sum('ledBack'), files: sum('files'),
    },
    reached: {
      started: played.length, engaged: count(({ doings }) => doings.answers > 0),
      recommendations_generated: count(({ outcome }) => proposedTo.has(outcome)),
      approval_decision: count(({ outcome }) => decidedOn.has(outcome)), completed: count(({ outcome }) => applied.has(outcome)),
    },
  };
}

/** Whether the funnel has all of it, on top of what it had before. */
export function isIn(funnel: StageCounts, before: StageCounts, { reached }: Tally): boolean {
  return stages.every((stage) => funnel[stage] >= before[stage] + reached[stage]);
}
