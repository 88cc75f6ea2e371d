/**
 * Reminders on their way out. The session has recorded that one is due; here it is looked at once more whether the person is still
 * silent, in the transaction that makes the link, before each try: a receiver may have been away for days.
 */
import { createHmac } from 'node:crypto';
import { resumeUrl } from '../../domain/resume-link.ts';
import { personName } from '../../domain/person.ts';
import { subjectOfKey } from '../../stores/postgres/api-keys.ts';
import type { Database } from '../../stores/postgres/database.ts';
import type { OutgoingEvent } from '../../stores/postgres/outgoing-events.ts';
import { addResumeLink } from '../../stores/postgres/resume-links.ts';
import { findSilent } from '../../stores/postgres/sessions-at-risk.ts';

export const reminderEvent = 'session.reminder_due';

export interface ReminderOptions {
  readonly db: Database;
  /** Makes the same secret of an event each time, so that a repeat has the same link and no store has to hold it. */
  readonly key: Uint8Array;
  readonly publicUrl: () => string;
  readonly linkSeconds: number;
}

/** Any other event as it is; a reminder with its link; null: the person is back, has ended the session or wants none. */
export type Prepare = (event: OutgoingEvent) => Promise<OutgoingEvent | null>;

export function reminders({ db, key, publicUrl, linkSeconds }: ReminderOptions): Prepare {
  return async (event) => {
    if (event.event !== reminderEvent) return event;
    const { event_id, tenant, session_id, data } = event;
    return db.asTenant(tenant).transaction(async (tx) => {
      const owner = await findSilent(tx, tenant, session_id, new Date(String(data['silent_since'])));
      if (owner === null) return null;
      // an API key that owns a session has a program to go on with, and no human to open a link
      if (subjectOfKey(owner)) return event;
      const secret = createHmac('sha256', key).update(event_id).digest('base64url');
      const expires = await addResumeLink(tx, { tenant, session_id, owner, person: personName(tenant, owner) }, secret, linkSeconds);
      return { ...event, data: { ...data, owner, resume_url: resumeUrl(publicUrl(), secret), expires_at: expires.toISOString() } };
    });
  };
}
