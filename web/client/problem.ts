/** What went wrong with a request, in words for a person. */
import type { Mistake } from './contract.ts';

/** What is told of a problem: the contract's own, or one of the page itself. */
export interface Told {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly Mistake[];
  readonly correlation_id: string | null;
}

export class RequestProblem extends Error {
  override readonly name = 'RequestProblem';
  /** 0: nobody answered. */
  readonly status: number;
  readonly code: string;
  readonly mistakes: readonly Mistake[];
  readonly correlationId: string | null;
  /** All that was told. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Told) {
    super(body.detail);
    this.status = status;
    this.code = body.code;
    this.mistakes = body.errors;
    this.correlationId = body.correlation_id;
    this.members = { ...body };
  }

  /** Nothing is known of what became of it: asked once more under the same key, it happens once. */
  get isUnknown(): boolean { return this.status === 0 || this.status >= 500; }
}

export function unreachable(): RequestProblem {
  return new RequestProblem(0, {
    code: 'unreachable', detail: 'Gangway does not answer. Nothing is lost: try again in a moment.', errors: [], correlation_id: null,
  });
}

/** Whatever was thrown. */
export function problemOf(error: unknown): RequestProblem {
  if (error instanceof RequestProblem) return error;
  const detail = `Something in this page failed: ${error instanceof Error ? error.message : String(error)}. Reload it.`;
  return new RequestProblem(0, { code: 'page', detail, errors: [], correlation_id: null });
}
