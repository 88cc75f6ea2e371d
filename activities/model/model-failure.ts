import { ApplicationFailure } from '@temporalio/activity';
import { ModelBudgetError } from './budget.ts';
import { ModelCallError, type ModelReply } from './chat-model.ts';

/** A proposal that the model did not make, as the retry policy reads it: type `llm_api`, and the server's own wait where it named one. */
export function modelFailure(error: unknown): unknown {
  // not asked at all: tried again after the category's own pauses, then parked
  if (error instanceof ModelBudgetError) {
    return ApplicationFailure.create({
      type: 'llm_api', message: error.message, cause: error, details: [{ code: error.code, violated_policies: error.violatedPolicies }],
    });
  }
  if (!(error instanceof ModelCallError)) return error;
  return ApplicationFailure.create({
    type: 'llm_api', message: error.message, cause: error, nonRetryable: isLasting(error.status),
    ...(error.retryAfterSeconds === null ? {} : { nextRetryDelay: error.retryAfterSeconds * 1_000 }),
  });
}

/** An answer that came and is no proposal. Asked again, a model refuses again; a cut or wrong answer may come out right. */
export function replyFailure(
  reply: Exclude<ModelReply, { readonly kind: 'json' }> | { readonly kind: 'unusable'; readonly reason: 'wrong_schema' },
): ApplicationFailure {
  if (reply.kind === 'refused') {
    return ApplicationFailure.create({ type: 'llm_api', message: 'The model refused to answer.', nonRetryable: true });
  }
  return ApplicationFailure.create({ type: 'llm_api', message: `The model's answer cannot be used: ${reply.reason}.` });
}

/** Redirects and refusals of the request stay what they are; 408, 409, 425, 429 and the server's own faults pass. */
function isLasting(status: number | null): boolean {
  return status !== null && status >= 300 && status < 500 && ![408, 409, 425, 429].includes(status);
}
