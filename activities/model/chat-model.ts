/** The port to a language model: one question, one JSON object. Whatever it says is a proposal; code judges it. */
import type { Payer } from './payer.ts';

export interface ChatRequest {
  readonly system: string;
  readonly user: string;
  /** JSON schema of the object that is asked for. The server may ignore it, so the reply is judged again. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly schemaName: string;
  readonly signal: AbortSignal;
  /** For the whole call, the reading of the answer included. */
  readonly timeoutMs: number;
  readonly maxOutputTokens: number;
}

/** Tokens to book. What the server reports is believed within what is possible; else they are estimated from the bytes. */
export interface ModelUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly source: 'reported' | 'missing' | 'absurd';
}

export type UnusableReason = 'too_large' | 'not_json' | 'error_body' | 'no_choice' | 'no_content' | 'cut' | 'not_one_object';

/** All three were paid for. `value` is an object that no schema has judged yet. */
export type ModelReply =
  | { readonly kind: 'json'; readonly value: unknown; readonly usage: ModelUsage }
  | { readonly kind: 'refused'; readonly usage: ModelUsage }
  | { readonly kind: 'unusable'; readonly reason: UnusableReason; readonly usage: ModelUsage };

export interface ChatModel {
  /** Throws ModelCallError when there is no answer. Does not retry. */
  complete(request: ChatRequest): Promise<ModelReply>;
}

/** A model as it is configured, and as one person may use it. */
export interface LanguageModel { readonly chat: ChatModel; readonly proposalTimeoutMs: number; readonly readingTimeoutMs: number }

/** The configured model; null in its place: none. It is only to be had at somebody's expense. */
export interface PaidModel { readonly paidBy: (payer: Payer) => LanguageModel }

export type CallFailure = 'timeout' | 'aborted' | 'network' | 'status' | 'breaker_open';

/** No answer from the model. The message holds neither the prompt nor the key nor the server's own words. */
export class ModelCallError extends Error {
  override readonly name = 'ModelCallError';
  readonly failure: CallFailure;
  /** HTTP status, when the failure is one. */
  readonly status: number | null;
  /** What the server asked for, in whole seconds of 1..120. */
  readonly retryAfterSeconds: number | null;

  constructor(failure: CallFailure, status: number | null = null, retryAfterSeconds: number | null = null) {
    super(status === null ? `The model gave no answer: ${failure}.` : `The model answered with status ${status}.`);
    this.failure = failure;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
