/**
 * The one way in, whichever door an upload comes by: what is declared (layers 1 and 2), its rows (3, 4, 5 and 7), and for photos the
 * burst (6) and the day. What a later step refuses, the earlier ones get back.
 */
import { randomUUID } from 'node:crypto';
import { holds } from '../domain/message.ts';
import { UploadRefused, type FileFamily, type UploadKind, type UploadLimits } from '../domain/upload.ts';
import { sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { releaseUpload, reserveUpload, type UploadRow, type UploadTimes, type UploadWriter } from '../stores/postgres/uploads.ts';
import type { Limiter } from '../stores/redis/limits/limiter.ts';
import type { Resource } from '../stores/redis/limits/policy.ts';
import { personSubject } from '../stores/redis/limits/subject.ts';
import { refusing, type Verdict } from '../stores/redis/limits/verdict.ts';
import { UploadFailed, UploadLimited } from './failure.ts';
import { removeFiles } from './files.ts';
import type { ContentJudge, Sender } from './ports.ts';

export interface ReservingOptions {
  readonly db: Database;
  readonly files: FileStore;
  readonly sealer: Sealer;
  readonly limiter: Limiter;
  /** What photos count on. */
  readonly photos: Resource;
  readonly judge: ContentJudge;
  readonly limits: UploadLimits;
  readonly times: UploadTimes;
  /** Something could not be given back: it ends by itself. */
  readonly onLeft: (error: unknown) => void;
}

/** What somebody wants to send. */
export interface Wish {
  readonly session_id: string;
  /** null: one is made. */
  readonly upload_id: string | null;
  readonly kind: UploadKind;
  /** As it was given. */
  readonly name: string;
  readonly type: string;
  /** null: nobody said; then it counts as the most that one of its kind may have. */
  readonly bytes: number | null;
  readonly resumable: boolean;
  /** 32 bytes that its content is declared to have; null: nobody said. */
  readonly sha256: Uint8Array | null;
}

export type OwnUpload = UploadWriter & Pick<UploadRow, 'owner' | 'kind'>;

export type Begun =
  | { readonly kind: 'begun'; readonly upload: UploadRow; readonly own: OwnUpload; readonly family: FileFamily | null }
  | { readonly kind: 'known'; readonly upload: UploadRow }
  | { readonly kind: 'same'; readonly upload: UploadRow };

/** Longest that a plain photo which nobody settles counts, milliseconds: longer than the slowest one may take. */
const photoLeaseMs = 3 * 3_600_000;

export class Reserving {
  private readonly options: ReservingOptions;

  constructor(options: ReservingOptions) {
    this.options = options;
  }

  /** The most bytes that a file of its kind may have. */
  bytesMax(kind: UploadKind): number {
    const { fileBytes, voiceBytes } = this.options.limits;
    return kind === 'voice' ? voiceBytes : fileBytes;
  }

  /** Throws UploadRefused, UploadLimited, UploadFailed; then nothing is reserved. */
  async reserve({ actor }: Sender, wish: Wish): Promise<Begun> {
    const { db, sealer, judge, limits, times } = this.options;
    const declared = judge.judgeDeclared({ kind: wish.kind, name: wish.name, type: wish.type, length: wish.bytes ?? 1 }, limits);
    const uploadId = wish.upload_id ?? randomUUID();
    const bytes = wish.bytes ?? this.bytesMax(wish.kind);
    const own = {
      tenant: actor.tenant, session_id: wish.session_id, upload_id: uploadId, owner: actor.subject, object_id: randomUUID(),
      writer: randomUUID(), kind: wish.kind,
    };
    const name = sealer.seal(Buffer.from(declared.name), sealedAs.uploadName(actor.tenant, uploadId));
    const wanted = { ...own, sealed_name: name, family: declared.family, bytes, resumable: wish.resumable, sha256: wish.sha256 };
    const reserved = await reserveUpload(db, wanted, limits, times);
    switch (reserved.kind) {
      case 'known': case 'same': return reserved;
      case 'not_owner':
        throw new UploadFailed(
          holds(actor, 'admin') ? 'forbidden' : 'not_found', 'Only the owner of a session sends files to it.', 'Send them to your own.',
        );
      case 'session_ended':
        throw new UploadFailed('wrong_state', 'This session has ended and takes no more files.', 'Start another session.');
      case 'busy':
        throw new UploadFailed(
          'request_in_progress', 'An upload with this upload_id is under way.', 'Wait until it is over, or send it under another id.',
        );
      case 'taken':
        throw new UploadFailed('upload_id_reused', 'This upload_id names another upload.', 'Use a fresh UUID for each file.');
      case 'refused': throw await this.firstRefusal(own, reserved.refusal);
      case 'reserved': break;
    }
    try {
      await this.countPhoto(own, wish.resumable ? times.resumableMs : photoLeaseMs);
    } catch (error) {
      await this.left(releaseUpload(db, { ...own, writer: reserved.upload.writer }));
      throw error;
    }
    if (reserved.replaced !== null) await this.left(removeFiles(this.options.files, reserved.replaced));
    return { kind: 'begun', upload: reserved.upload, own, family: declared.family };
  }

  /** It came to nothing: as if it had never been. Its files go first, so that a kill in between leaves what is found again. */
  async giveBack(own: OwnUpload): Promise<void> {
    await Promise.all([
      this.left(removeFiles(this.options.files, own).then(() => releaseUpload(this.options.db, own))), this.endPhoto(own, false),
    ]);
  }

  /** A photo that was taken counts from when it was reserved; one that was not, not at all. */
  async endPhoto(own: Pick<OwnUpload, 'tenant' | 'owner' | 'upload_id' | 'object_id' | 'kind'>, counts: boolean): Promise<void> {
    if (own.kind !== 'photo') return;
    await this.options.limiter.settle(this.charges(counts ? 1 : 0), personSubject(own.tenant, own.owner), photoId(own));
  }

  /** Layer 6 answers before layer 7, and is asked for nothing but that. */
  private async firstRefusal(own: OwnUpload, refusal: UploadRefused): Promise<Error> {
    if (own.kind !== 'photo' || refusal.layer !== 'concurrent_limit') return refusal;
    const verdict = await this.options.limiter.look(this.charges(1), personSubject(own.tenant, own.owner));
    return verdict.outcome === 'allowed' ? refusal : refusalOf(verdict);
  }

  private async countPhoto(own: OwnUpload, leaseMs: number): Promise<void> {
    if (own.kind !== 'photo') return;
    const verdict = await this.options.limiter.reserve(
      this.charges(1), personSubject(own.tenant, own.owner), { id: photoId(own), leaseMs },
    );
    if (verdict.outcome !== 'allowed') throw refusalOf(verdict);
  }

  private charges(requests: number): Parameters<Limiter['reserve']>[0] {
    return [{ resource: this.options.photos, cost: requests === 0 ? {} : { requests } }];
  }

  private async left(work: Promise<unknown>): Promise<void> {
    await work.catch(this.options.onLeft);
  }
}

/** Of one try: what has ended under an id cannot be reserved again for a while. */
function photoId({ upload_id: uploadId, object_id: objectId }: Pick<OwnUpload, 'upload_id' | 'object_id'>): string {
  return `${uploadId}:${objectId}`;
}

/** Where the day is used up as well, waiting a minute would not help: then it is no burst. */
function refusalOf(verdict: Verdict): Error {
  const violated = refusing(verdict.policies).map(({ policy }) => policy);
  const burst = violated.find(({ name }) => name === 'photo_burst');
  if (verdict.outcome === 'unavailable' || burst === undefined || violated.length > 1) return new UploadLimited(verdict);
  return new UploadRefused(
    'burst_limit', `More than ${burst.quota} photos in ${burst.windowSeconds} seconds.`, 'Send them a little more slowly.',
    verdict.retryAfterSeconds * 1_000,
  );
}
