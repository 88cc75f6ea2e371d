/** Deciding on a proposal item by item: which changes follow, how risky they are, and what is wrong with a decision. */
import { bounds, stateParts } from './bounds.ts';
import { changeRisk, needsSecondApprover, type Change } from './changeset.ts';
import { jsonBytes } from './json.ts';
import type { DecisionBody, Mistake } from './message.ts';
import { checkTargetValues, type Recommendation, type TargetValues } from './recommendation.ts';

export type ItemStatus = 'pending' | 'approved' | 'modified' | 'rejected';

export interface DecisionDraft {
  readonly changes: readonly Change[];
  readonly statuses: Readonly<Record<string, ItemStatus>>;
  /** 0..1, see changeRisk. */
  readonly risk_score: number;
  readonly needs_second_approver: boolean;
  /** Nothing of a proposal that proposed something is to be applied. */
  readonly rejects_all: boolean;
  readonly missing_dependencies: readonly MissingDependency[];
}

/** An approved item, and one it depends on that is rejected and is not there yet. */
export interface MissingDependency { readonly recommendation_id: string; readonly depends_on: string; readonly message: string }

/**
 * What a decision would do. Items that are neither approved nor rejected count as rejected, so that nothing is applied
 * that nobody named. Every mistake is reported at once. Whether dependencies may be missing is the caller's to say: a
 * decision that was taken before there was the rule has to come out at a replay as it did.
 */
export function draftDecision(
  recommendations: readonly Recommendation[], body: DecisionBody,
): { readonly draft: DecisionDraft } | { readonly mistakes: readonly Mistake[] } {
  const byId = new Map(recommendations.map((item) => [item.recommendation_id, item]));
  const mistakes = [...unknownItems(byId, body), ...conflicts(byId, body)];
  const changes: Change[] = [];
  const statuses: Record<string, ItemStatus> = {};
  const approved = new Set(body.approved_items);
  for (const item of recommendations) {
    if (!approved.has(item.recommendation_id)) {
      statuses[item.recommendation_id] = 'rejected';
      continue;
    }
    const modification = Object.hasOwn(body.modifications, item.recommendation_id) ? body.modifications[item.recommendation_id] : undefined;
    const after = modification === undefined || item.after === null ? item.after : { ...item.after, ...modification };
    if (modification !== undefined) mistakes.push(...modificationMistakes(item, after));
    statuses[item.recommendation_id] = modification === undefined ? 'approved' : 'modified';
    changes.push({
      sequence: changes.length + 1, recommendation_id: item.recommendation_id, target: item.target, target_type: item.target_type,
      target_key: item.target_key, operation: item.operation, before: item.before, after,
    });
  }
  mistakes.push(...tooLarge(changes, body));
  if (mistakes.length > 0) return { mistakes };
  const hasDependencies = recommendations.some((item) => approved.has(item.recommendation_id) && item.depends_on.length > 0);
  const risk = changeRisk(changes, hasDependencies);
  return {
    draft: {
      changes, statuses, risk_score: risk, needs_second_approver: needsSecondApprover(risk, changes.length),
      rejects_all: recommendations.length > 0 && changes.length === 0,
      missing_dependencies: missingDependencies(recommendations, approved),
    },
  };
}

/** What a session can hold of a decision. */
function tooLarge(changes: readonly Change[], { reasons }: DecisionBody): Mistake[] {
  const parts = [
    { pointer: '/reasons', bytes: jsonBytes(reasons), most: bounds.reasons },
    { pointer: '/modifications', bytes: jsonBytes(changes), most: stateParts.proposal },
  ];
  return parts.filter(({ bytes, most }) => bytes > most).map(({ pointer, bytes, most }) => ({
    pointer, code: 'too_large', message: `This takes ${bytes} bytes of at most ${most}.`, fix: 'Shorten it.',
  }));
}

/** What is changed or deleted is there already; only what would be created can be missing. */
export function missingDependencies(recommendations: readonly Recommendation[], approved: ReadonlySet<string>): MissingDependency[] {
  const lacking = new Map(
    recommendations.filter((item) => item.operation === 'create' && !approved.has(item.recommendation_id))
      .map((item) => [item.recommendation_id, item]),
  );
  return recommendations.filter((item) => approved.has(item.recommendation_id)).flatMap((item) => item.depends_on.flatMap((id) => {
    const needed = lacking.get(id);
    return needed === undefined ? [] : [{
      recommendation_id: item.recommendation_id, depends_on: id,
      message: `${item.target} is approved and depends on ${needed.target}, which is rejected and does not exist yet.`,
    }];
  }));
}

/** The same as mistakes of the request that approves them. */
export function dependencyMistakes(missing: readonly MissingDependency[], body: DecisionBody): Mistake[] {
  return missing.map(({ recommendation_id: id, depends_on: needed, message }) => ({
    pointer: `/approved_items/${body.approved_items.indexOf(id)}`, code: 'dependency_rejected', message,
    fix: `Approve ${needed} too, reject ${id}, or send accept_missing_dependencies: true.`,
  }));
}

function unknownItems(byId: ReadonlyMap<string, Recommendation>, body: DecisionBody): Mistake[] {
  const named: [string, string][] = [
    ...body.approved_items.map((id, at): [string, string] => [id, `/approved_items/${at}`]),
    ...body.rejected_items.map((id, at): [string, string] => [id, `/rejected_items/${at}`]),
    ...Object.keys(body.reasons).map((id): [string, string] => [id, `/reasons/${id}`]),
    ...Object.keys(body.modifications).map((id): [string, string] => [id, `/modifications/${id}`]),
  ];
  return named.filter(([id]) => !byId.has(id)).map(([id, pointer]) => ({
    pointer, code: 'unknown_item', message: `${id} is not an item of this proposal.`,
    fix: 'Use a recommendation_id from GET …/recommendations/.',
  }));
}

function conflicts(byId: ReadonlyMap<string, Recommendation>, body: DecisionBody): Mistake[] {
  const approved = new Set(body.approved_items);
  const mistakes: Mistake[] = [];
  body.rejected_items.forEach((id, at) => {
    if (approved.has(id)) {
      mistakes.push({
        pointer: `/rejected_items/${at}`, code: 'both_approved_and_rejected', message: `${id} is approved and rejected at once.`,
        fix: 'Name it in one of the two lists.',
      });
    }
  });
  for (const id of Object.keys(body.modifications)) {
    if (byId.has(id) && !approved.has(id)) {
      mistakes.push({
        pointer: `/modifications/${id}`, code: 'not_approved', message: `${id} is modified but not approved.`,
        fix: 'Add it to approved_items, or drop the modification.',
      });
    }
  }
  return mistakes;
}

function modificationMistakes(item: Recommendation, after: TargetValues | null): Mistake[] {
  const at = `/modifications/${item.recommendation_id}`;
  if (after === null) {
    return [
      { pointer: at, code: 'nothing_to_modify', message: 'A deletion has no values to modify.', fix: 'Approve or reject it as it is.' },
    ];
  }
  return checkTargetValues(item.target_type, after).map((problem) => ({
    pointer: `${at}/${problem.field}`, code: problem.code, message: problem.message, fix: `Give a value that ${item.target_type} allows.`,
  }));
}
