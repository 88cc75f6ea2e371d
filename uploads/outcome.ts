/** What came of an upload, for who counts them. */
import { UploadRefused } from '../domain/upload.ts';
import { SenderGone } from './failure.ts';
import type { UploadOutcome } from './ports.ts';

export function outcomeOf(error: unknown): UploadOutcome {
  if (error instanceof UploadRefused) return error.layer;
  return error instanceof SenderGone ? 'aborted' : 'failed';
}
