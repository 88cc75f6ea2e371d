/**
 * The budget of the model: what a call may cost is reserved before it and settled after it, for the person whose session it is.
 * Nobody is asked twice for one reservation, a call that failed costs nothing, and while the limiter cannot count nobody is served.
 */
import { randomUUID } from 'node:crypto';
import type { Limiter } from '../../stores/redis/limits/limiter.ts';
import { refusing } from '../../stores/redis/limits/verdict.ts';
import type { Cost, Resource } from '../../stores/redis/limits/policy.ts';
import { personSubject } from '../../stores/redis/limits/subject.ts';
import type { ChatModel, ChatRequest, ModelReply } from './chat-model.ts';
import type { Payer } from './payer.ts';

/** Thousandths of a cent for 1,000 tokens. */
export interface Prices { readonly input: number; readonly output: number }

export interface BudgetOptions { readonly limiter: Limiter; readonly resource: Resource; readonly prices: Prices }

/** The model was not asked. `code` says whether the person's budget is used up or nobody can say. */
export class ModelBudgetError extends Error {
  override readonly name = 'ModelBudgetError';
  readonly code: 'model_budget_exceeded' | 'limiter_unavailable';
  readonly violatedPolicies: readonly string[];

  constructor(code: ModelBudgetError['code'], violatedPolicies: readonly string[]) {
    super(
      code === 'limiter_unavailable' ? 'The model is not asked: its budget cannot be counted now.'
        : `The model is not asked: ${violatedPolicies.join(', ')} is used up.`,
    );
    this.code = code;
    this.violatedPolicies = violatedPolicies;
  }
}

/** A reservation whose worker died is given back after this; no call lasts as long. */
const leaseMs = 600_000;

/** Throws ModelBudgetError beside what the model throws. */
export function budgetedChat(chat: ChatModel, { limiter, resource, prices }: BudgetOptions, payer: Payer): ChatModel {
  const subject = personSubject(payer.tenant, payer.user);
  return {
    complete: async (request): Promise<ModelReply> => {
      const id = randomUUID();
      const verdict = await limiter.reserve([{ resource, cost: costOf(mostTokens(request), prices) }], subject, { id, leaseMs });
      if (verdict.outcome !== 'allowed') {
        const violated = refusing(verdict.policies).map(({ policy }) => policy.name);
        throw new ModelBudgetError(verdict.outcome === 'denied' ? 'model_budget_exceeded' : 'limiter_unavailable', violated);
      }
      try {
        const reply = await chat.complete(request);
        await limiter.settle([{ resource, cost: costOf(reply.usage, prices) }], subject, id);
        return reply;
      } catch (error) {
        await limiter.settle([{ resource, cost: {} }], subject, id);
        throw error;
      }
    },
  };
}

interface Tokens { readonly inputTokens: number; readonly outputTokens: number }

/** About four bytes make a token; the answer can be as long as it is let. */
function mostTokens({ system, user, schema, maxOutputTokens }: ChatRequest): Tokens {
  return { inputTokens: Math.ceil(Buffer.byteLength(system + user + JSON.stringify(schema)) / 4), outputTokens: maxOutputTokens };
}

function costOf({ inputTokens, outputTokens }: Tokens, { input, output }: Prices): Cost {
  return { requests: 1, tokens: inputTokens + outputTokens, cents: (inputTokens * input + outputTokens * output) / 1_000_000 };
}
