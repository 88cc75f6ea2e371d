/** A person's sessions in PostgreSQL, of which only what is counted stays. ClickHouse follows (erase-analytics.ts). */
import { erasedEvent, erasedState, erasedView } from '../domain/erased-session.ts';
import type { CheckpointContent, SessionEvent, SessionState } from '../domain/session-state.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { eraseSession, type ErasableSession, type ErasedSession } from '../stores/postgres/erasures.ts';

const nothingSaid: CheckpointContent = { answers: [], current: [], ui_state: null };

/** `owner`: in place of the person's. False: it is open, or not theirs. */
export function eraseArchived(
  { db, sealer }: { readonly db: Database; readonly sealer: Sealer },
  { tenant, user, sessionId, owner }: Readonly<Record<'tenant' | 'user' | 'sessionId' | 'owner', string>>,
): Promise<boolean> {
  const seal = (value: unknown, context: string): Buffer => sealer.seal(Buffer.from(JSON.stringify(value)), context);
  const erase = ({ view, snapshot, events, checkpoints }: ErasableSession): ErasedSession => {
    const asSnapshot = sealedAs.snapshot(tenant, sessionId);
    return {
      owner, view: view === null ? null : erasedView(view, owner),
      snapshot: snapshot === null ? null : seal(erasedState(openJson<SessionState>(sealer, snapshot, asSnapshot), owner), asSnapshot),
      events: events.map(({ first_sequence: first, events: sealed }) => {
        const context = sealedAs.events(tenant, sessionId, first);
        return { first_sequence: first, events: seal(openJson<SessionEvent[]>(sealer, sealed, context).map(erasedEvent), context) };
      }),
      checkpoints: checkpoints.map((version) => ({ version, answers: seal(nothingSaid, sealedAs.checkpoint(tenant, sessionId, version)) })),
    };
  };
  return eraseSession(db, tenant, user, sessionId, erase);
}
