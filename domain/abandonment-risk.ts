/**
 * How likely a person is to leave a session: four factors, each from a counter that the session keeps, with the numbers of the
 * rules. Three stand still while nobody does anything (the standing score); inactivity grows with the clock.
 */
import type { SessionStateName } from './lifecycle.ts';

export const riskModel = { name: 'rules', version: '1' } as const;

export const riskFactors = ['inactivity', 'confusion', 'fatigue', 'errors'] as const;
export type RiskFactor = (typeof riskFactors)[number];

export const riskLevels = ['low', 'medium', 'high', 'critical'] as const;
export type RiskLevel = (typeof riskLevels)[number];

/** From this score on. */
export const leastScore: Readonly<Record<RiskLevel, number>> = { low: 0, medium: 20, high: 40, critical: 70 };

/** What a session counts. Each time that a question is put to the person it is asked: first, and again after what was no answer to it. */
export interface RiskCounters {
  /** The most times that one question was asked. */
  readonly asked_most: number;
  /** All questions, each time that it was asked. */
  readonly asked: number;
  readonly refusals: number;
}

/** `asked`: how often, by question. */
export function riskCounters(
  { asked, refusals }: { readonly asked: Readonly<Record<string, number>>; readonly refusals: number },
): RiskCounters {
  const times = Object.values(asked);
  return { asked_most: Math.max(0, ...times), asked: times.reduce((sum, number) => sum + number, 0), refusals };
}

export interface Step { readonly above: number; readonly points: number }

/** Points of a value, highest step first: those of the first that the value is above. Inactivity in seconds. */
export const riskSteps: Readonly<Record<RiskFactor, readonly Step[]>> = {
  inactivity: [{ above: 600, points: 30 }, { above: 300, points: 20 }, { above: 120, points: 10 }],
  confusion: [{ above: 3, points: 25 }, { above: 1, points: 15 }],
  fatigue: [{ above: 20, points: 20 }, { above: 15, points: 10 }],
  errors: [{ above: 5, points: 25 }, { above: 3, points: 15 }, { above: 1, points: 8 }],
};

export interface Intervention { readonly type: string; readonly action: string }

export const interventions: Readonly<Record<RiskFactor, Intervention>> = {
  inactivity: { type: 'proactive_reach_out', action: 'send_reminder' },
  confusion: { type: 'human_assistance', action: 'offer_live_chat' },
  fatigue: { type: 'break_suggestion', action: 'suggest_save_and_resume' },
  errors: { type: 'technical_support', action: 'escalate_to_support' },
};

/** Whom a session waits for. null: it has ended. */
export type WaitingFor = 'person' | 'engine' | 'approver' | 'operator' | null;

/** What of a session its risk follows from. */
export interface RiskSource {
  readonly state: SessionStateName;
  readonly last_activity_at: number;
  /** An operator looks after its next step. */
  readonly isParked: boolean;
  readonly counters: RiskCounters;
}

export interface FactorScore { readonly factor: RiskFactor; readonly value: number; readonly weight: number; readonly contribution: number }

export interface Risk {
  readonly score: number;
  readonly level: RiskLevel;
  readonly factors: readonly FactorScore[];
  /** What leads to it most first; none while nothing contributes. */
  readonly leading: readonly RiskFactor[];
  readonly waiting_for: WaitingFor;
  readonly inactive_ms: number;
}

export function waitingFor({ state, isParked }: Pick<RiskSource, 'state' | 'isParked'>): WaitingFor {
  switch (state) {
    case 'started': case 'in_progress': return 'person';
    case 'generating': return isParked ? 'operator' : 'engine';
    case 'awaiting_approval': return isParked ? 'operator' : 'approver';
    case 'escalated': return 'operator';
    default: return null;
  }
}

/** Inactivity counts only while the ball is with the person, and nobody leaves a session that has ended. */
export function assessRisk(source: RiskSource, now: number): Risk {
  const waiting_for = waitingFor(source);
  const inactive_ms = Math.max(0, now - source.last_activity_at);
  const { asked_most, asked, refusals } = source.counters;
  const values: Readonly<Record<RiskFactor, number>> = {
    inactivity: inactive_ms / 1_000, confusion: asked_most, fatigue: asked, errors: refusals,
  };
  const factors = riskFactors.map((factor): FactorScore => {
    const counts = waiting_for !== null && (factor !== 'inactivity' || waiting_for === 'person');
    return {
      factor, value: values[factor], weight: riskSteps[factor][0]?.points ?? 0, contribution: counts ? pointsOf(factor, values[factor]) : 0,
    };
  });
  const score = factors.reduce((sum, { contribution }) => sum + contribution, 0);
  const leading = factors.filter(({ contribution }) => contribution > 0).sort((a, b) => b.contribution - a.contribution)
    .map(({ factor }) => factor);
  return { score, level: levelOf(score), factors, leading, waiting_for, inactive_ms };
}

export function levelOf(score: number): RiskLevel {
  return riskLevels.findLast((level) => score >= leastScore[level]) ?? 'low';
}

export function urgencyOf(score: number): 'immediate' | 'soon' | 'monitor' {
  if (score >= leastScore.critical) return 'immediate';
  return score >= leastScore.high ? 'soon' : 'monitor';
}

/** The part of the score that does not follow from the clock. */
export function standingScore({ asked_most, asked, refusals }: RiskCounters): number {
  return pointsOf('confusion', asked_most) + pointsOf('fatigue', asked) + pointsOf('errors', refusals);
}

/** The score that the lists of sessions at risk go by, or null for a session that is not listed. */
export function listedScore(source: RiskSource): number | null {
  return waitingFor(source) === 'person' ? standingScore(source.counters) : null;
}

/** Every score that can stand. */
export const standingScores: readonly number[] = [...new Set(
  [0, ...pointsIn('confusion')].flatMap((one) => [0, ...pointsIn('fatigue')].flatMap((two) => [0, ...pointsIn('errors')].map(
    (three) => one + two + three,
  ))),
)].sort((a, b) => b - a);

/**
 * How long a person has to have been inactive for a session of that standing score to reach `least`: more than so many
 * milliseconds; -1: not at all; null: it never does.
 */
export function inactiveForScore(standing: number, least: number): number | null {
  if (standing >= least) return -1;
  const step = riskSteps.inactivity.findLast(({ points }) => standing + points >= least);
  return step === undefined ? null : step.above * 1_000;
}

/** When the level of a session that nobody touches differs from `level` for the first time; `now` when it does already. null: never. */
export function levelChangesAt(source: RiskSource, level: RiskLevel, now: number): number | null {
  if (waitingFor(source) !== 'person') return null;
  if (assessRisk(source, now).level !== level) return now;
  for (const { above } of riskSteps.inactivity.toReversed()) {
    const at = source.last_activity_at + above * 1_000 + 1;
    if (at > now && assessRisk(source, at).level !== level) return at;
  }
  return null;
}

/** The first step of inactivity: a copy that is no further behind than this shows none that there is not. */
export const firstInactiveMs = (riskSteps.inactivity.at(-1)?.above ?? 0) * 1_000;

function pointsOf(factor: RiskFactor, value: number): number {
  return riskSteps[factor].find(({ above }) => value > above)?.points ?? 0;
}

function pointsIn(factor: RiskFactor): number[] {
  return riskSteps[factor].map(({ points }) => points);
}
