/**
 * Whether a step of a flow is made by fewer people than before, from round to round. An alert begins when two rounds running find it
 * clearly lower, and is over when two rounds running do not find it lower at all: what lies between changes nothing, so that a step
 * near the edge is not told each hour.
 */
import type { Alert, DropFacts } from './alert.ts';

/** One step, as a round judged it. Steps that could not be judged are not among them. */
export interface JudgedStep { readonly tenant: string; readonly key: string; readonly verdict: StepVerdict; readonly facts: DropFacts }
export type StepVerdict = 'low' | 'between' | 'fine';

export interface WatchedStep {
  readonly tenant: string;
  readonly key: string;
  /** Rounds running that found it so. */
  readonly low_rounds: number;
  readonly fine_rounds: number;
  /** The last one that judged it. */
  readonly round: number;
}

export interface StandingDrop { readonly tenant: string; readonly key: string; readonly facts: DropFacts }

export interface WatchChanges {
  readonly begun: readonly Alert[];
  readonly over: readonly Alert[];
  /** As they are from now on. Those of `watched` that are not here are forgotten. */
  readonly watched: readonly WatchedStep[];
}

/** Rounds running. */
const enough = 2;
/** A step that nobody could judge for so many rounds (14 days) has no drop any more that could be told. */
const forgottenAfter = 14 * 24;

/** `round`: a number that grows by one an hour; the same round looked at twice changes nothing the second time. */
export function watchChanges(
  judged: readonly JudgedStep[], watched: readonly WatchedStep[], standing: readonly StandingDrop[], round: number,
): WatchChanges {
  const known = new Map(watched.map((step) => [idOf(step), step]));
  const stands = new Map(standing.map((drop) => [idOf(drop), drop]));
  const [begun, over, kept]: [Alert[], Alert[], WatchedStep[]] = [[], [], []];
  for (const { tenant, key, verdict, facts } of judged) {
    const id = idOf({ tenant, key });
    const before = known.get(id) ?? { tenant, key, low_rounds: 0, fine_rounds: 0, round: -1 };
    known.delete(id);
    const now = before.round >= round ? before : {
      tenant, key, round, low_rounds: verdict === 'low' ? before.low_rounds + 1 : 0,
      fine_rounds: verdict === 'fine' ? before.fine_rounds + 1 : 0,
    };
    const isStanding = stands.has(id);
    if (!isStanding && now.low_rounds >= enough) begun.push({ tenant, kind: 'conversion_drop', key, facts });
    if (isStanding && now.fine_rounds >= enough) over.push({ tenant, kind: 'conversion_drop', key, facts });
    if (isStanding || now.low_rounds > 0) kept.push(now);
  }
  // not judged this time: as it was, for a while
  for (const step of known.values()) {
    const drop = stands.get(idOf(step));
    if (round - step.round < forgottenAfter) kept.push(step);
    else if (drop !== undefined) over.push({ tenant: step.tenant, kind: 'conversion_drop', key: step.key, facts: drop.facts });
  }
  return { begun, over, watched: kept };
}

function idOf({ tenant, key }: Pick<WatchedStep, 'tenant' | 'key'>): string {
  return JSON.stringify([tenant, key]);
}
