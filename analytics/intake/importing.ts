/**
 * Events of another system's sessions: first into PostgreSQL, which is the truth of them, then rows made of them into ClickHouse. What
 * comes in between is made up for by the next import of the tenant, or by the upkeep.
 */
import type { Database } from '../../stores/postgres/database.ts';
import { ownSessionsAmong, ownSince, saveImportedEvents, type NewImportedEvent } from '../../stores/postgres/imported-events.ts';
import { nameOf } from '../history.ts';
import type { ImportedEvent, Rejected } from './imported-line.ts';

/** What properties are sealed with: for their event, and no other. */
export interface PropertySealer {
  seal(event: SealedEvent, properties: Uint8Array): Uint8Array;
  open(event: SealedEvent, sealed: Uint8Array): Buffer;
}
export interface SealedEvent { readonly tenant: string; readonly session_id: string; readonly event: string; readonly at: number }

export interface Intake {
  readonly db: Database;
  readonly properties: PropertySealer;
  /** Pseudonym of a person; null: this process has no key for them. */
  readonly userKey: ((tenant: string, user: string) => string) | null;
}

/** A session has so many at most. One of Gangway itself ends long before. */
export const sessionEventsMax = 10_000;

export interface Numbered { readonly line: number; readonly event: ImportedEvent }
export interface RejectedLine extends Rejected { readonly line: number }
export interface Taken { readonly imported: number; readonly duplicates: number; readonly rejected: readonly RejectedLine[] }

/** Keeps those that may be. Throws StoreUnavailableError, and then none of them was kept. */
export async function keepEvents({ db, properties, userKey }: Intake, tenant: string, lines: readonly Numbered[]): Promise<Taken> {
  if (lines.length === 0) return { imported: 0, duplicates: 0, rejected: [] };
  const ids = [...new Set(lines.map(({ event }) => event.session_id))];
  const users = [...new Set(lines.flatMap(({ event }) => event.user ?? []))];
  const [own, since] = await Promise.all([ownSessionsAmong(db, tenant, ids), ownSince(db, tenant, users)]);
  const rejected: RejectedLine[] = [];
  const fitting: { readonly line: number; readonly row: NewImportedEvent }[] = [];
  for (const { line, event } of lines) {
    const { user } = event;
    if (own.has(event.session_id)) rejected.push({ line, ...ownSession });
    else if (user === null) fitting.push({ line, row: rowOf(event, null) });
    else if (userKey === null) rejected.push({ line, ...noPseudonyms });
    else fitting.push({ line, row: rowOf(event, { key: userKey(tenant, user), ownSince: since.get(user) ?? null }) });
  }
  const { imported, duplicates, full } = await saveImportedEvents(db, tenant, fitting.map(({ row }) => row), sessionEventsMax);
  for (const { line, row } of fitting) {
    if (full.has(row.session_id)) rejected.push({ line, ...sessionFull });
  }
  return { imported, duplicates, rejected: rejected.sort((a, b) => a.line - b.line) };

  function rowOf(event: ImportedEvent, user: NewImportedEvent['user']): NewImportedEvent {
    const { session_id, event: name, at } = event;
    const text = JSON.stringify(event.properties);
    return {
      session_id, at, event: name, name: nameOf(event), question_id: event.properties['question_id'] ?? '', user,
      properties: text === '{}' ? null : properties.seal({ tenant, session_id, event: name, at }, Buffer.from(text)),
    };
  }
}

const ownSession: Rejected = {
  code: 'own_session', message: 'This session is one of Gangway itself, which has its events. Leave it out, or give it another id.',
};
const noPseudonyms: Rejected = {
  code: 'pseudonyms_unavailable',
  message: 'This process has no key for pseudonyms. Set GANGWAY_PSEUDONYM_KEY as for the worker, or leave out user.',
};
const sessionFull: Rejected = {
  code: 'session_full', message: `This session has ${sessionEventsMax} events, and takes no more. Give later events to another session.`,
};
