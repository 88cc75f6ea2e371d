/** Why an upload came to nothing, beside the seven layers. */
import type { Verdict } from '../stores/redis/limits/verdict.ts';

export class UploadFailed extends Error {
  override readonly name = 'UploadFailed';
  /** As the contract has it. */
  readonly code:
    | 'not_found' | 'forbidden' | 'wrong_state' | 'request_in_progress' | 'upload_id_reused' | 'idempotency_key_reused'
    | 'checksum_mismatch' | 'request_timeout' | 'upload_gone' | 'offset_mismatch' | 'upload_locked' | 'payload_too_large'
    | 'part_checksum_mismatch' | 'method_not_allowed';
  readonly fix: string;

  constructor(code: UploadFailed['code'], message: string, fix: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.fix = fix;
  }
}

/** The limiter's word where it is none of the seven layers: the day's photos are used up, or it cannot be known. */
export class UploadLimited extends Error {
  override readonly name = 'UploadLimited';
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super('The limiter lets no photo pass.');
    this.verdict = verdict;
  }
}

/** The sender has gone: nobody is there who could be answered. */
export class SenderGone extends Error {
  override readonly name = 'SenderGone';
}
