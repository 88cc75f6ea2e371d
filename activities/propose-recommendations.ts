/**
 * A proposal: the flow's rules say what changes, with the configuration as it stands as before-images; the model, where it is
 * asked, says how sure it is and may suggest other values; the checker and the consensus say what that is worth.
 */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import { z } from 'zod';
import { firstOf, stateParts } from '../domain/bounds.ts';
import type { Answers } from '../domain/expression.ts';
import type { Flow } from '../domain/flow.ts';
import { jsonBytes } from '../domain/json.ts';
import { propose } from '../domain/recommendation.ts';
import { currentValues, type TargetRef } from '../stores/change-target/port.ts';
import { flowVersion, owner, payerOf, sessionTask, values } from './inputs.ts';
import { checkProposal, type CheckedProposal } from './model/checker.ts';
import { askMaker } from './model/maker.ts';
import { defineTask } from './task.ts';

export const proposeRecommendations = defineTask({
  name: 'proposeRecommendations', timeoutMs: 60_000,
  input: sessionTask.extend({
    flow: flowVersion, number: z.number().int(), answers: values, owner,
    /** `model` without one configured is `rules`. */
    provider: z.enum(['model', 'rules']).default('rules'),
    /** Milliseconds since the epoch; null: now. */
    oldest_answer_at: z.number().nullable().default(null),
  }),
  /** Throws ApplicationFailure of type `llm_api` when the model is asked and makes no proposal. */
  run: async (
    { tenant, session_id, owner: user, flow, answers, provider, oldest_answer_at }, { stores: { db }, flows, model, changeTarget, signal }
  ): Promise<CheckedProposal> => {
    const definition = await flows.version(tenant, flow.id, flow.version);
    const existing = await currentValues(db, changeTarget, tenant, targetsOf(definition, answers));
    const recommendations = propose(
      definition, answers, ({ type, key }) => existing.get(`${type}:${key}`) ?? null, { id: () => randomUUID() },
    );
    const asked = provider === 'model' ? model?.paidBy(payerOf({ tenant, session_id, owner: user })) ?? null : null;
    const suggestions = asked === null ? null : await askMaker(asked, definition, answers, recommendations, signal);
    return fitted(checkProposal(definition, recommendations, suggestions, oldest_answer_at === null ? 0 : Date.now() - oldest_answer_at));
  },
});

/** Code points of a rationale in a proposal that is too large with whole ones. */
const shortRationale = 120;

/** As a session can hold it. Throws ApplicationFailure of type `data_integrity` when its changes alone are too large. */
export function fitted(proposal: CheckedProposal): CheckedProposal {
  const size = (of: CheckedProposal): number => jsonBytes(of.recommendations);
  if (size(proposal) <= stateParts.proposal) return proposal;
  const shorter = {
    ...proposal, recommendations: proposal.recommendations.map((item) => ({ ...item, rationale: firstOf(item.rationale, shortRationale) })),
  };
  if (size(shorter) <= stateParts.proposal) return shorter;
  throw ApplicationFailure.create({
    type: 'data_integrity', nonRetryable: true,
    message: `The proposal takes ${size(shorter)} bytes, and a session holds one of ${stateParts.proposal}.`,
  });
}

/** What the rules would ask for, found by asking them over nothing. */
function targetsOf(flow: Flow, answers: Answers): TargetRef[] {
  const targets = new Map<string, TargetRef>();
  propose(flow, answers, ({ type, key }) => {
    targets.set(`${type}:${key}`, { target_type: type, target_key: key });
    return null;
  }, { id: () => '' });
  return [...targets.values()];
}
