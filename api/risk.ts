/** Abandonment risk as the contract shows it: in numbers, factor by factor, and in words. */
import { z } from 'zod';
import {
  assessRisk, firstInactiveMs, interventions, riskFactors, riskLevels, riskModel, urgencyOf, type FactorScore, type Risk, type RiskFactor,
} from '../domain/abandonment-risk.ts';
import { stages } from '../domain/lifecycle.ts';
import type { SessionView } from '../domain/message.ts';
import { riskSourceOf } from '../domain/view-risk.ts';
import { iso } from './presentation.ts';
import { rate, time, uuid } from './wire.ts';

const seconds = z.number().min(0);

export const RiskWire = z.object({
  session_id: uuid, risk_score: z.number().int().min(0).max(100), risk_level: z.enum(riskLevels),
  predicted_abandonment_probability: rate.meta({ description: 'The score as a share: by rules, not calibrated on what people did' }),
  model: z.object({ name: z.string(), version: z.string() }),
  risk_factors: z.array(z.object({
    factor: z.enum(riskFactors), value: z.number(), weight: z.number().int().meta({ description: 'The most that it can contribute' }),
    contribution: z.number().int(), description: z.string(),
  })),
  intervention: z.object({
    type: z.string(), action: z.string(), priority: z.enum(riskLevels), urgency: z.enum(['immediate', 'soon', 'monitor']),
    message: z.string(), actions: z.array(z.string()),
  }),
  last_activity_at: time, time_inactive_seconds: seconds,
  waiting_for: z.enum(['person', 'engine', 'approver', 'operator']).nullable().meta({ description: 'null: the session has ended' }),
  session_age_seconds: seconds, current_stage: z.enum(stages), assessed_at: time,
}).meta({ id: 'Risk' });

export function presentRisk(view: SessionView, now: number): z.input<typeof RiskWire> {
  const risk = assessRisk(riskSourceOf(view), now);
  return {
    session_id: view.session_id, risk_score: risk.score, risk_level: risk.level, predicted_abandonment_probability: risk.score / 100,
    model: { ...riskModel },
    risk_factors: risk.factors.map((scored) => ({ ...scored, description: described(scored) })),
    intervention: interventionFor(risk), last_activity_at: iso(view.last_activity_at), time_inactive_seconds: risk.inactive_ms / 1_000,
    waiting_for: risk.waiting_for, session_age_seconds: Math.max(0, (view.ended_at ?? now) - view.created_at) / 1_000,
    current_stage: view.stage, assessed_at: iso(now),
  };
}

const messages: Readonly<Record<RiskFactor, string>> = {
  inactivity: 'Nothing was heard for a while: remind the person, with a link that leads back here.',
  confusion: 'One question had to be asked again and again: offer to talk to somebody.',
  fatigue: 'Many questions were asked: suggest to save, and to go on later.',
  errors: 'Many answers were refused: let support look at it.',
};

function interventionFor({ score, level, leading }: Risk): z.input<typeof RiskWire>['intervention'] {
  const [factor] = leading;
  const { type, action } = factor === undefined ? { type: 'none', action: 'none' } : interventions[factor];
  return {
    type, action, priority: level, urgency: urgencyOf(score), message: factor === undefined ? 'There is nothing to do.' : messages[factor],
    actions: leading.map((each) => interventions[each].action),
  };
}

function described({ factor, value, contribution }: FactorScore): string {
  const number = Math.floor(value);
  if (factor === 'confusion') return `One question was put ${number === 1 ? 'once' : `${number} times`} at most.`;
  if (factor === 'fatigue') return `${number} question${number === 1 ? ' was' : 's were'} put in all.`;
  if (factor === 'errors') return `${number} answer${number === 1 ? ' was' : 's were'} refused.`;
  const isNobodys = contribution === 0 && value * 1_000 > firstInactiveMs;
  return `Nothing was heard for ${number} seconds${isNobodys ? ', and it is not the person who is waited for' : ''}.`;
}
