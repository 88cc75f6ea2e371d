/** A file in one request: reserved, streamed into the store, judged, settled. Whatever fails on the way, nothing of it stays. */
import { UploadRefused } from '../domain/upload.ts';
import type { FileStore } from '../stores/files/port.ts';
import { findUpload, settledUse, type UploadRow } from '../stores/postgres/uploads.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { Accepting, Received } from './accepting.ts';
import { UploadFailed } from './failure.ts';
import { filesOf } from './files.ts';
import type { Places } from './places.ts';
import type { Sender, UploadMetrics } from './ports.ts';
import type { OwnUpload, Reserving, Wish } from './reserving.ts';
import { Watch, type Pace } from './watch.ts';
import type { FileFamily } from '../domain/upload.ts';

export interface ReceivingOptions {
  readonly db: Database;
  readonly files: FileStore;
  readonly reserving: Reserving;
  readonly accepting: Accepting;
  readonly places: Places;
  readonly pace: Pace;
  readonly metrics: UploadMetrics;
}

/** A file that is being sent. `bytes` rejects when its form is broken, also behind the file. */
export interface Sent {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Fires when the sender has gone. */
  readonly signal: AbortSignal;
  /** 32 bytes that somebody has declared, or null. */
  readonly sha256: Uint8Array | null;
}

export class Receiving {
  private readonly options: ReceivingOptions;

  constructor(options: ReceivingOptions) {
    this.options = options;
  }

  async receive(sender: Sender, wish: Wish, sent: Sent): Promise<Received> {
    const { reserving, accepting, metrics } = this.options;
    const begun = await reserving.reserve(sender, wish);
    if (begun.kind === 'known') return this.again(sender, begun.upload, sent.sha256);
    metrics.uploadsUnderWay(1);
    const { own } = begun;
    try {
      const received = await this.take(own, begun.family, sent);
      if (received.isNew) await accepting.announce(sender, received.upload);
      else await Promise.all([reserving.giveBack(own), accepting.remind(sender, received.upload)]);
      return received;
    } finally {
      metrics.uploadsUnderWay(-1);
    }
  }

  /** Of what is there already nothing is read: it is told as it stands. */
  private async again(sender: Sender, upload: UploadRow, sha256: Uint8Array | null): Promise<Received> {
    if (sha256 !== null && upload.sha256 !== null && !upload.sha256.equals(sha256)) {
      throw new UploadFailed('upload_id_reused', 'This upload_id names a file of another content.', 'Use a fresh UUID for each file.');
    }
    await this.options.accepting.remind(sender, upload);
    const use = await settledUse(this.options.db.asTenant(upload.tenant), upload);
    return { upload: await findUpload(this.options.db, upload) ?? upload, use, isNew: false };
  }

  private async take(own: OwnUpload, family: FileFamily | null, { bytes, signal, sha256 }: Sent): Promise<Received> {
    const { files, reserving, accepting, places, pace, metrics } = this.options;
    const place = places.hold(own);
    const watch = new Watch(pace, place.moved);
    const max = reserving.bytesMax(own.kind);
    const tooLong = (): Error => new UploadRefused('file_size_limit', `The file has more than ${max} bytes.`, 'Send a smaller one.');
    try {
      await files.put(filesOf(own).sent, watch.through(bytes, max, tooLong), AbortSignal.any([signal, watch.signal, place.signal]));
      metrics.uploadedBytes(watch.size);
      const digest = watch.hash.digest();
      if (sha256 !== null && !digest.equals(sha256)) {
        throw new UploadFailed('checksum_mismatch', 'The content is not what its checksum says.', 'Send it again: it was changed on the way.');
      }
      return await accepting.settle(own, family, digest);
    } catch (error) {
      await reserving.giveBack(own);
      throw error;
    } finally {
      watch.end();
      place.end();
    }
  }
}
