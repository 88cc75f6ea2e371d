/** Sessions as receiving tells them of their uploads. */
import type { Actor, Message } from '../domain/message.ts';
import type { UploadNote } from '../domain/upload.ts';
import type { UploadRow } from '../stores/postgres/uploads.ts';
import type { Sessions } from './sessions.ts';

interface Sender { readonly actor: Actor; readonly correlationId: string }

/** The same word again is the same message: each try of an upload is told once for each state. */
export function uploadNotes(sessions: Pick<Sessions, 'noteUpload'>): { note(sender: Sender, upload: UploadRow): Promise<void> } {
  return {
    note: async ({ actor, correlationId }, { session_id: sessionId, upload_id, object_id, kind, status, reason }) => {
      if (status === 'receiving') throw new Error('An upload that is being received is told to nobody.');
      const body: UploadNote = { upload_id, object_id, kind, status, reason };
      const message: Message<UploadNote> = {
        id: `${object_id}:${status}`, fingerprint: object_id, actor, correlation_id: correlationId, if_match: null, body,
      };
      await sessions.noteUpload(sessionId, message);
    },
  };
}
