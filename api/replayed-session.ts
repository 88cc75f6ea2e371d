/** A session event by event: what is kept of them, and what the session itself has that is not kept yet. */
import { importedSessionRow, type OpenEvent } from '../analytics/intake/imported-row.ts';
import { openEvent } from '../analytics/intake/publishing.ts';
import type { SessionStateName } from '../domain/lifecycle.ts';
import type { Actor } from '../domain/message.ts';
import type { AnswerEntry, SessionEvent } from '../domain/session-state.ts';
import { openJson, sealedAs } from '../encryption/sealer.ts';
import { EngineUnavailableError } from '../engine/calls.ts';
import { findImportedSession, importedEventsOf } from '../stores/postgres/imported-events.ts';
import { keptEventsOf } from '../stores/postgres/session-events.ts';
import { findSession } from '../stores/postgres/sessions.ts';
import type { Services } from './services.ts';

export interface ReplayedSession {
  /** null: nobody is named any more, or it is of another system. */
  readonly owner: string | null;
  readonly isImported: boolean;
  readonly state: SessionStateName;
  /** Epoch ms. */
  readonly started: number;
  readonly ended: number | null;
  readonly events: readonly SessionEvent[];
  /** Nothing is known to be missing. */
  readonly complete: boolean;
  /** What was said; [] while the engine is away. */
  readonly answers: readonly AnswerEntry[];
}

/** A flush between two readings moves events from one place to the other: then both are read again. */
const readings = 3;

/** Of the actor's tenant, whosever it is; null: there is none. */
export async function replayedSession(
  services: Services, { tenant, subject }: Actor, sessionId: string,
): Promise<ReplayedSession | null> {
  const { db } = services.stores;
  const own = await findSession(db, tenant, sessionId, null);
  if (own === null) return importedSession(services, tenant, sessionId);
  // whoever may ask this sees every session of the tenant
  const reader: Actor = { tenant, subject, roles: ['admin'] };
  const known = new Map<number, SessionEvent>();
  let view = own.view;
  let complete = false;
  for (let reading = 0; reading < readings && !complete; reading += 1) {
    for (const event of await keptEvents(services, tenant, sessionId)) known.set(event.sequence, event);
    const last = Math.max(0, ...known.keys());
    const newer = await services.sessions.events(reader, sessionId, last).catch((error: unknown) => {
      if (error instanceof EngineUnavailableError) return null;
      throw error;
    });
    if (newer === null) break;
    for (const event of newer.events) known.set(event.sequence, event);
    view = newer.view;
    complete = newer.complete && known.size === Math.max(0, ...known.keys());
  }
  const answers = await answersOf(services, reader, sessionId);
  return {
    owner: view.owner, isImported: false, state: view.state, started: view.created_at, ended: view.ended_at ?? null,
    events: [...known.values()].sort((a, b) => a.sequence - b.sequence),
    answers: answers ?? [], complete: complete && answers !== null,
  };
}

/** null while the engine is away. */
async function answersOf(services: Services, reader: Actor, sessionId: string): Promise<readonly AnswerEntry[] | null> {
  try {
    return (await services.sessions.answers(reader, sessionId)).answers;
  } catch (error) {
    if (error instanceof EngineUnavailableError) return null;
    throw error;
  }
}

async function keptEvents({ stores: { db, sealer } }: Services, tenant: string, sessionId: string): Promise<readonly SessionEvent[]> {
  const rows = await keptEventsOf(db, tenant, [sessionId]);
  return rows.flatMap(({ first_sequence: first, events }) => (
    openJson<SessionEvent[]>(sealer, events, sealedAs.events(tenant, sessionId, first))
  ));
}

async function importedSession({ intake }: Services, tenant: string, sessionId: string): Promise<ReplayedSession | null> {
  const facts = await findImportedSession(intake.db, tenant, sessionId);
  if (facts === null) return null;
  const opened: OpenEvent[] = (await importedEventsOf(intake.db, tenant, [sessionId]))
    .map((event) => openEvent(intake.properties, tenant, event));
  const row = importedSessionRow(tenant, facts, opened, new Map(), []);
  return {
    owner: null, isImported: true, state: row.state, started: facts.started, complete: true, answers: [],
    ended: row.ended_ms > 0 || row.state === 'completed' ? facts.started + row.ended_ms : null,
    events: opened.map(({ at, event, question_id, properties }, place) => ({ sequence: place + 1, at, event, question_id, properties })),
  };
}
