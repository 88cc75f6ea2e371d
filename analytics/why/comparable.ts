/** Two groups of sessions that may be compared, and at what. */
import type { StageName } from '../../domain/lifecycle.ts';
import type { Arm } from '../statistics/proportions.ts';
import type { FactorCounts } from './factors.ts';

/** By what the two groups differ. */
export const comparedBy = ['flow', 'flow_version', 'language', 'device', 'previous_period', 'repeat', 'refusal', 'error'] as const;
export type ComparedBy = (typeof comparedBy)[number];

/** What the sessions of both groups had come to, and did or did not get past. */
export type Place =
  | { readonly at: 'step'; readonly from_stage: StageName; readonly to_stage: StageName }
  /** Of a funnel of one's own; `step`: that of `to_stage` among the required ones, from 0. */
  | { readonly at: 'own_step'; readonly from_stage: string; readonly to_stage: string; readonly step: number }
  | { readonly at: 'question'; readonly question_id: string }
  /** The whole way. */
  | { readonly at: 'finish' };

/** One of two groups. `label`: the flow, language, device …; `with` or `without` of a factor; `this` or `previous` of periods. */
export interface Group {
  readonly label: string;
  readonly arm: Arm;
}

/** Two groups that may be compared. */
export interface Comparable {
  readonly by: ComparedBy;
  readonly place: Place;
  readonly one: Group;
  readonly other: Group;
  /** What both have in common: of versions and periods, their flow; of questions asked in one flow only, it is left out. */
  readonly flow: string | null;
  readonly factor: FactorCounts | null;
}
