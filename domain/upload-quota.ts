/** Layers 3, 4, 5 and 7 on what is there already. Pure: the one judgement of every door. */
import { UploadRefused, type UploadKind, type UploadLimits } from './upload.ts';

/** What a session and its owner hold already, reservations of what is on its way included. */
export interface UploadUse {
  readonly photos: number;
  readonly documents: number;
  readonly bytes: number;
  /** Uploads of the person that are under way. */
  readonly active: number;
  /** Until one of them may be over by itself, milliseconds. */
  readonly placeInMs: number;
}

export interface UploadClaim { readonly kind: UploadKind; readonly bytes: number }

/** Layers 3 to 5: the first that has no room for it, or null. */
export function sessionRefusal(use: UploadUse, { kind, bytes }: UploadClaim, limits: UploadLimits): UploadRefused | null {
  const { sessionPhotos, sessionDocuments, sessionBytes } = limits;
  if (kind === 'photo' && use.photos >= sessionPhotos) {
    return new UploadRefused('session_photo_limit', `A session holds ${sessionPhotos} photos at most.`, 'Delete a photo of this session.');
  }
  if (kind === 'document' && use.documents >= sessionDocuments) {
    return new UploadRefused(
      'session_document_limit', `A session holds ${sessionDocuments} documents at most.`, 'Delete a document of this session.',
    );
  }
  if (use.bytes + bytes > sessionBytes) {
    return new UploadRefused(
      'session_size_limit', `A session holds ${sessionBytes} bytes at most; ${Math.max(0, sessionBytes - use.bytes)} are left.`,
      'Delete a file of this session, or send a smaller one.',
    );
  }
  return null;
}

/** Layer 7. */
export function placeRefusal(use: UploadUse, { concurrent }: UploadLimits): UploadRefused | null {
  if (use.active < concurrent) return null;
  return new UploadRefused(
    'concurrent_limit', `${concurrent} uploads of yours are under way, which is the most at once.`, 'Wait until one of them is over.',
    Math.max(1_000, use.placeInMs),
  );
}
