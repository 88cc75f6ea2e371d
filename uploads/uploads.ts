/** Uploads as doors know them: received at once or bit by bit, shown, read and deleted. */
import type { UploadLimits } from '../domain/upload.ts';
import { sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { FileStore, StoredBytes } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import {
  deleteUpload, type UploadName, type UploadRow, type UploadTimes,
} from '../stores/postgres/uploads.ts';
import type { Limiter } from '../stores/redis/limits/limiter.ts';
import type { Resource } from '../stores/redis/limits/policy.ts';
import { Accepting, type Received } from './accepting.ts';
import { filesOf, forgetUpload } from './files.ts';
import { Places } from './places.ts';
import type { ContentJudge, Sender, UploadMetrics, UploadInspections, UploadSessions } from './ports.ts';
import { Receiving, type Sent } from './receiving.ts';
import { Reserving, type Wish } from './reserving.ts';
import { Resuming } from './resuming.ts';
import type { Pace } from './watch.ts';

export interface UploadSettings { readonly limits: UploadLimits; readonly times: UploadTimes; readonly pace: Pace }

export interface UploadsOptions extends UploadSettings {
  readonly db: Database;
  readonly files: FileStore;
  readonly sealer: Sealer;
  readonly limiter: Limiter;
  /** What photos count on. */
  readonly photos: Resource;
  readonly judge: ContentJudge;
  readonly sessions: UploadSessions;
  readonly inspections: UploadInspections;
  readonly metrics: UploadMetrics;
  /** Something is left for later, and why. */
  readonly onLeft: (what: string, error: unknown) => void;
}

export class Uploads {
  readonly limits: UploadLimits;
  readonly resumable: Resuming;
  private readonly options: UploadsOptions;
  private readonly receiving: Receiving;

  constructor(options: UploadsOptions) {
    const left = (what: string) => (error: unknown): void => { options.onLeft(what, error); };
    const reserving = new Reserving({ ...options, onLeft: left('a reservation is given back by its time') });
    const accepting = new Accepting({ ...options, reserving, onUninspected: left('an upload is processed later') });
    const places = new Places({ ...options, onFailure: left('places of uploads are renewed later') });
    this.options = options;
    this.limits = options.limits;
    this.receiving = new Receiving({ ...options, reserving, accepting, places });
    this.resumable = new Resuming({ ...options, reserving, accepting, places, onLeft: left('a part of an upload is removed later') });
  }

  receive(sender: Sender, wish: Wish, sent: Sent): Promise<Received> {
    return this.receiving.receive(sender, wish, sent);
  }

  nameOf({ tenant, upload_id: uploadId, sealed_name: sealed }: UploadRow): string {
    return this.options.sealer.open(sealed, sealedAs.uploadName(tenant, uploadId)).toString('utf8');
  }

  /** What may be downloaded; null: its files are gone. */
  content(upload: UploadRow, what: 'clean' | 'thumbnail'): Promise<StoredBytes | null> {
    return this.options.files.open(filesOf(upload)[what]);
  }

  /** Its quota is free, then its session is told, then its files go. Null: there is none. */
  async delete(sender: Sender, name: UploadName): Promise<UploadRow | null> {
    const { db, sessions, onLeft } = this.options;
    const deleted = await deleteUpload(db, name);
    if (deleted === null) return null;
    await forgetUpload(this.options, deleted).catch((error: unknown) => {
      onLeft('files of a deleted upload go later', error);
    });
    await sessions.note(sender, deleted).catch((error: unknown) => {
      onLeft('a session is not told that an upload was deleted', error);
    });
    return deleted;
  }
}
