/** What receiving needs of others. */
import type { Actor } from '../domain/message.ts';
import type { FileFamily, UploadKind, UploadLayer, UploadLimits } from '../domain/upload.ts';
import type { StoredBytes } from '../stores/files/port.ts';
import type { UploadRow } from '../stores/postgres/uploads.ts';

/** Who sends, and under which id it is found in logs. */
export interface Sender { readonly actor: Actor; readonly correlationId: string }

/** Layers 1 and 2, by what is said and by what it is (uploads/content). Both throw UploadRefused. */
export interface ContentJudge {
  readonly judgeDeclared: (
    file: { readonly kind: UploadKind; readonly name: string; readonly type: string | null; readonly length: number }, limits: UploadLimits,
  ) => { readonly family: FileFamily | null; readonly name: string };
  readonly judgeContent: (
    file: StoredBytes, declared: { readonly kind: UploadKind; readonly family: FileFamily | null }, limits: UploadLimits,
  ) => Promise<{ readonly family: FileFamily; readonly width?: number; readonly height?: number; readonly marks: readonly unknown[] }>;
}

/** The session that an upload belongs to. */
export interface UploadSessions {
  /** It is there, or was deleted. Throws MessageRejected when the session takes it no longer. The same word again changes nothing. */
  note(sender: Sender, upload: UploadRow): Promise<void>;
}

/** What is done with an upload before anybody may have it. */
export interface UploadInspections {
  /** Once for each try of an upload, however often it is asked for. */
  start(upload: UploadRow): Promise<void>;
}

export type UploadOutcome = 'accepted' | 'same_content' | 'repeated' | 'failed' | 'aborted' | UploadLayer;

export interface UploadMetrics {
  readonly uploadEnded: (door: UploadDoor, outcome: UploadOutcome) => void;
  readonly uploadedBytes: (bytes: number) => void;
  /** +1 and -1. */
  readonly uploadsUnderWay: (change: number) => void;
}

export type UploadDoor = 'multipart' | 'resumable';
