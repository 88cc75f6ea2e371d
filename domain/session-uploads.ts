/** What a session knows of its uploads, so that answers are judged without a store. The list is the state's own. */
import { counts, firstOf, textMax } from './bounds.ts';
import type { Json } from './json.ts';
import type { Mistake } from './message.ts';
import type { UploadNote } from './upload.ts';

/** Who says how far it is: a later word never goes back behind it. */
const order: Readonly<Record<UploadNote['status'], number>> = { quarantined: 0, clean: 1, rejected: 1, deleted: 2 };

export class SessionUploads {
  private readonly list: UploadNote[];

  /** `list` is changed in place. */
  constructor(list: UploadNote[]) {
    this.list = list;
  }

  /** Whether this word says anything that is not known: a repeat does not, nor does one that comes late or is of a former try. */
  isNews({ upload_id: id, object_id: object, status, reason }: UploadNote): boolean {
    const known = this.find(id);
    if (known === undefined) return true;
    if (known.object_id !== object) return isGone(known);
    // why it still waits may change
    return order[status] > order[known.status]
      || (status === 'quarantined' && known.status === status && reason !== null && reason !== known.reason);
  }

  /** Whether one more could be kept. Those that are gone make room. */
  get hasRoom(): boolean {
    return this.list.length < counts.uploads || this.list.some(isGone);
  }

  /** Returns it as it is kept; null when there is no room for it. */
  note(told: UploadNote): UploadNote | null {
    const note = { ...told, reason: told.reason === null ? null : firstOf(told.reason, textMax.upload_reason) };
    const at = this.list.findIndex(({ upload_id: id }) => id === note.upload_id);
    if (at >= 0) {
      this.list[at] = note;
      return note;
    }
    if (!this.hasRoom) return null;
    if (this.list.length >= counts.uploads) this.list.splice(this.list.findIndex(isGone), 1);
    this.list.push(note);
    return note;
  }

  /** Whether a file question can have this upload as its answer; null: it can. */
  mistakeOf(value: Json): Mistake | null {
    if (value === null) return null;
    const known = typeof value === 'string' ? this.find(value) : undefined;
    if (known !== undefined && !isGone(known)) return null;
    const mistake = (code: string, message: string): Mistake => ({
      pointer: '/value', code, message, fix: 'Upload a file to this session and send its upload_id.',
    });
    if (known === undefined) return mistake('unknown_upload', 'This session has no such upload.');
    const why = known.reason === null ? '' : `: ${known.reason}`;
    return known.status === 'deleted' ? mistake('upload_deleted', 'This upload was deleted.')
      : mistake('upload_rejected', `This file was not taken${why}.`);
  }

  /** Why an answer that named this upload does not count any more; undefined: for another reason. */
  whyGone(value: Json): 'rejected' | 'deleted' | undefined {
    const status = typeof value === 'string' ? this.find(value)?.status : undefined;
    return status === 'rejected' || status === 'deleted' ? status : undefined;
  }

  private find(uploadId: string): UploadNote | undefined {
    return this.list.find(({ upload_id: id }) => id === uploadId);
  }
}

/** No answer can have it. */
export function isGone({ status }: UploadNote): boolean {
  return status === 'rejected' || status === 'deleted';
}
