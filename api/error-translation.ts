/** Errors at the edge: everything that can go wrong as a problem of the contract, and as much of it as a log may hold. */
import { MessageRejected } from '../domain/message.ts';
import { StoreLimitError } from '../stores/clickhouse/client.ts';
import { KeyUnavailableError, SealBrokenError } from '../encryption/sealer.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { UploadRefused } from '../domain/upload.ts';
import { SenderGone, UploadFailed, UploadLimited } from '../uploads/failure.ts';
import { IdentityUnavailableError } from './identity-keys.ts';
import { notFound, Problem, statusOf } from './problem.ts';
import { EngineUnavailableError } from '../engine/calls.ts';
import { refusal } from './limits/guard.ts';

/** Everything that can go wrong, translated once. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof MessageRejected) {
    // a session that holds all it can: a store that is back takes some seconds to be tried again
    const later = error.code === 'store_unavailable' ? { headers: { 'Retry-After': '5' } } : {};
    return error.code === 'not_found' ? notFound() : new Problem(error.code, error.message, { errors: error.mistakes, ...later });
  }
  if (error instanceof UploadRefused) return refusedUpload(error);
  if (error instanceof UploadFailed) {
    if (error.code === 'not_found') return notFound();
    return new Problem(error.code, error.message, {
      cause: error.cause, errors: [{ pointer: '/file', code: error.code, message: error.message, fix: error.fix }],
    });
  }
  if (error instanceof UploadLimited) return refusal(error.verdict);
  // nobody reads it; the log has it
  if (error instanceof SenderGone) return new Problem('request_timeout', 'The sender has gone.', { cause: error });
  if (error instanceof EngineUnavailableError) {
    return new Problem(
      'engine_unavailable',
      'The session engine does not answer right now. Nothing was lost: repeat with the same message_id or Idempotency-Key.',
      { cause: error, headers: { 'Retry-After': '2' } },
    );
  }
  if (error instanceof StoreUnavailableError) {
    return new Problem(
      'store_unavailable', `A store this needs does not answer right now (${error.store}). Repeat in a moment.`,
      { cause: error, headers: { 'Retry-After': '2' } },
    );
  }
  if (error instanceof IdentityUnavailableError) {
    return new Problem(
      'identity_unavailable', 'The keys of the identity provider cannot be had right now, so this token was not judged. Repeat it.',
      { cause: error, headers: { 'Retry-After': String(error.retryAfterSeconds) } },
    );
  }
  if (error instanceof KeyUnavailableError || error instanceof SealBrokenError) {
    return new Problem(
      'key_unavailable',
      'What this needs cannot be decrypted right now. Nothing was lost: repeat later with the same message_id or Idempotency-Key.',
      { cause: error, headers: { 'Retry-After': '30' } },
    );
  }
  if (error instanceof StoreLimitError) {
    return new Problem(
      'store_unavailable', `This question needs more ${error.limit} than a report is given. Ask for a shorter period.`, { cause: error },
    );
  }
  return new Problem('internal', 'Something went wrong on our side. The correlation id names it in our logs.', { cause: error });
}

/** Of a session's quotas, which are not free by waiting: a reader that only waits is kept from asking at once. */
const quotaRetrySeconds = 60;

/** What one of the seven layers says. */
function refusedUpload({ layer, message, fix, retryAfterMs }: UploadRefused): Problem {
  const isLimit = statusOf[layer] === 429;
  return new Problem(layer, message, {
    errors: [{ pointer: '/file', code: layer, message, fix: fix === '' ? 'Send another file.' : fix }],
    ...(isLimit ? {
      headers: { 'Retry-After': String(retryAfterMs === null ? quotaRetrySeconds : Math.max(1, Math.ceil(retryAfterMs / 1_000))) },
      members: { violated_policies: [layer === 'burst_limit' ? 'photo_burst' : layer] },
    } : {}),
  });
}

/** The chain of what went wrong, by our own words and class names: a driver's message may quote values. */
export function causesOf(problem: Problem): string {
  const causes: string[] = [];
  for (let error = problem.cause; error instanceof Error && causes.length < 5; error = error.cause) {
    causes.push(
      error instanceof EngineUnavailableError || error instanceof StoreUnavailableError || error instanceof KeyUnavailableError
        || error instanceof IdentityUnavailableError ? error.message : error.name,
    );
  }
  return causes.join(' < ');
}

/** Class, code and where, but not the message: a driver quotes the values it was given. */
export function frames(error: unknown): { readonly type: string; readonly code?: string; readonly at: readonly string[] } {
  if (!(error instanceof Error)) return { type: typeof error, at: [] };
  const at = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)).slice(0, 12).map((line) => line.trim());
  return { type: error.name, at, ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}) };
}
