/** Signed requests to somebody else's server behind a breaker: no answer and faults of the server's own count against it. */
import { OutgoingRequestError, type OutgoingAnswer, type Post } from '../request.ts';
import { BreakerOpenError, type Judgement, type OutsideBreaker } from './outside-breaker.ts';

/** Throws OutgoingRequestError, `breaker_open` for a request that was not sent. */
export function guardedPost(breaker: OutsideBreaker, post: Post): Post {
  return async (request) => {
    try {
      return await breaker.call(async () => {
        const answer = await post(request);
        if (answer.status >= 500) throw new FaultyAnswer(answer);
        return answer;
      });
    } catch (error) {
      if (error instanceof FaultyAnswer) return error.answer;
      if (error instanceof BreakerOpenError) throw new OutgoingRequestError('breaker_open', error);
      throw error;
    }
  };
}

export function judgePost(error: unknown): Judgement {
  if (error instanceof FaultyAnswer) return 'failed';
  if (!(error instanceof OutgoingRequestError)) return 'unknown';
  switch (error.reason) {
    case 'timeout':
    case 'connection':
      return 'failed';
    case 'too_large':
      return 'answered';
    default:
      return 'unknown';
  }
}

/** An answer all the same: it goes to the caller as it came. */
class FaultyAnswer extends Error {
  override readonly name = 'FaultyAnswer';
  readonly answer: OutgoingAnswer;
  constructor(answer: OutgoingAnswer) {
    super(`status ${answer.status}`);
    this.answer = answer;
  }
}
