/**
 * ClickHouse from PostgreSQL: beside what is there, compared day by day, and then exchanged. Sessions go on meanwhile: every flush is in
 * PostgreSQL before it is in ClickHouse, so what was flushed to the old tables is found behind the exchange, and written again. Whenever
 * it is broken off, the tables are the old ones or the new ones, and it can begin again.
 */
import { insertByMonth } from '../analytics/intake/inserting.ts';
import { importedRows, type Publishing } from '../analytics/intake/publishing.ts';
import { tables, type EventRow, type SessionRow } from '../analytics/rows.ts';
import { eventRows } from '../analytics/intake/session-row.ts';
import { Counting, differences, storedTally, type Tally } from '../analytics/intake/tally.ts';
import type { SessionEvent, SessionState } from '../domain/session-state.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import {
  archivedCopies, archivedPage, archivedVersions, importedPage, type ArchivedCopy, type ImportedOf,
} from '../stores/postgres/analytics-truth.ts';
import { keptEventsOf } from '../stores/postgres/session-events.ts';
import { sessionRows, type RowStores, type StateAndView } from './copy-writer.ts';

export interface RebuildStores extends RowStores, Publishing { readonly sealer: Sealer }

export interface RebuildOptions {
  /** Events that were stored before are no longer kept: epoch seconds. */
  readonly keptFrom: number;
  /** Goes on where PostgreSQL has fewer events of a day than ClickHouse had. */
  readonly acceptsFewer: boolean;
  /** Told how far it is. Throws when it is to end. */
  readonly say: (progress: string) => Promise<void>;
}

export interface Rebuilt { readonly sessions: number; readonly events: number; readonly flushed_meanwhile: number }

/** What was built is not what was meant; the tables are the old ones. */
export class RebuildError extends Error {
  override readonly name = 'RebuildError';
}

const beside = { sessions: 'sessions_rebuild', events: 'events_rebuild' } as const;
/** A session's state may have 1.5 MB. */
const [pageSessions, versionsAtOnce, insertRows] = [50, 1_000, 10_000];
const firstId = '00000000-0000-0000-0000-000000000000';

export async function rebuildAnalytics(stores: RebuildStores, options: RebuildOptions): Promise<Rebuilt> {
  const { clickhouse } = stores;
  const [clock] = await clickhouse.query<{ began: number }>({ sql: 'SELECT toUnixTimestamp(now()) AS began', params: {} });
  for (const name of [tables.sessions, tables.events]) {
    await clickhouse.command(`DROP TABLE IF EXISTS ${beside[name]} SYNC`);
    await clickhouse.command(`CREATE TABLE ${beside[name]} AS ${name}`);
  }
  const built = await build(stores, options);
  await options.say('compares day by day');
  await compare(stores, built);
  if (!options.acceptsFewer) await refuseFewer(stores, options.keptFrom, clock?.began ?? 0, built.events);
  for (const name of [tables.sessions, tables.events]) await clickhouse.command(`EXCHANGE TABLES ${name} AND ${beside[name]}`);
  await options.say('looks for what was flushed meanwhile');
  const late = await writeWhatIsBehind(stores, options);
  for (const name of [tables.sessions, tables.events]) await clickhouse.command(`DROP TABLE IF EXISTS ${beside[name]} SYNC`);
  return { sessions: rowsIn(built.sessions), events: rowsIn(built.events), flushed_meanwhile: late };
}

interface Built { readonly sessions: Tally; readonly events: Tally }

async function build(stores: RebuildStores, options: RebuildOptions): Promise<Built> {
  const sessions = new Counting();
  const events = new Counting();
  const writer = new RowWriter(stores, beside, (row) => { sessions.session(row); }, (row) => { events.event(row); });
  for await (const made of everything(stores, options)) {
    await writer.add(made);
    await options.say(`${writer.count} sessions`);
  }
  await writer.flush();
  return { sessions: sessions.tally, events: events.tally };
}

interface Made { readonly sessions: readonly SessionRow[]; readonly events: readonly StoredEventRow[] }
/** `stored_at`: epoch seconds, from which on it is kept for so many days. */
type StoredEventRow = EventRow & { readonly stored_at: number };

async function* everything(stores: RebuildStores, options: RebuildOptions): AsyncGenerator<Made> {
  for (let after = firstId; ;) {
    const page = await archivedPage(stores.db, after, pageSessions);
    if (page.length > 0) yield await ownRows(stores, page, options.keptFrom);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSessions) break;
    after = last.session_id;
  }
  for (let after = { tenant: '', session_id: firstId }; ;) {
    const page = await importedPage(stores.db, after, pageSessions);
    if (page.length > 0) yield await importedOfPage(stores, page, options.keptFrom);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSessions) break;
    after = last;
  }
}

/** Sessions of Gangway itself. */
export async function ownRows(stores: RebuildStores, copies: readonly ArchivedCopy[], keptFrom: number): Promise<Made> {
  const { sealer, db } = stores;
  const opened = copies.map(({ tenant, session_id: id, view, snapshot }): StateAndView => ({
    view, state: openJson<SessionState>(sealer, snapshot, sealedAs.snapshot(tenant, id)),
  }));
  const rows = await sessionRows(stores, opened);
  const states = new Map(opened.map(({ state }) => [state.session_id, state]));
  const events: StoredEventRow[] = [];
  for (const [tenant, ofTenant] of Map.groupBy(copies, (copy) => copy.tenant)) {
    const seen = new Set<string>();
    for (const kept of await keptEventsOf(db, tenant, ofTenant.map((copy) => copy.session_id))) {
      const state = states.get(kept.session_id);
      if (state === undefined || kept.stored_at < keptFrom) continue;
      const context = sealedAs.events(tenant, kept.session_id, kept.first_sequence);
      const told = openJson<readonly SessionEvent[]>(sealer, kept.events, context);
      for (const row of eventRows(state, told)) {
        // a flush that was repeated may have gone further than the first time
        if (seen.has(row.event_id)) continue;
        seen.add(row.event_id);
        events.push({ ...row, stored_at: kept.stored_at });
      }
    }
  }
  return { sessions: rows, events };
}

async function importedOfPage(stores: RebuildStores, page: readonly ImportedOf[], keptFrom: number): Promise<Made> {
  const sessions: SessionRow[] = [];
  const events: StoredEventRow[] = [];
  for (const [tenant, ofTenant] of Map.groupBy(page, (each) => each.tenant)) {
    for (const made of await importedRows(stores, tenant, ofTenant.map((session) => ({ ...session, published: 0 })))) {
      sessions.push(made.row);
      events.push(...made.events.filter((row) => row.stored_at >= keptFrom));
    }
  }
  return { sessions, events };
}

/** Gathers rows until there are enough for an insert. */
class RowWriter {
  private readonly stores: RebuildStores;
  private readonly into: Readonly<Record<'sessions' | 'events', string>>;
  private readonly onSession: (row: SessionRow) => void;
  private readonly onEvent: (row: EventRow) => void;
  private sessions: SessionRow[] = [];
  private events: StoredEventRow[] = [];
  private written = 0;

  constructor(
    stores: RebuildStores, into: Readonly<Record<'sessions' | 'events', string>>, onSession: (row: SessionRow) => void,
    onEvent: (row: EventRow) => void,
  ) {
    this.stores = stores;
    this.into = into;
    this.onSession = onSession;
    this.onEvent = onEvent;
  }

  /** Of sessions, those that wait too. */
  get count(): number { return this.written + this.sessions.length; }

  async add({ sessions, events }: Made): Promise<void> {
    for (const row of sessions) this.onSession(row);
    for (const row of events) this.onEvent(row);
    this.sessions.push(...sessions);
    this.events.push(...events);
    if (this.sessions.length >= insertRows || this.events.length >= insertRows) await this.flush();
  }

  async flush(): Promise<void> {
    const { clickhouse } = this.stores;
    const { sessions, events } = this;
    this.written += sessions.length;
    this.sessions = [];
    this.events = [];
    await insertByMonth(clickhouse, this.into.events, events, (row) => row.session_started_at);
    await insertByMonth(clickhouse, this.into.sessions, sessions, (row) => row.started_at);
  }
}

async function compare({ clickhouse }: RebuildStores, built: Built): Promise<void> {
  for (const name of [tables.sessions, tables.events]) {
    const days = differences(built[name], await storedTally(clickhouse, name, beside[name]));
    if (days.length === 0) continue;
    throw new RebuildError(`What was written of ${name} is not what was meant on ${said(days)}. Nothing was exchanged.`);
  }
}

/**
 * Nothing is thrown away unasked: PostgreSQL has events only from the version on that began to keep them. What came since the rebuild
 * `began` is looked for behind the exchange; what is nearly too old may be gone from one store before the other. Epoch seconds.
 */
async function refuseFewer({ clickhouse }: RebuildStores, keptFrom: number, began: number, events: Tally): Promise<void> {
  const rows = await clickhouse.query<{ tenant: string; day: string; n: number }>({
    sql: `SELECT tenant, toString(toDate(session_started_at)) AS day, count() AS n FROM ${tables.events} FINAL
      WHERE stored_at >= toDateTime({kept_from:Int64}) + INTERVAL 2 DAY AND stored_at < toDateTime({began:Int64}) GROUP BY tenant, day`,
    params: { kept_from: keptFrom, began },
  }, { maxSeconds: 60 });
  const fewer = rows.map(({ tenant, day, n }) => ({ day: `${tenant}\n${day}`, n }))
    .filter(({ day, n }) => (events.get(day)?.rows ?? 0) < n).map(({ day }) => day);
  if (fewer.length === 0) return;
  throw new RebuildError(
    `ClickHouse has events that PostgreSQL does not have, of sessions begun on ${said(fewer)}. Nothing was exchanged. ` +
    'Give --accept-fewer to do without them.',
  );
}

const saidDays = 5;

function said(days: readonly string[]): string {
  const named = days.slice(0, saidDays).map((day) => day.split('\n').toReversed().join(' of ')).join(', ');
  return days.length > saidDays ? `${named} and ${days.length - saidDays} more days` : named;
}

function rowsIn(tally: Tally): number {
  return [...tally.values()].reduce((sum, { rows }) => sum + rows, 0);
}

/** Sessions of which ClickHouse has an older version than PostgreSQL, or none. Returns how many. */
export async function writeWhatIsBehind(stores: RebuildStores, options: RebuildOptions): Promise<number> {
  let late = 0;
  const writer = new RowWriter(stores, tables, () => undefined, () => undefined);
  for (let after = firstId; ;) {
    const page = await archivedVersions(stores.db, after, versionsAtOnce);
    const behind = await behindOf(stores, page);
    for (let at = 0; at < behind.length; at += pageSessions) {
      await writer.add(await ownRows(stores, await archivedCopies(stores.db, behind.slice(at, at + pageSessions)), options.keptFrom));
    }
    late += behind.length;
    await options.say('looks for what was flushed meanwhile');
    const last = page.at(-1);
    if (last === undefined || page.length < versionsAtOnce) break;
    after = last.session_id;
  }
  for (let after = { tenant: '', session_id: firstId }; ;) {
    const page = await importedPage(stores.db, after, versionsAtOnce);
    const behind = new Set(await behindOf(stores, page));
    const left = page.filter((session) => behind.has(session.session_id));
    for (let at = 0; at < left.length; at += pageSessions) {
      await writer.add(await importedOfPage(stores, left.slice(at, at + pageSessions), options.keptFrom));
    }
    late += left.length;
    const last = page.at(-1);
    if (last === undefined || page.length < versionsAtOnce) break;
    after = last;
  }
  await writer.flush();
  return late;
}

async function behindOf(
  { clickhouse }: RebuildStores, page: readonly { readonly tenant: string; readonly session_id: string; readonly version: number }[],
): Promise<readonly string[]> {
  if (page.length === 0) return [];
  const rows = await clickhouse.query<{ tenant: string; id: string; version: number }>({
    sql: `SELECT tenant, toString(session_id) AS id, max(version) AS version FROM ${tables.sessions}
      WHERE tenant IN {tenants:Array(String)} AND session_id IN {ids:Array(UUID)} GROUP BY tenant, session_id`,
    params: { tenants: [...new Set(page.map(({ tenant }) => tenant))], ids: page.map(({ session_id: id }) => id) },
  }, { maxSeconds: 60 });
  const known = new Map(rows.map(({ tenant, id, version }) => [`${tenant}\n${id}`, version]));
  return page.filter(({ tenant, session_id: id, version }) => (known.get(`${tenant}\n${id}`) ?? -1) < version)
    .map((each) => each.session_id);
}
