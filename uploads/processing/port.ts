/** Making an upload fit to be handed on. */
import type { FileFamily, UploadKind } from '../../domain/upload.ts';
import type { StoredBytes } from '../../stores/files/port.ts';
import type { OutputName, ProcessingVerdict } from './frames.ts';

/** Keeps an output. Rejects when its bytes break off: then there is no such output. */
export type StoreOutput = (output: OutputName, type: string, bytes: AsyncIterable<Uint8Array>) => Promise<void>;

export interface UploadProcessing {
  /**
   * Gives each output to `store`, one after the other, then the verdict. What was stored before a rejection is worthless. Throws
   * ProcessingFailedError when it went wrong in a way that another try may mend, and what the store throws.
   */
  process(
    input: StoredBytes, file: { readonly family: FileFamily; readonly kind: UploadKind }, store: StoreOutput, signal: AbortSignal,
  ): Promise<ProcessingVerdict>;
}

/** The child died by itself, or said what nobody understands. */
export class ProcessingFailedError extends Error {
  override readonly name = 'ProcessingFailedError';
}
