/** Says which flushes wait, so that reports can say what they do not know of. */
import type { Logger } from 'pino';
import type { Database } from '../stores/postgres/database.ts';
import { forgetWaiting, noteWaiting, type WaitingFlush } from '../stores/postgres/waiting-flushes.ts';
import type { CopyWriter, SessionCopies } from './copy-writer.ts';

export interface NotedFlushesOptions {
  readonly db: Database;
  readonly log: Logger;
  /** A flush that has lasted so long is noted before it fails, milliseconds. */
  readonly longMs: number;
}

export interface FlushWriter {
  /** As the writer of copies; `attempt` counts the tries of this flush from 1. */
  write(copies: SessionCopies, attempt: number): Promise<void>;
}

/** Only what was noted is forgotten: a flush that goes well at once costs nothing. */
export function notedFlushes(writer: CopyWriter, { db, log, longMs }: NotedFlushesOptions): FlushWriter {
  const asSystem = db.asSystem();
  return {
    write: async (copies, attempt) => {
      const flush = flushOf(copies);
      const notes: Promise<void>[] = [];
      const note = async (): Promise<void> => {
        const noting = noteWaiting(asSystem, [flush]).catch(() => {
          log.debug('a waiting flush is not noted: PostgreSQL does not answer');
        });
        notes.push(noting);
        await noting;
      };
      const timer = setTimeout(() => { void note(); }, longMs);
      try {
        await writer.write(copies);
      } catch (error) {
        await note();
        throw error;
      } finally {
        clearTimeout(timer);
      }
      if (attempt === 1 && notes.length === 0) return;
      await Promise.all(notes);
      await forgetWaiting(asSystem, [flush]);
    },
  };
}

/** The first thing that is missing: of a flush without events (a repeat of a state) nothing is but the last activity. */
function flushOf({ state, view, events }: SessionCopies): WaitingFlush {
  const times = [...events.map(({ at }) => at), view.last_activity_at];
  return { session_id: state.session_id, tenant: state.tenant, revision: view.revision, since: Math.min(...times) };
}
