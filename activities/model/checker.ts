/**
 * The checker: what the maker suggests, held against what targets may hold and what the person answered. It is code, so nobody
 * can talk it round. A suggestion that fails leaves the rule's own values standing, and the proposal less certain.
 */
import { sameValue } from '../../domain/json.ts';
import {
  agreementOf, consensusOf, coverageOf, decisionOf, freshnessOf, policyOf, type Consensus, type ProposalDecision, type Source,
} from '../../domain/consensus.ts';
import type { Flow } from '../../domain/flow.ts';
import { checkTargetValues, type Recommendation, type TargetValues } from '../../domain/recommendation.ts';
import type { Suggestion } from './maker.ts';
import { statesAnswer } from './rule-values.ts';

export interface CheckedProposal {
  readonly recommendations: readonly Recommendation[];
  readonly confidence: number;
  readonly decision: ProposalDecision;
  readonly consensus: Consensus;
}

interface Checked {
  readonly recommendation: Recommendation;
  readonly compliant: boolean;
  readonly aligned: boolean;
  readonly adjustment: number;
  readonly source: Source;
}

/** A value like the rule's own strengthens a proposal; each other one, and a maker that says nothing, weakens it. */
const adjustments = { same: 0.1, silent: -0.1, changed: -0.1, least: -0.5 } as const;

/** @param suggestions by rule id; null: the rules are the maker. @param ageMs of the oldest answer. */
export function checkProposal(
  flow: Flow, recommendations: readonly Recommendation[], suggestions: ReadonlyMap<string, Suggestion> | null, ageMs: number,
): CheckedProposal {
  const checked = recommendations.map(
    (item) => check(flow, item, suggestions === null ? ownWord(item) : suggestions.get(item.rule_id) ?? null),
  );
  const compliant = checked.every((item) => item.compliant);
  const aligned = checked.every((item) => item.aligned);
  // the checker agrees with a proposal as much as with its most doubtful part
  const adjustment = Math.min(adjustments.same, ...checked.map((item) => item.adjustment));
  const consensus = consensusOf(mean(checked.map((item) => item.recommendation.confidence)), {
    coverage: coverageOf(checked.map((item) => item.source)), agreement: agreementOf({ valid: compliant && aligned, adjustment }),
    // every target and every unchanged value comes from a rule of the flow
    freshness: freshnessOf(ageMs), policy: policyOf({ compliant, aligned, official: true }),
  });
  return {
    recommendations: checked.map((item) => item.recommendation), confidence: consensus.confidence, decision: decisionOf(consensus),
    consensus,
  };
}

function ownWord({ confidence }: Recommendation): Suggestion {
  return { confidence, rationale: null, changes: {} };
}

function check(flow: Flow, item: Recommendation, suggestion: Suggestion | null): Checked {
  const { after } = item;
  const asked = after === null || suggestion === null ? [] : Object.entries(suggestion.changes);
  const changed = asked.filter(([field, value]) => !sameValue(after?.[field] ?? null, value));
  const suggested: TargetValues | null = after === null ? null : { ...after, ...Object.fromEntries(changed) };
  const values = flow.recommendations.find((rule) => rule.id === item.rule_id)?.values ?? {};
  const compliant = suggested === null || checkTargetValues(item.target_type, suggested).length === 0;
  const aligned = changed.every(([field]) => values[field] === undefined || !statesAnswer(values[field]));
  const fields = Math.max(Object.keys(after ?? {}).length, 1);
  const isTaken = compliant && aligned;
  return {
    recommendation: {
      ...item, after: isTaken ? suggested : after, rationale: isTaken ? suggestion?.rationale ?? item.rationale : item.rationale,
      confidence: suggestion === null ? item.confidence : isTaken ? suggestion.confidence : Math.min(
        suggestion.confidence, item.confidence,
      ),
    },
    compliant, aligned, source: { authority: 1, similarity: isTaken ? 1 - changed.length / fields : 1 },
    adjustment: suggestion === null ? adjustments.silent : changed.length === 0 ? adjustments.same : Math.max(
      adjustments.changed * changed.length, adjustments.least,
    ),
  };
}

/** Nothing to change is certain. */
function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 1 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
