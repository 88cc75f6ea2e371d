/** Says which flushes wait, so that reports can say what they do not know of. */
import type { Logger } from 'pino';
import type { Database } from '../stores/postgres/database.ts';
import { forgetWaiting, noteWaiting, type WaitingFlush } from '../stores/postgres/waiting-flushes.ts';
import type { ToldCopies } from '../domain/session-copy.ts';
import type { CopyWriter } from './copy-writer.ts';

export interface NotedFlushesOptions {
  readonly db: Database;
  readonly log: Logger;
  /** A flush that has lasted so long is noted before it fails, milliseconds. */
  readonly longMs: number;
}

export interface FlushWriter {
  /** As the writer of copies; `attempt` counts the tries of this flush from 1. */
  write(told: ToldCopies, attempt: number): Promise<boolean>;
}

/** Only what was noted is forgotten: a flush that goes well at once costs nothing. */
export function notedFlushes(writer: CopyWriter, { db, log, longMs }: NotedFlushesOptions): FlushWriter {
  const asSystem = db.asSystem();
  return {
    write: async (told, attempt) => {
      const flush = flushOf(told);
      const notes: Promise<void>[] = [];
      const note = async (): Promise<void> => {
        const noting = noteWaiting(asSystem, [flush]).catch(() => {
          log.debug('a waiting flush is not noted: PostgreSQL does not answer');
        });
        notes.push(noting);
        await noting;
      };
      const timer = setTimeout(() => { void note(); }, longMs);
      let isStored;
      try {
        isStored = await writer.write(told);
      } catch (error) {
        await note();
        throw error;
      } finally {
        clearTimeout(timer);
      }
      if (attempt > 1 || notes.length > 0) {
        await Promise.all(notes);
        await forgetWaiting(asSystem, [flush]);
      }
      return isStored;
    },
  };
}

/** The first thing that is missing: of a flush without events (a repeat of a state) nothing is but the last activity. */
function flushOf({ view, events }: ToldCopies): WaitingFlush {
  const times = [...events.map(({ at }) => at), view.last_activity_at];
  return { session_id: view.session_id, tenant: view.tenant, revision: view.revision, since: Math.min(...times) };
}
