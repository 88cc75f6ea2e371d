/**
 * Imported sessions from PostgreSQL into ClickHouse. A session's row is made anew of all its events whenever some have come, under a
 * higher version. Where its start has moved into another hour, so has the key of its row: a tombstone in each other hour takes the old
 * one away.
 */
import type { QuestionRule } from '../../domain/flow.ts';
import type { ClickHouse } from '../../stores/clickhouse/client.ts';
import type { Database } from '../../stores/postgres/database.ts';
import {
  importedEventsOf, notePublished, noteRowStarts, tenantsToPublish, unpublishedSessions, type ImportedSession, type KeptImportedEvent,
} from '../../stores/postgres/imported-events.ts';
import type { HistorySymbols } from '../../stores/postgres/session-histories.ts';
import { dimensionsOf, importedEventRows, importedSessionRow, momentOf, type OpenEvent } from './imported-row.ts';
import type { PropertySealer } from './importing.ts';
import { insertByMonth } from './inserting.ts';
import { dictionaryOf } from './session-histories.ts';
import { tables, type EventRow, type SessionRow } from '../rows.ts';

export interface Publishing {
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly symbols: HistorySymbols;
  readonly properties: PropertySealer;
  /** Of a flow of the tenant; none of one that it does not have. */
  readonly flowQuestions: FlowQuestions;
}

/** `version` 0: it is not known. */
export type FlowQuestions = (tenant: string, flow: string, version: number) => Promise<readonly QuestionRule[]>;

/** Most sessions at once, and most events of them, unless one alone has more. */
const [sessionsAtOnce, eventsAtOnce] = [500, 20_000];

/** Returns how many sessions were written. Throws StoreUnavailableError; what is left then is written by whoever comes next. */
export async function publishImports(stores: Publishing, tenant: string): Promise<number> {
  let written = 0;
  for (;;) {
    const sessions = upTo(eventsAtOnce, await unpublishedSessions(stores.db, tenant, sessionsAtOnce));
    if (sessions.length === 0) return written;
    written += await publish(stores, tenant, sessions);
  }
}

/** What imports that were cut off have left, of all tenants. */
export async function publishLeftImports(stores: Publishing): Promise<number> {
  let written = 0;
  for (const tenant of await tenantsToPublish(stores.db)) written += await publishImports(stores, tenant);
  return written;
}

function upTo(events: number, sessions: readonly ImportedSession[]): readonly ImportedSession[] {
  let sum = 0;
  const end = sessions.findIndex((session) => {
    sum += session.events;
    return sum > events;
  });
  return end < 0 ? sessions : sessions.slice(0, Math.max(end, 1));
}

async function publish(stores: Publishing, tenant: string, sessions: readonly ImportedSession[]): Promise<number> {
  const { db, clickhouse } = stores;
  const made = await importedRows(stores, tenant, sessions);
  const starts = await noteRowStarts(db, tenant, sessions);
  const current = made.filter(({ session }) => starts.has(session.session_id));
  await insertByMonth(clickhouse, tables.events, current.flatMap(({ events }) => events), (row) => row.session_started_at);
  const rows = current.flatMap(({ row }) => [row, ...tombstones(row, starts.get(row.session_id) ?? [])]);
  await insertByMonth(clickhouse, tables.sessions, rows, (row) => row.started_at);
  await notePublished(db, tenant, current.map(({ session, row }) => ({
    ...session, flow: row.flow, flow_version: row.flow_version, language: row.language, device: row.device,
  })));
  return current.length;
}

/** Within the hour the row itself takes the place of the old one: a tombstone there would take it away, too. */
function tombstones(row: SessionRow, starts: readonly number[]): SessionRow[] {
  const others = new Map(starts.map((start) => [hourOf(start), start]));
  others.delete(hourOf(row.started_at));
  // it outlives an erasure
  return [...others.values()].map((start) => ({ ...row, started_at: start, user_key: '', is_deleted: 1 }));
}

/** As in the sort key of `sessions`. */
function hourOf(at: number): number {
  return Math.floor(at / 3_600_000);
}

/** `stored_at`: epoch seconds. */
export interface MadeRows {
  readonly session: ImportedSession;
  readonly row: SessionRow;
  readonly events: readonly (EventRow & { readonly stored_at: number })[];
}

/** `events`: those that ClickHouse does not have yet. */
export async function importedRows(stores: Publishing, tenant: string, sessions: readonly ImportedSession[]): Promise<readonly MadeRows[]> {
  const kept = Map.groupBy(
    await importedEventsOf(stores.db, tenant, sessions.map((session) => session.session_id)), (event) => event.session_id,
  );
  const opened = sessions.map((session) => ({
    session, kept: kept.get(session.session_id) ?? [],
    events: (kept.get(session.session_id) ?? []).map((event) => openEvent(stores.properties, tenant, event)),
  }));
  const keys = new Set(opened.flatMap(({ events }) => events.map((event) => momentOf(event).key)));
  const { symbols } = dictionaryOf(await stores.symbols.take(tenant, keys));
  const flows = new Map<string, Promise<readonly QuestionRule[]>>();
  const flowQuestions = (session: ImportedSession, events: readonly OpenEvent[]): Promise<readonly QuestionRule[]> => {
    const { flow, flow_version: version } = dimensionsOf(session, events);
    const name = `${flow} ${version}`;
    const known = flows.get(name) ?? stores.flowQuestions(tenant, flow, version);
    flows.set(name, known);
    return known;
  };
  return Promise.all(opened.map(async ({ session, kept: stored, events }) => ({
    session, row: importedSessionRow(tenant, session, events, symbols, await flowQuestions(session, events)),
    events: importedEventRows(tenant, session, events).flatMap((row, at) => {
      const { version = 0, stored_at = 0 } = stored[at] ?? {};
      return version > session.published ? [{ ...row, stored_at }] : [];
    }),
  })));
}

export function openEvent(properties: PropertySealer, tenant: string, kept: KeptImportedEvent): OpenEvent {
  const { at, event, name, question_id } = kept;
  const sealed = kept.properties;
  const text = sealed === null ? '{}' : properties.open({ tenant, session_id: kept.session_id, event, at }, sealed).toString('utf8');
  return { at, event, name, question_id, properties: JSON.parse(text) as Record<string, string> };
}
