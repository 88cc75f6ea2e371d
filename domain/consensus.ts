/**
 * How certain a proposal is and what follows from it. Half of the certainty is the maker's own, half is what stands behind
 * the proposal: its sources, the checker's verdict, how old the facts are, and the policy. Every factor is 0..1.
 */

/** The checker's word on a proposal. `adjustment` is what it would add to the maker's confidence, -0.5..+0.2. */
export interface Verdict { readonly valid: boolean; readonly adjustment: number }

/** What backs one recommendation. `authority` 0..1 is its weight, `similarity` 0..1 how much of it the source really says. */
export interface Source { readonly authority: number; readonly similarity: number }

export interface Factors { readonly coverage: number; readonly agreement: number; readonly freshness: number; readonly policy: number }
export interface Consensus extends Factors { readonly confidence: number }
export type ProposalDecision = 'ready' | 'needs_review' | 'escalate';

/** Sources of this weight cover a proposal fully. */
const fullAuthority = 0.8;
const dayMs = 86_400_000;

/** `maker` is the maker's confidence; what is no number counts as 0. Rounded to 4 places, so that 0.7 is 0.7 however it was summed. */
export function consensusOf(maker: number, factors: Factors): Consensus {
  const coverage = share(factors.coverage);
  const agreement = share(factors.agreement);
  const freshness = share(factors.freshness);
  const policy = share(factors.policy);
  const backing = 0.3 * coverage + 0.4 * agreement + 0.1 * freshness + 0.2 * policy;
  return { confidence: share((share(maker) + backing) / 2), agreement, coverage, freshness, policy };
}

export function decisionOf({ confidence, agreement }: Pick<Consensus, 'confidence' | 'agreement'>): ProposalDecision {
  if (confidence >= 0.7 && agreement >= 0.6) return 'ready';
  return confidence >= 0.4 ? 'needs_review' : 'escalate';
}

/** null: nobody checked. */
export function agreementOf(verdict: Verdict | null): number {
  if (verdict === null) return 0.5;
  if (!verdict.valid) return 0.2;
  if (verdict.adjustment > 0) return 0.9;
  if (verdict.adjustment > -0.1) return 0.7;
  return verdict.adjustment > -0.3 ? 0.4 : 0.1;
}

/** A proposal without recommendations needs no source: 1. */
export function coverageOf(sources: readonly Source[]): number {
  if (sources.length === 0) return 1;
  const weight = sources.reduce((sum, source) => sum + share(source.authority) * share(source.similarity), 0);
  return share(weight / (fullAuthority * sources.length));
}

/** By the age of the facts; an age below 0 (a clock that was set back) is 0. */
export function freshnessOf(ageMs: number): number {
  const days = ageMs / dayMs;
  if (days < 30) return 1;
  if (days < 180) return 0.8;
  if (days < 365) return 0.6;
  return days < 3 * 365 ? 0.4 : 0.2;
}

/**
 * `compliant`: every value is allowed where it goes. `aligned`: nothing contradicts an answer. `official`: all of it comes from
 * rules of the flow.
 */
export function policyOf(check: { readonly compliant: boolean; readonly aligned: boolean; readonly official: boolean }): number {
  return share(0.7 + (check.compliant ? 0.2 : -0.3) + (check.aligned ? 0.1 : -0.4) + (check.official ? 0.2 : 0));
}

function share(number: number): number {
  if (!(number > 0)) return 0;
  return number >= 1 ? 1 : Math.round(number * 10_000) / 10_000;
}
