/** A file in one request: reserved, streamed into the store, judged, settled. Whatever fails on the way, nothing of it stays. */
import { UploadRefused, type FileFamily } from '../domain/upload.ts';
import { heeding } from '../stores/files/bytes.ts';
import type { FileStore } from '../stores/files/port.ts';
import { findUpload, settledUse, type UploadRow } from '../stores/postgres/uploads.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { Accepting, Received } from './accepting.ts';
import { UploadFailed } from './failure.ts';
import { filesOf } from './files.ts';
import { outcomeOf } from './outcome.ts';
import type { Places } from './places.ts';
import type { Sender, UploadMetrics } from './ports.ts';
import type { OwnUpload, Reserving, Wish } from './reserving.ts';
import { Watch, type Pace } from './watch.ts';

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
  /** 32 bytes that the file's content was declared to have, or null. */
  readonly sha256: Uint8Array | null;
  /** Whether a content is what was declared by other means; asked when all bytes have come. */
  readonly isDeclared: (sha256: Uint8Array) => boolean;
  /** The same request may come again: then it is the same only with the same bytes. */
  readonly isKeyed: boolean;
}

export class Receiving {
  private readonly options: ReceivingOptions;

  constructor(options: ReceivingOptions) {
    this.options = options;
  }

  async receive(sender: Sender, wish: Wish, sent: Sent): Promise<Received> {
    const { metrics } = this.options;
    try {
      const received = await this.received(sender, wish, sent);
      const isRepeat = received.upload.upload_id === wish.upload_id;
      metrics.uploadEnded('multipart', received.isNew ? 'accepted' : isRepeat ? 'repeated' : 'same_content');
      return received;
    } catch (error) {
      metrics.uploadEnded('multipart', outcomeOf(error));
      throw error;
    }
  }

  private async received(sender: Sender, wish: Wish, sent: Sent): Promise<Received> {
    const { reserving, accepting, metrics } = this.options;
    const begun = await reserving.reserve(sender, wish);
    if (begun.kind === 'known') return this.again(sender, begun.upload, sent);
    if (begun.kind === 'same') return this.same(sender, begun.upload, sent);
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

  /** What is there already is told as it stands. Of its bytes nothing is read, unless the request itself has to be the same. */
  private async again(sender: Sender, upload: UploadRow, sent: Sent): Promise<Received> {
    const { sha256 } = sent;
    if (sent.isKeyed && upload.sha256 !== null && !upload.sha256.equals(await this.digestOf(upload, sent))) {
      throw new UploadFailed(
        'idempotency_key_reused', 'This Idempotency-Key was used with another file.', 'Use a fresh key for another file.',
      );
    }
    if (sha256 !== null && upload.sha256 !== null && !upload.sha256.equals(sha256)) {
      throw new UploadFailed('upload_id_reused', 'This upload_id names a file of another content.', 'Use a fresh UUID for each file.');
    }
    return this.asItStands(sender, upload);
  }

  private async asItStands(sender: Sender, upload: UploadRow): Promise<Received> {
    await this.options.accepting.remind(sender, upload);
    const use = await settledUse(this.options.db.asTenant(upload.tenant), upload);
    return { upload: await findUpload(this.options.db, upload) ?? upload, use, isNew: false };
  }

  /** Declared to be what is there already: its bytes are read, and kept nowhere, only to see that they are. */
  private async same(sender: Sender, upload: UploadRow, sent: Sent): Promise<Received> {
    this.checkDeclared(await this.digestOf(upload, sent), sent);
    return this.asItStands(sender, upload);
  }

  private checkDeclared(digest: Buffer, { sha256, isDeclared }: Sent): void {
    if ((sha256 === null || digest.equals(sha256)) && isDeclared(digest)) return;
    throw new UploadFailed(
      'checksum_mismatch', 'The content is not what its checksum says.', 'Send it again: it was changed on the way.',
    );
  }

  private async digestOf(upload: UploadRow, { bytes, signal }: Sent): Promise<Buffer> {
    const watch = new Watch(this.options.pace, () => undefined);
    try {
      const max = this.options.reserving.bytesMax(upload.kind);
      for await (const _ of heeding(watch.through(bytes, max, tooLong(max)), AbortSignal.any([signal, watch.signal])));
      return watch.hash.digest();
    } finally {
      watch.end();
    }
  }

  private async take(own: OwnUpload, family: FileFamily | null, sent: Sent): Promise<Received> {
    const { files, reserving, accepting, places, pace, metrics } = this.options;
    const { bytes, signal } = sent;
    const place = places.hold(own);
    const watch = new Watch(pace, place.moved);
    const max = reserving.bytesMax(own.kind);
    try {
      await files.put(filesOf(own).sent, watch.through(bytes, max, tooLong(max)), AbortSignal.any([signal, watch.signal, place.signal]));
      metrics.uploadedBytes(watch.size);
      const digest = watch.hash.digest();
      this.checkDeclared(digest, sent);
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

function tooLong(max: number): () => UploadRefused {
  return () => new UploadRefused('file_size_limit', `The file has more than ${max} bytes.`, 'Send a smaller one.');
}
