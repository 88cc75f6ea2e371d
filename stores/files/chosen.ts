/** Where uploads are kept: the bucket that is named, else a folder. */
import { join } from 'node:path';
import type { ChunkSealer } from '../../encryption/sealed-chunks.ts';
import { openFolder } from './folder.ts';
import { Incoming } from './incoming.ts';
import type { FileStore } from './port.ts';
import type { S3Settings } from './s3.ts';

export interface FileStoreSettings {
  /** Absolute. With S3 files only go through it. */
  readonly folder: string;
  readonly s3: S3Settings | null;
}

export async function chosenFileStore({ folder, s3 }: FileStoreSettings, sealer: ChunkSealer): Promise<FileStore> {
  if (s3 === null) return openFolder(folder, sealer);
  // its client is large, and most installations have none
  const { openS3 } = await import('./s3.ts');
  return openS3(s3, new Incoming(join(folder, 'incoming')), sealer);
}
