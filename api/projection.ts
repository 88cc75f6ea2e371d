/** The readable copies of sessions that lists go by follow at once on what a person did; the workflow's own flush repeats it. */
import type { SessionView } from '../domain/message.ts';
import { saveSessions } from '../stores/postgres/sessions.ts';
import type { Services } from './services.ts';

type Using = Pick<Services, 'stores' | 'log'>;

/** Throws when PostgreSQL does not answer. */
export async function copySession({ stores }: Pick<Services, 'stores'>, view: SessionView): Promise<void> {
  await saveSessions(stores.db.asTenant(view.tenant), [{ view, segment: 'first_time', snapshot: null }]);
}

/** Later, when PostgreSQL does not answer now. */
export async function projected(services: Using, view: SessionView): Promise<void> {
  await copySession(services, view).catch(() => {
    services.log.warn({ session_id: view.session_id }, 'the copy of a session follows later: PostgreSQL does not answer');
  });
}
