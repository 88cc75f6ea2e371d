/** The model behind its breaker: while it is open nobody waits for a model that does not answer. */
import { BreakerOpenError, type Judgement, type OutsideBreaker } from '../../outside/breakers/outside-breaker.ts';
import { ModelCallError, type ChatModel } from './chat-model.ts';

/** Throws ModelCallError, `breaker_open` for a call that was not made. */
export function guardedChat(breaker: OutsideBreaker, chat: ChatModel): ChatModel {
  return {
    complete: (request) => breaker.call(() => chat.complete(request)).catch((error: unknown) => {
      throw error instanceof BreakerOpenError ? new ModelCallError('breaker_open') : error;
    }),
  };
}

/** Too many requests is the server's word that it is well, and so is a refusal of what it was asked. */
export function judgeCall(error: unknown): Judgement {
  if (!(error instanceof ModelCallError) || error.failure === 'aborted') return 'unknown';
  return error.status !== null && error.status < 500 ? 'answered' : 'failed';
}
