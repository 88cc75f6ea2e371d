/** Workflows that look into uploads, as others need them. Made by engine/upload-workflows.ts. */
import type { UploadRow } from '../stores/postgres/uploads.ts';

export interface UploadWorkflows {
  /** Once for each try of an upload, however often it is asked for. */
  start(upload: Pick<UploadRow, 'tenant' | 'session_id' | 'upload_id' | 'object_id' | 'owner' | 'kind'>): Promise<void>;
}
