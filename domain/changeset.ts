/**
 * A changeset: what was decided of one proposal, with every change in order. Changes are applied and undone one by one; a
 * changeset is applied, or rolled back, as a whole.
 */
import type { Recommendation, TargetValues } from './recommendation.ts';

export interface Change {
  /** Position in the changeset, from 1; it is rolled back in reverse. */
  readonly sequence: number;
  readonly recommendation_id: string;
  /** `type:key`. */
  readonly target: string;
  readonly target_type: Recommendation['target_type'];
  readonly target_key: string;
  readonly operation: Recommendation['operation'];
  /** As the proposal saw it; null: not there. */
  readonly before: TargetValues | null;
  readonly after: TargetValues | null;
}

/** What becomes of a changeset by its decision. 'applied': apply it. The others record it: nothing is to be applied, or not yet. */
export const decidedStatuses = ['applied', 'rejected', 'pending_second_approval'] as const;
export type DecidedStatus = (typeof decidedStatuses)[number];

export const changesetStatuses = [...decidedStatuses, 'applying', 'rolled_back', 'partially_rolled_back', 'failed'] as const;
export type ChangesetStatus = (typeof changesetStatuses)[number];

/** How far a change has come at the change target. */
export const changeSteps = ['pending', 'applied', 'undone', 'failed'] as const;
export type ChangeStep = (typeof changeSteps)[number];

export interface Changeset {
  readonly changeset_id: string;
  readonly tenant: string;
  readonly session_id: string;
  /** The session's owner. */
  readonly requested_by: string;
  readonly approved_by: string;
  readonly second_approved_by: string | null;
  /** Who they are (personName), as far as it was known when they spoke; absent in what was recorded before it was. */
  readonly people?: Readonly<Record<'requested_by' | 'approved_by' | 'second_approved_by', string | null>>;
  /** Of the second approval, when the decision needs one. */
  readonly approval_id: string | null;
  /** 0..1, see changeRisk. */
  readonly risk_score: number;
  readonly status: DecidedStatus;
  readonly changes: readonly Change[];
}

/** Size (0.4 over 20 changes, 0.3 over 10, 0.2 over 5) + 0.15 a deletion (at most 0.3) + 0.2 with dependencies, at most 1. */
export function changeRisk(changes: readonly Pick<Change, 'operation'>[], hasDependencies: boolean): number {
  const { size, deletions, dependencies } = changeRiskParts(changes, hasDependencies);
  // two decimals: sums of tenths must not read 0.30000000000000004
  return Math.min(1, Math.round((size + deletions + dependencies) * 100) / 100);
}

/** What a risk is the sum of. */
export function changeRiskParts(
  changes: readonly Pick<Change, 'operation'>[], hasDependencies: boolean,
): Readonly<Record<'size' | 'deletions' | 'dependencies', number>> {
  const size = changes.length > 20 ? 0.4 : changes.length > 10 ? 0.3 : changes.length > 5 ? 0.2 : 0;
  const deletions = Math.min(0.3, 0.15 * changes.filter((change) => change.operation === 'delete').length);
  return { size, deletions, dependencies: hasDependencies ? 0.2 : 0 };
}

export function needsSecondApprover(risk: number, changes: number): boolean {
  return risk > 0.7 || changes > 10;
}
