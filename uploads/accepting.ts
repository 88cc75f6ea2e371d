/** All bytes are there: they are judged, counted with what they are, told to the session, and looked into. */
import type { FileFamily, UploadLimits } from '../domain/upload.ts';
import { MessageRejected } from '../domain/message.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { UploadUse } from '../domain/upload-quota.ts';
import type { Database } from '../stores/postgres/database.ts';
import { deleteUpload, settleUpload, type UploadRow } from '../stores/postgres/uploads.ts';
import { UploadFailed } from './failure.ts';
import { filesOf, forgetUpload } from './files.ts';
import type { ContentJudge, Sender, UploadInspections, UploadSessions } from './ports.ts';
import type { OwnUpload, Reserving } from './reserving.ts';

export interface AcceptingOptions {
  readonly db: Database;
  readonly files: FileStore;
  readonly judge: ContentJudge;
  readonly limits: UploadLimits;
  readonly reserving: Reserving;
  readonly sessions: UploadSessions;
  readonly inspections: UploadInspections;
  /** Processing could not be started: whoever looks for unjudged uploads starts it. */
  readonly onUninspected: (error: unknown) => void;
}

export interface Received {
  readonly upload: UploadRow;
  readonly use: UploadUse;
  /** false: the session had it before. */
  readonly isNew: boolean;
}

export class Accepting {
  private readonly options: AcceptingOptions;

  constructor(options: AcceptingOptions) {
    this.options = options;
  }

  /** Judges what is stored as sent. Throws UploadRefused, and UploadFailed when it was cancelled meanwhile; then it is not settled. */
  async settle(own: OwnUpload, family: FileFamily | null, sha256: Uint8Array): Promise<Received> {
    const { db, files, judge, limits } = this.options;
    const stored = await files.open(filesOf(own).sent);
    if (stored === null) throw notThere();
    const content = await judge.judgeContent(stored, { kind: own.kind, family }, limits);
    const settled = await settleUpload(db, own, {
      size: stored.size, sha256, family: content.family, width: content.width ?? null, height: content.height ?? null, marks: content.marks,
    }, limits);
    if (settled.kind === 'gone') throw notThere();
    if (settled.kind === 'refused') throw settled.refusal;
    return { upload: settled.upload, use: settled.use, isNew: settled.kind === 'settled' };
  }

  /**
   * Tells the session, then has it looked into. Of a session that takes it no longer everything is given back. Should the engine
   * not answer, the upload stays: it is told and processed later, and whoever sends it again gets it.
   */
  async announce(sender: Sender, upload: UploadRow): Promise<void> {
    const { db, sessions, inspections, reserving, onUninspected } = this.options;
    try {
      await sessions.note(sender, upload);
    } catch (error) {
      if (!(error instanceof MessageRejected)) throw error;
      await deleteUpload(db, upload, 'session_ended');
      await reserving.endPhoto(upload, false);
      await forgetUpload(this.options, upload).catch(onUninspected);
      throw error;
    }
    await reserving.endPhoto(upload, true);
    await inspections.start(upload).catch(onUninspected);
  }

  /** Of an upload that is there: whoever sent it first may not have come so far. */
  async remind(sender: Sender, upload: UploadRow): Promise<void> {
    if (upload.status !== 'quarantined') return;
    try {
      await this.options.sessions.note(sender, upload);
    } catch (error) {
      // its session has ended since
      if (error instanceof MessageRejected) return;
      throw error;
    }
    await this.options.inspections.start(upload).catch(this.options.onUninspected);
  }
}

function notThere(): UploadFailed {
  return new UploadFailed('upload_gone', 'This upload was cancelled while it was sent.', 'Send it again under another id.');
}
