/**
 * A file in many requests: begun with its length, grown part by part, joined and judged with the last one. What came of a part is
 * stored before it counts, so that a kill costs the part under way, and a line that breaks costs nothing.
 */
import { createHash, randomUUID, type Hash } from 'node:crypto';
import { UploadRefused, type UploadLimits } from '../domain/upload.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import {
  addParts, deleteUpload, findUpload, leaveWriting, takePlace, type StoredPart, type UploadName, type UploadRow,
  type UploadTimes,
} from '../stores/postgres/uploads.ts';
import type { Accepting, Received } from './accepting.ts';
import { UploadFailed } from './failure.ts';
import { filesOf, forgetUpload } from './files.ts';
import { outcomeOf } from './outcome.ts';
import { Pieces } from './pieces.ts';
import type { Places } from './places.ts';
import type { Sender, UploadMetrics } from './ports.ts';
import type { OwnUpload, Reserving, Wish } from './reserving.ts';
import { Watch, type Pace } from './watch.ts';

export interface ResumingOptions {
  readonly db: Database;
  readonly files: FileStore;
  readonly reserving: Reserving;
  readonly accepting: Accepting;
  readonly places: Places;
  readonly limits: UploadLimits;
  readonly times: UploadTimes;
  readonly pace: Pace;
  readonly metrics: UploadMetrics;
  readonly onLeft: (error: unknown) => void;
}

/** One request of it. */
export interface Addition {
  readonly offset: number;
  /** As it was announced; null: it was not. */
  readonly bytes: number | null;
  readonly body: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** Of this request's bytes: 32 bytes, or null. Then all of them count, or none. */
  readonly sha256: Uint8Array | null;
}

/** `received`: it is whole, and this is what became of it. */
export interface Progress { readonly offset: number; readonly expiresAt: Date; readonly received: Received | null }

/** Bytes of a part: what a kill costs. */
export const partBytes = 1_048_576;
/** Of one upload: a sender of tiny requests ends here. */
const partsMax = 1_000;

type Line = OwnUpload & { readonly upload: UploadRow };

export class Resuming {
  private readonly options: ResumingOptions;

  constructor(options: ResumingOptions) {
    this.options = options;
  }

  /** The same id again is the same upload. */
  async begin(sender: Sender, wish: Omit<Wish, 'resumable' | 'sha256'>): Promise<UploadRow> {
    const { reserving, metrics } = this.options;
    try {
      return (await reserving.reserve(sender, { ...wish, resumable: true, sha256: null })).upload;
    } catch (error) {
      metrics.uploadEnded('resumable', outcomeOf(error));
      throw error;
    }
  }

  /** How far it has come. Throws UploadFailed: there is none of this caller, or its time is over. */
  async look({ actor }: Sender, name: UploadName): Promise<UploadRow> {
    const upload = await findUpload(this.options.db, name);
    if (upload === null || upload.owner !== actor.subject || !upload.resumable) throw missing();
    const isOver = (upload.status === 'deleted' && upload.reason === 'expired') || (upload.status === 'receiving' && upload.is_expired);
    if (isOver) {
      throw new UploadFailed('upload_gone', 'The time for this upload is over.', 'Begin it again: nothing of it is kept.');
    }
    if (upload.status === 'deleted') throw missing();
    return upload;
  }

  async add(sender: Sender, name: UploadName, addition: Addition): Promise<Progress> {
    const found = await this.look(sender, name);
    if (found.status !== 'receiving') throw mismatch(found.declared_bytes);
    const line = await this.line(found, addition);
    const { metrics, places, pace, db } = this.options;
    metrics.uploadsUnderWay(1);
    const place = places.hold(line);
    const watch = new Watch(pace, place.moved);
    let keepsPlace = false;
    try {
      const signal = AbortSignal.any([addition.signal, watch.signal, place.signal]);
      const progress = await this.append(sender, line, { ...addition, signal }, watch);
      keepsPlace = true;
      return progress;
    } finally {
      watch.end();
      place.end();
      metrics.uploadsUnderWay(-1);
      await leaveWriting(db, line, keepsPlace).catch(this.options.onLeft);
    }
  }

  /** Cancelled by its sender. One that is whole is not: that is deleted as an upload. */
  async cancel(sender: Sender, name: UploadName): Promise<void> {
    const found = await this.look(sender, name);
    if (found.status !== 'receiving') {
      throw new UploadFailed('method_not_allowed', 'This upload is whole.', 'Delete it at its own address, …/uploads/{upload_id}/.');
    }
    const deleted = await deleteUpload(this.options.db, found);
    if (deleted === null) throw missing();
    await this.options.reserving.endPhoto(found, false);
    await forgetUpload(this.options, found).catch(this.options.onLeft);
  }

  /** The right to write from this offset on. */
  private async line(found: UploadRow, { offset, bytes }: Addition): Promise<Line> {
    const { db, limits, times } = this.options;
    const own = {
      tenant: found.tenant, session_id: found.session_id, upload_id: found.upload_id, object_id: found.object_id, owner: found.owner,
      kind: found.kind, writer: randomUUID(),
    };
    const place = await takePlace(db, own, limits, times);
    if (place.kind === 'locked') {
      throw new UploadFailed('upload_locked', 'Another request sends this upload just now.', 'Ask for its offset and go on from there.');
    }
    if (place.kind === 'refused') throw place.refusal;
    if (place.kind === 'gone') throw missing();
    const { upload } = place;
    try {
      if (offset !== upload.received_bytes) throw mismatch(upload.received_bytes);
      if (bytes !== null && offset + bytes > upload.declared_bytes) throw tooLong(upload);
      if (upload.parts.length >= partsMax) {
        throw new UploadFailed(
          'payload_too_large', `An upload comes in ${partsMax} requests at most.`, 'Begin it again and send larger pieces, of 1 MB say.',
        );
      }
    } catch (error) {
      await leaveWriting(db, own, true);
      throw error;
    }
    return { ...own, upload };
  }

  private async append(sender: Sender, line: Line, addition: Addition, watch: Watch): Promise<Progress> {
    const { upload } = line;
    const { offset, sha256 } = addition;
    const pieces = new Pieces(watch.through(addition.body, upload.declared_bytes - offset, () => tooLong(upload)), addition.signal);
    const kept = [...upload.parts];
    const pending: StoredPart[] = [];
    let at = offset;
    try {
      while (await pieces.hasMore() && kept.length + pending.length < partsMax) {
        const part = await this.store(line, kept.length + pending.length, pieces);
        pending.push(part);
        const isLast = offset + watch.size >= upload.declared_bytes;
        // the last part counts with the whole, and under a checksum all of them count with the last byte
        if (sha256 !== null || isLast) continue;
        await this.count(line, at, pending);
        at += part.bytes;
        kept.push(...pending.splice(0));
      }
      const isWhole = offset + watch.size >= upload.declared_bytes;
      if (pieces.failure !== null && !isWhole) throw pieces.failure;
      this.options.metrics.uploadedBytes(watch.size);
      if (sha256 !== null && !watch.hash.digest().equals(sha256)) {
        throw new UploadFailed(
          'part_checksum_mismatch', 'What came is not what its checksum says.',
          'Send it again from the same offset: it was changed on the way.',
        );
      }
      if (!isWhole) {
        if (pending.length > 0) await this.count(line, at, pending.splice(0));
        return { offset: offset + watch.size, expiresAt: upload.expires_at, received: null };
      }
      const received = await this.finish(sender, line, [...kept, ...pending]);
      pending.splice(0);
      return { offset: upload.declared_bytes, expiresAt: upload.expires_at, received };
    } finally {
      await this.options.files.delete(pending.map(({ name }) => filesOf(line).part(name))).catch(this.options.onLeft);
    }
  }

  private async store(line: Line, number: number, pieces: Pieces): Promise<StoredPart> {
    const name = `${number}-${line.writer}`;
    const { size } = await this.options.files.put(filesOf(line).part(name), pieces.upTo(partBytes));
    return { name, bytes: size };
  }

  private async count(line: Line, at: number, parts: readonly StoredPart[]): Promise<void> {
    if (!await addParts(this.options.db, line, at, parts)) throw missing();
  }

  /**
   * Joins the parts and has them judged. What is refused is gone; where only a store or the engine does not answer, the parts stay
   * and the last request may come again.
   */
  private async finish(sender: Sender, line: Line, parts: readonly StoredPart[]): Promise<Received> {
    const { files, accepting, reserving, metrics } = this.options;
    const hash = createHash('sha256');
    try {
      await files.put(filesOf(line).sent, this.joined(line, parts, hash));
      const received = await accepting.settle(line, line.upload.family, hash.digest());
      if (received.isNew) {
        await files.delete(parts.map(({ name }) => filesOf(line).part(name))).catch(this.options.onLeft);
        await accepting.announce(sender, received.upload);
      } else {
        await Promise.all([reserving.giveBack(line), accepting.remind(sender, received.upload)]);
      }
      metrics.uploadEnded('resumable', received.isNew ? 'accepted' : 'same_content');
      return received;
    } catch (error) {
      metrics.uploadEnded('resumable', outcomeOf(error));
      if (error instanceof UploadRefused || error instanceof UploadFailed) await reserving.giveBack(line);
      throw error;
    }
  }

  private async* joined(line: Line, parts: readonly StoredPart[], hash: Hash): AsyncIterable<Uint8Array> {
    for (const { name, bytes } of parts) {
      const part = await this.options.files.open(filesOf(line).part(name));
      if (part?.size !== bytes) throw new Error('A stored part of an upload is not there.');
      for await (const piece of part.read()) {
        hash.update(piece);
        yield piece;
      }
    }
  }
}

function missing(): UploadFailed {
  return new UploadFailed('not_found', 'There is no such upload.', 'Begin one by POST …/uploads/resumable/.');
}

function mismatch(offset: number): UploadFailed {
  return new UploadFailed(
    'offset_mismatch', `This upload has come to byte ${offset}.`, 'Ask for its offset by HEAD, and go on from there.',
  );
}

function tooLong({ declared_bytes: length }: UploadRow): UploadFailed {
  return new UploadFailed('payload_too_large', `This upload has ${length} bytes in all.`, 'Send no more than what is missing.');
}
