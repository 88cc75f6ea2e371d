/** Problem details (RFC 9457): the one form of every error. `code` is binding; `detail` says what, `fix` how to mend it. */
import type { Mistake, Rejection } from '../domain/message.ts';

/** HTTP status of every code of the contract. */
export const statusOf = {
  invalid_request: 400,
  invalid_period: 400,
  invalid_steps: 400,
  invalid_window: 400,
  too_many_histories: 400,
  unknown_filter_value: 400,
  confirmation_required: 400,
  unauthenticated: 401,
  forbidden: 403,
  same_person: 403,
  not_found: 404,
  unknown_flow: 404,
  checkpoint_not_found: 404,
  method_not_allowed: 405,
  session_exists: 409,
  wrong_state: 409,
  name_taken: 409,
  too_many_funnels: 409,
  not_asked: 409,
  stale_proposal: 409,
  target_changed: 409,
  request_in_progress: 409,
  not_parked: 409,
  max_retries_exceeded: 409,
  not_clean: 409,
  offset_mismatch: 409,
  upload_id_reused: 409,
  request_timeout: 408,
  link_used: 410,
  link_expired: 410,
  upload_gone: 410,
  precondition_failed: 412,
  payload_too_large: 413,
  file_size_limit: 413,
  unsupported_media_type: 415,
  file_type_invalid: 415,
  range_not_satisfiable: 416,
  answer_invalid: 422,
  unsupported_language: 422,
  flow_invalid: 422,
  input_invalid: 422,
  dependency_rejected: 422,
  idempotency_key_reused: 422,
  checksum_mismatch: 422,
  upload_locked: 423,
  rate_limited: 429,
  session_photo_limit: 429,
  session_document_limit: 429,
  session_size_limit: 429,
  burst_limit: 429,
  concurrent_limit: 429,
  headers_too_large: 431,
  part_checksum_mismatch: 460,
  internal: 500,
  engine_unavailable: 503,
  identity_unavailable: 503,
  limiter_unavailable: 503,
  store_unavailable: 503,
  key_unavailable: 503,
  too_many_streams: 503,
} as const satisfies Record<Rejection, number> & Record<string, number>;

export type ProblemCode = keyof typeof statusOf;
export const problemCodes = Object.keys(statusOf) as readonly ProblemCode[];

const titles: Readonly<Record<number, string>> = {
  400: 'The request is not valid', 401: 'Sign in first', 403: 'Not allowed', 404: 'Not found', 405: 'Method not allowed',
  408: 'Too slow', 409: 'Not possible now', 410: 'Gone', 412: 'Changed meanwhile', 413: 'Too large',
  415: 'Unsupported media type', 416: 'Not in this file', 422: 'Not accepted',
  423: 'Being written', 429: 'Too many requests', 431: 'Headers too large', 460: 'Changed on the way', 500: 'Internal error',
  503: 'Temporarily unavailable',
};

interface ProblemExtras {
  readonly errors?: readonly Mistake[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Members beside the standard ones, as the contract names them. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly Mistake[];
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail, { cause: extras.cause });
    this.code = code;
    this.status = statusOf[code];
    this.errors = extras.errors ?? [];
    this.headers = extras.headers ?? (this.status === 503 ? { 'Retry-After': '1' } : {});
    this.members = extras.members ?? {};
  }

  /** The body. A 404 says nothing about the object, so that a foreign one and a missing one read the same. */
  toJson(instance: string, correlationId: string): Record<string, unknown> {
    return {
      type: `urn:gangway:problem:${this.code}`, title: titles[this.status] ?? 'Error', status: this.status, detail: this.message, instance,
      code: this.code,
      correlation_id: correlationId, errors: this.errors, ...this.members,
    };
  }
}

export const notFound = (): Problem => new Problem('not_found', 'There is nothing here, or nothing that you may see.');
export const unauthenticated = (detail: string): Problem => new Problem('unauthenticated', detail, {
  headers: { 'WWW-Authenticate': 'Bearer realm="gangway"' },
});
