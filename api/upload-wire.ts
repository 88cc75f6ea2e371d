/** Uploads as the contract shows them. */
import { z } from 'zod';
import { uploadKinds, uploadStatuses, type UploadLimits } from '../domain/upload.ts';
import type { UploadUse } from '../domain/upload-quota.ts';
import type { UploadRow } from '../stores/postgres/uploads.ts';
import { familyFacts } from '../uploads/content/families.ts';
import type { Uploads } from '../uploads/uploads.ts';
import { iso } from './presentation.ts';
import { sessionParams, time, uuid } from './wire.ts';

export const uploadParams = sessionParams.extend({ upload_id: uuid });
export const kind = z.enum(uploadKinds);

const share = z.object({ used: z.number().int(), limit: z.number().int() });
const hash = z.string().length(64).meta({ description: 'SHA-256, lower-case hexadecimal' });

const QuotaWire = z.object({ photos: share, documents: share, bytes: share }).meta({
  id: 'UploadQuota', description: 'What the session holds, and how much it may',
});

export const ReceivedWire = z.object({
  upload_id: uuid, kind, size_bytes: z.number().int(), sha256: hash, status: z.enum(uploadStatuses), quota: QuotaWire,
}).meta({ id: 'ReceivedUpload' });

export const UploadWire = z.object({
  upload_id: uuid, session_id: uuid, kind, status: z.enum(uploadStatuses), name: z.string(), size_bytes: z.number().int(), sha256: hash,
  type: z.string().meta({ description: 'Media type of the content; once it is clean, of what is downloaded' }),
  width: z.number().int().nullable(), height: z.number().int().nullable(),
  reason: z.string().nullable().meta({ description: 'Why it was rejected' }),
  scan: z.string().nullable().meta({ description: 'What scanned it, or not_configured; null until it was looked into' }),
  has_thumbnail: z.boolean(), created_at: time,
}).meta({ id: 'Upload' });

export function presentReceived({ limits }: Uploads, upload: UploadRow, use: UploadUse): z.input<typeof ReceivedWire> {
  return {
    upload_id: upload.upload_id, kind: upload.kind, size_bytes: upload.size_bytes ?? 0, sha256: upload.sha256?.toString('hex') ?? '',
    status: upload.status, quota: presentQuota(limits, use),
  };
}

function presentQuota(limits: UploadLimits, { photos, documents, bytes }: UploadUse): z.input<typeof QuotaWire> {
  return {
    photos: { used: photos, limit: limits.sessionPhotos }, documents: { used: documents, limit: limits.sessionDocuments },
    bytes: { used: bytes, limit: limits.sessionBytes },
  };
}

export function presentUpload(uploads: Uploads, upload: UploadRow): z.input<typeof UploadWire> {
  const { clean } = upload;
  const family = clean?.family ?? upload.family;
  return {
    upload_id: upload.upload_id, session_id: upload.session_id, kind: upload.kind, status: upload.status, name: uploads.nameOf(upload),
    size_bytes: upload.size_bytes ?? 0, sha256: upload.sha256?.toString('hex') ?? '',
    type: family === null ? 'application/octet-stream' : familyFacts[family].type, width: clean?.width ?? upload.width,
    height: clean?.height ?? upload.height, reason: upload.reason, scan: clean?.scan ?? null, has_thumbnail: clean?.thumbnail ?? false,
    created_at: iso(upload.created_at.getTime()),
  };
}
