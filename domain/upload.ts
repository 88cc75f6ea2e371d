/** Uploads: what kinds of files there are, what each may hold, and the words of the seven layers. */

export const uploadKinds = ['photo', 'document', 'voice'] as const;
export type UploadKind = (typeof uploadKinds)[number];

/**
 * receiving: a place is reserved and bytes may be on their way. quarantined: all of it is there and nobody may have it yet. clean: it
 * may be downloaded. rejected: it was looked into and is not taken; it counts on no quota. deleted: by a person; it counts on none.
 */
export const uploadStatuses = ['receiving', 'quarantined', 'clean', 'rejected', 'deleted'] as const;
export type UploadStatus = (typeof uploadStatuses)[number];

/** What a session is told of an upload: that it is there, what came of it, or that it was deleted. */
export interface UploadNote {
  readonly upload_id: string;
  /** One try to send it: a new one under the same id is another file. */
  readonly object_id: string;
  readonly kind: UploadKind;
  readonly status: Exclude<UploadStatus, 'receiving'>;
  /** Why it was rejected or deleted, in a few words; null where there is nothing to say. */
  readonly reason: string | null;
}

/** What came of looking into an upload. deleted: somebody was faster. gone: there is no such try any more. */
export type UploadVerdict =
  | { readonly status: 'clean' | 'rejected' | 'deleted'; readonly reason: string | null }
  | { readonly status: 'gone' };

/** What content is, whatever names and types were given to it. Types are compared by family. */
export const fileFamilies = ['jpeg', 'png', 'webp', 'heic', 'pdf', 'docx', 'mpeg', 'wav', 'webm', 'ogg', 'm4a'] as const;
export type FileFamily = (typeof fileFamilies)[number];

export const familiesOf: Readonly<Record<UploadKind, readonly FileFamily[]>> = {
  photo: ['jpeg', 'png', 'webp', 'heic'], document: ['pdf', 'docx', 'jpeg', 'png'], voice: ['mpeg', 'wav', 'webm', 'ogg', 'm4a'],
};

/** The seven layers in the order in which they answer. */
export const uploadLayers = [
  'file_type_invalid', 'file_size_limit', 'session_photo_limit', 'session_document_limit', 'session_size_limit', 'burst_limit',
  'concurrent_limit',
] as const;
export type UploadLayer = (typeof uploadLayers)[number];

/** Counts, bytes and pixels. */
export interface UploadLimits {
  readonly fileBytes: number;
  readonly voiceBytes: number;
  readonly pixels: number;
  readonly sessionPhotos: number;
  readonly sessionDocuments: number;
  readonly sessionBytes: number;
  readonly concurrent: number;
}

/** Refused by a layer; `reason` is for people and names no content. */
export class UploadRefused extends Error {
  override readonly name = 'UploadRefused';
  readonly layer: UploadLayer;
  /** What the person could do, when it is not plain from the reason. */
  readonly fix: string;
  /** When it may be tried again; null: not by waiting. */
  readonly retryAfterMs: number | null;

  constructor(layer: UploadLayer, reason: string, fix: string, retryAfterMs: number | null = null) {
    super(reason);
    this.layer = layer;
    this.fix = fix;
    this.retryAfterMs = retryAfterMs;
  }
}
