/** Factors and recommendations as the contract has them, with the lists behind their numbers. */
import { z } from 'zod';
import type { DrillDown, Narrowed } from '../analytics/reports/drill-down.ts';
import { followedUntil } from '../analytics/reports/followed.ts';
import type { Selection } from '../analytics/sessions-in.ts';
import type { Arm } from '../analytics/statistics/proportions.ts';
import { comparedBy, type Group } from '../analytics/why/comparable.ts';
import type { Factor } from '../analytics/why/factors.ts';
import type { Measured } from '../analytics/why/measured.ts';
import { efforts, gainUnits, priorities, type Evidence, type Recommendation } from '../analytics/why/recommendations.ts';
import { factorKinds, factorText } from '../analytics/why-selection.ts';
import { stages } from '../domain/lifecycle.ts';
import type { FollowedSelection } from './compared-periods.ts';
import { count, drill_down, rate, rateOrNull } from './wire.ts';

const twoNumbers = z.array(z.number()).length(2).readonly();

const sideWire = z.object({
  sessions: count, completed: count, completion_rate: rateOrNull, drill_down, drill_downs: z.object({ completed: drill_down }),
});

export const FactorWire = z.object({
  kind: z.enum(factorKinds), question_id: z.string().nullable(), value: z.string().nullable(),
  with: sideWire, without: sideWire,
  difference: z.number().meta({ description: 'Completion rate with it, less that without' }), interval: twoNumbers,
  odds_ratio: z.number(), odds_interval: twoNumbers, p_value: rate, p_adjusted: rate, significant: z.boolean(),
}).meta({ id: 'Factor' });

export const FactorBasisWire = z.object({
  follow_up_seconds: z.number().int().meta({ description: 'How long after its own start each session is looked at' }),
  sessions: count.meta({ description: 'Old enough for that' }), excluded_young: count,
  tested: count.meta({ description: 'Things that were tested, and so stand in the adjustment' }),
  drill_down, drill_downs: z.object({ excluded_young: drill_down }),
}).meta({ id: 'FactorBasis' });

const placeWire = z.discriminatedUnion('at', [
  z.object({ at: z.literal('step'), from_stage: z.enum(stages), to_stage: z.enum(stages) }),
  z.object({
    at: z.literal('own_step'), from_stage: z.string(), to_stage: z.string(),
    step: z.number().int().meta({ description: 'Of to_stage, among the steps that are not optional, from 0' }),
  }).meta({ description: 'Of a funnel of one\'s own' }),
  z.object({ at: z.literal('question'), question_id: z.string() }),
  z.object({ at: z.literal('finish') }),
]);

const groupWire = z.object({
  label: z.string(), sessions: count, got_past: count, rate: rateOrNull, drill_down, drill_downs: z.object({ got_past: drill_down }),
});

export const RecommendationWire = z.object({
  id: z.string(), type: z.enum(comparedBy), priority: z.enum(priorities), title: z.string(), description: z.string(),
  suggested_actions: z.array(z.string()).readonly(),
  evidence: z.object({
    place: placeWire, flow: z.string().nullable(),
    group: groupWire.meta({ description: 'What does worse' }), comparison: groupWire,
    difference: z.number(), interval: twoNumbers, p_value: rate, p_adjusted: rate, follow_up_seconds: z.number().int(),
    factors: z.array(FactorWire).readonly(),
  }),
  expected_gain: z.object({ value: z.number(), interval: twoNumbers, unit: z.enum(gainUnits) })
    .meta({ description: 'More sessions that would get past, of those of the group, if it did as well as the comparison' }),
  confidence: rate.meta({ description: '1 less the adjusted p value' }), effort: z.enum(efforts),
}).meta({ id: 'AnalyticsRecommendation' });

type Whose = Pick<Measured, 'followUpSeconds' | 'followed' | 'previous'>;

export function factorWire(factor: Factor, measured: Whose, links: DrillDown): z.input<typeof FactorWire> {
  const { kind, question_id, value, difference, interval, odds_ratio, odds_interval, p_value, p_adjusted, significant } = factor;
  const side = (which: 'with' | 'without'): z.input<typeof sideWire> => {
    const { n, successes } = factor[which];
    const selection = { factor: factorText(factor), factor_side: which };
    return {
      sessions: n, completed: successes, completion_rate: rateOf(factor[which]), drill_down: links.to(selection, span(measured.followed)),
      drill_downs: { completed: links.to({ ...selection, ...finished(measured) }, span(measured.followed)) },
    };
  };
  return {
    kind, question_id, value, with: side('with'), without: side('without'), difference, interval, odds_ratio, odds_interval, p_value,
    p_adjusted, significant,
  };
}

export function factorBasis(measured: Measured, tested: number, now: number, links: DrillDown): z.input<typeof FactorBasisWire> {
  const { followUpSeconds, sessions, excludedYoung } = measured;
  const until = followedUntil({ followUpMs: followUpSeconds * 1_000, now }) + 1;
  return {
    follow_up_seconds: followUpSeconds, sessions, excluded_young: excludedYoung, tested,
    drill_down: links.to({ started_before_ms: until }), drill_downs: { excluded_young: links.to({ started_from_ms: until }) },
  };
}

export function recommendationWire(found: Recommendation, measured: Whose, links: DrillDown): z.input<typeof RecommendationWire> {
  const lists = (label: string): GroupLists => {
    const { type, evidence } = found;
    const whole = span(type === 'previous_period' && label === 'previous' ? measured.previous : measured.followed);
    const narrowed = narrowedTo(found, label, whole);
    const { came, past } = selections(evidence, label, measured);
    return { came: links.to(came, narrowed), past: links.to(past, narrowed) };
  };
  return foundWire(found, measured.followUpSeconds, lists, found.evidence.factors.map((factor) => factorWire(factor, measured, links)));
}

export interface OwnSteps {
  readonly followUpSeconds: number;
  readonly now: number;
  readonly period: Narrowed;
  readonly previous: Narrowed;
  /** Of the sessions that made the step, counted from 0. */
  readonly list: (selection: FollowedSelection, narrowed: Narrowed) => string;
}

/** Of a funnel of one's own. */
export function ownRecommendationWire(found: Recommendation, own: OwnSteps): z.input<typeof RecommendationWire> {
  const { type, evidence: { place } } = found;
  if (place.at !== 'own_step') throw new RangeError(`No step of a funnel: ${place.at}`);
  const until = followedUntil({ followUpMs: own.followUpSeconds * 1_000, now: own.now }) + 1;
  return foundWire(found, own.followUpSeconds, (label) => {
    const whole = type === 'previous_period' && label === 'previous' ? own.previous : own.period;
    const to = (step: number): string => own.list(
      { step, within_seconds: own.followUpSeconds, started_before_ms: until }, narrowedTo(found, label, whole),
    );
    return { came: to(place.step - 1), past: to(place.step) };
  }, []);
}

/** Of a group: those that came to the place, and those of them that got past it. */
interface GroupLists { readonly came: string; readonly past: string }

function foundWire(
  found: Recommendation, follow_up_seconds: number, lists: (label: string) => GroupLists, factors: z.input<typeof FactorWire>[],
): z.input<typeof RecommendationWire> {
  const { evidence, ...said } = found;
  const { place, flow, difference, interval, p_value, p_adjusted } = evidence;
  const groupOf = ({ label, arm }: Group): z.input<typeof groupWire> => {
    const { came, past } = lists(label);
    return {
      label, sessions: arm.n, got_past: arm.successes, rate: rateOf(arm), drill_down: came, drill_downs: { got_past: past },
    };
  };
  return {
    ...said,
    evidence: {
      place, flow, group: groupOf(evidence.group), comparison: groupOf(evidence.comparison), difference, interval, p_value, p_adjusted,
      follow_up_seconds, factors,
    },
  };
}

function narrowedTo({ type, evidence: { flow } }: Recommendation, label: string, whole: Narrowed): Narrowed {
  return { ...whole, ...(flow === null ? {} : { flow }), ...narrowing[type]?.(label) };
}

const narrowing: Partial<Record<Recommendation['type'], (label: string) => Narrowed>> = {
  flow: (flow) => ({ flow }), flow_version: (version) => ({ flow_version: Number(version) }), language: (language) => ({ language }),
  device: (device) => ({ device: device as NonNullable<Narrowed['device']> }),
};

/** Those that came to the place, and those of them that got past it. */
function selections({ place, factors }: Evidence, label: string, measured: Whose): { readonly came: Selection; readonly past: Selection } {
  const within_seconds = measured.followUpSeconds;
  if (place.at === 'step') {
    return { came: { stage: place.from_stage, within_seconds }, past: { stage: place.to_stage, within_seconds } };
  }
  if (place.at === 'question') {
    const question = { stage: 'started', question_id: place.question_id } as const;
    return { came: { ...question, outcome: 'shown' }, past: { ...question, outcome: 'past' } };
  }
  const [factor] = factors;
  const factor_side = label === 'with' ? 'with' : 'without';
  const came = factor === undefined ? {} : { factor: factorText(factor), factor_side } as const;
  return { came, past: { ...came, ...finished(measured) } };
}

function finished({ followUpSeconds }: Whose): Selection {
  return { stage: 'completed', within_seconds: followUpSeconds };
}

function span({ startMs, endMs }: { readonly startMs: number; readonly endMs: number }): Narrowed {
  return { startMs, endMs };
}

function rateOf({ n, successes }: Arm): number | null {
  return n === 0 ? null : successes / n;
}
