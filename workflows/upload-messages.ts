/** A workflow for each try of an upload, which has it looked into and tells its session what came of it. */
import type { UploadKind } from '../domain/upload.ts';

export const uploadWorkflow = 'lookIntoUpload';

/** Numbers that travel with it, so that a replay sees the same ones. */
export interface LookingLimits {
  /** Of a parked task, without force. */
  readonly manualRetries: number;
  /** For so long a file of which the scanner cannot say anything is looked into again. */
  readonly unknownForMs: number;
  readonly unknownPauseMs: number;
}

export interface UploadInput {
  readonly tenant: string;
  readonly session_id: string;
  readonly upload_id: string;
  readonly object_id: string;
  readonly owner: string;
  readonly kind: UploadKind;
  readonly correlation_id: string;
  readonly limits: LookingLimits;
}
