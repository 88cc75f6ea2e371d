/** Sessions are told of their uploads by the same Update as of everything else. */
import type { Sessions } from '../engine/sessions.ts';
import type { UploadSessions } from '../uploads/ports.ts';

export function uploadSessions(sessions: Pick<Sessions, 'noteUpload'>): UploadSessions {
  return {
    note: async ({ actor, correlationId }, { session_id: sessionId, upload_id, object_id, kind, status, reason }) => {
      if (status === 'receiving') throw new Error('A session is told of what is there, not of what is on its way.');
      await sessions.noteUpload(sessionId, {
        // each word on each try once
        id: `${object_id}-${status}`, fingerprint: '', actor, correlation_id: correlationId, if_match: null,
        body: { upload_id, object_id, kind, status, reason },
      });
    },
  };
}
