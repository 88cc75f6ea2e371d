/** Events of another system's sessions, and how much of them is in ClickHouse. Times are epoch milliseconds. */
import type { Database, Queries } from './database.ts';

export interface NewImportedEvent {
  readonly session_id: string;
  readonly at: number;
  readonly event: string;
  /** What a funnel's step names. */
  readonly name: string;
  readonly question_id: string;
  /** Pseudonym of the person that it names, and when that person's first session in Gangway itself began. */
  readonly user: { readonly key: string; readonly ownSince: number | null } | null;
  /** Sealed; null: it has none. */
  readonly properties: Uint8Array | null;
}

export interface SavedEvents {
  readonly imported: number;
  readonly duplicates: number;
  /** Sessions that take no more: nothing of theirs was taken. */
  readonly full: ReadonlySet<string>;
}

interface Known {
  readonly session_id: string;
  readonly version: string;
  readonly erased: boolean;
  readonly user_key: string | null;
  readonly is_full: boolean;
}

/**
 * All of them or none. What is there already stays as it is. One import of a tenant at a time: whether a person returns is worked out
 * over all sessions of that person.
 */
export async function saveImportedEvents(
  db: Database, tenant: string, events: readonly NewImportedEvent[], eventsMax: number,
): Promise<SavedEvents> {
  return db.asTenant(tenant).transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('import ' || $1, 0))", [tenant]);
    const rows = await tx.query<Known>(
      `SELECT session_id, version, erased, user_key, events >= $3 AS is_full FROM imported_sessions
       WHERE tenant = $1 AND session_id = ANY($2::uuid[])`, [tenant, [...new Set(events.map((event) => event.session_id))], eventsMax],
    );
    const known = new Map(rows.map((row) => [row.session_id, row]));
    const full = new Set(rows.filter((row) => row.is_full).map((row) => row.session_id));
    const fitting = events.filter((event) => !full.has(event.session_id)).map((event) => (
      known.get(event.session_id)?.erased === true ? { ...event, user: null, properties: null } : event
    ));
    const added = await addEvents(tx, tenant, fitting, known);
    await touchSessions(tx, tenant, added, fitting);
    await settleSegments(tx, tenant, [...added.keys()], rows.flatMap((row) => row.user_key ?? []));
    const imported = [...added.values()].reduce((sum, count) => sum + count, 0);
    return { imported, duplicates: fitting.length - imported, full };
  });
}

/** How many were new, by session. */
async function addEvents(
  tx: Queries, tenant: string, events: readonly NewImportedEvent[], known: ReadonlyMap<string, Known>,
): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.query<{ session_id: string }>(
    `INSERT INTO imported_events (tenant, session_id, at_ms, event, name, question_id, version, properties)
     SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[])
     ON CONFLICT DO NOTHING RETURNING session_id`,
    [
      tenant, events.map((event) => event.session_id), events.map(({ at }) => at), events.map(({ event }) => event),
      events.map(({ name }) => name), events.map((event) => event.question_id),
      events.map((event) => Number(known.get(event.session_id)?.version ?? 0) + 1),
      events.map(({ properties }) => properties),
    ],
  );
  const counts = new Map<string, number>();
  for (const { session_id: id } of rows) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** New versions of the sessions that got events. Who a session's person is its earliest event says that names one. */
async function touchSessions(
  tx: Queries, tenant: string, added: ReadonlyMap<string, number>, events: readonly NewImportedEvent[],
): Promise<void> {
  const named = new Map<string, NewImportedEvent>();
  for (const event of events) {
    const other = named.get(event.session_id);
    if (event.user !== null && (other === undefined || event.at < other.at)) named.set(event.session_id, event);
  }
  const ids = [...added.keys()];
  await tx.query(
    `INSERT INTO imported_sessions AS known
       (tenant, session_id, version, started_ms, events_under_ms, events, user_key, user_at_ms, own_since_ms)
     SELECT $1, t.session_id, 1, s.started_ms, s.started_ms, t.events, t.user_key, t.user_at_ms, t.own_since_ms
     FROM unnest($2::uuid[], $3::int[], $4::text[], $5::bigint[], $6::bigint[])
       AS t(session_id, events, user_key, user_at_ms, own_since_ms),
     LATERAL (SELECT coalesce(min(at_ms) FILTER (WHERE name = 'started'), min(at_ms)) AS started_ms
       FROM imported_events AS e WHERE e.tenant = $1 AND e.session_id = t.session_id) AS s
     ON CONFLICT (tenant, session_id) DO UPDATE SET version = known.version + 1, started_ms = excluded.started_ms,
       events = known.events + excluded.events,
       user_key = CASE WHEN excluded.user_at_ms < coalesce(known.user_at_ms, 9e15) THEN excluded.user_key ELSE known.user_key END,
       user_at_ms = least(known.user_at_ms, excluded.user_at_ms), own_since_ms = least(known.own_since_ms, excluded.own_since_ms)`,
    [
      tenant, ids, ids.map((id) => added.get(id)), ids.map((id) => named.get(id)?.user?.key ?? null),
      ids.map((id) => named.get(id)?.at ?? null), ids.map((id) => named.get(id)?.user?.ownSince ?? null),
    ],
  );
}

/** Returning: the person had an earlier session, imported or not. One that comes in late changes it for those after it. */
async function settleSegments(tx: Queries, tenant: string, ids: readonly string[], formerKeys: readonly string[]): Promise<void> {
  await tx.query(
    `WITH settled AS (
       SELECT session_id, CASE WHEN min(own_since_ms) OVER (PARTITION BY user_key) < started_ms
           OR row_number() OVER (PARTITION BY user_key ORDER BY started_ms, session_id) > 1
         THEN 'returning' ELSE 'first_time' END AS segment
       FROM imported_sessions WHERE tenant = $1 AND (user_key = ANY($3::text[]) OR user_key IN
         (SELECT user_key FROM imported_sessions WHERE tenant = $1 AND session_id = ANY($2::uuid[]))))
     UPDATE imported_sessions AS s SET segment = settled.segment, version = version + 1
     FROM settled WHERE s.tenant = $1 AND s.session_id = settled.session_id AND s.segment <> settled.segment`,
    [tenant, ids, formerKeys],
  );
}

/** Which of these are sessions of Gangway itself. */
export async function ownSessionsAmong(db: Database, tenant: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.asTenant(tenant).query<{ session_id: string }>(
    'SELECT session_id FROM sessions WHERE session_id = ANY($1::uuid[])', [ids],
  );
  return new Set(rows.map((row) => row.session_id));
}

/** When the first session of each of these people began in Gangway itself; who had none is left out. */
export async function ownSince(db: Database, tenant: string, owners: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await db.asTenant(tenant).query<{ owner: string; since: Date }>(
    'SELECT owner, min(created_at) AS since FROM sessions WHERE tenant = $1 AND owner = ANY($2) AND confirmed GROUP BY owner',
    [tenant, owners],
  );
  return new Map(rows.map(({ owner, since }) => [owner, since.getTime()]));
}

export interface ImportedSession {
  readonly session_id: string;
  readonly version: number;
  readonly published: number;
  readonly started: number;
  /** Its events lie under this start in ClickHouse. */
  readonly events_under: number;
  readonly events: number;
  readonly user_key: string | null;
  readonly segment: 'first_time' | 'returning';
  readonly flow: string;
  readonly flow_version: number;
  readonly language: string;
  readonly device: string;
}

export const importedColumns = `session_id, version::float8, published::float8, started_ms::float8 AS started,
  events_under_ms::float8 AS events_under, events, user_key, segment, flow, flow_version, language, device`;

/** Sessions of which ClickHouse does not have everything, in the order of their starts. */
export async function unpublishedSessions(db: Database, tenant: string, limit: number): Promise<readonly ImportedSession[]> {
  return db.asTenant(tenant).query<ImportedSession & Record<string, unknown>>(
    `SELECT ${importedColumns} FROM imported_sessions WHERE tenant = $1 AND published < version
     ORDER BY started_ms, session_id LIMIT $2`, [tenant, limit],
  );
}

export async function findImportedSession(db: Database, tenant: string, sessionId: string): Promise<ImportedSession | null> {
  const [row] = await db.asTenant(tenant).query<ImportedSession & Record<string, unknown>>(
    `SELECT ${importedColumns} FROM imported_sessions WHERE tenant = $1 AND session_id = $2`, [tenant, sessionId],
  );
  return row ?? null;
}

export interface ImportedFlow { readonly id: string; readonly languages: readonly string[]; readonly versions: readonly number[] }

/** What imported sessions say that they ran on; where they do not, the id and the language are '' and the version is 0. */
export async function importedFlows(db: Database, tenant: string): Promise<readonly ImportedFlow[]> {
  return db.asTenant(tenant).query<ImportedFlow & Record<string, unknown>>(
    `SELECT flow AS id, array_agg(DISTINCT language) AS languages, array_agg(DISTINCT flow_version) AS versions
     FROM imported_sessions WHERE tenant = $1 GROUP BY flow ORDER BY flow LIMIT 1000`, [tenant],
  );
}

/** Tenants that have such sessions. */
export async function tenantsToPublish(db: Database): Promise<readonly string[]> {
  const rows = await db.asSystem().query<{ tenant: string }>('SELECT DISTINCT tenant FROM imported_sessions WHERE published < version');
  return rows.map(({ tenant }) => tenant);
}

export interface KeptImportedEvent {
  readonly session_id: string;
  readonly at: number;
  readonly event: string;
  readonly name: string;
  readonly question_id: string;
  readonly version: number;
  readonly properties: Buffer | null;
  /** Epoch seconds. */
  readonly stored_at: number;
}

/** Of these sessions, in the order of time. */
export async function importedEventsOf(db: Database, tenant: string, ids: readonly string[]): Promise<readonly KeptImportedEvent[]> {
  return db.asTenant(tenant).query<KeptImportedEvent & Record<string, unknown>>(
    `SELECT session_id, at_ms::float8 AS at, event, name, question_id, version::float8, properties,
       floor(extract(epoch FROM stored_at))::float8 AS stored_at
     FROM imported_events WHERE tenant = $1 AND session_id = ANY($2::uuid[]) ORDER BY session_id, at_ms, event`, [tenant, ids],
  );
}

/**
 * Before rows are written: under which starts rows of these sessions may lie then. Those are left out that have a newer version by now:
 * their turn comes with it.
 */
export async function noteRowStarts(
  db: Database, tenant: string, sessions: readonly Pick<ImportedSession, 'session_id' | 'version' | 'started'>[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const rows = await db.asTenant(tenant).query<{ session_id: string; starts: number[] }>(
    `UPDATE imported_sessions AS s SET row_starts_ms = CASE WHEN t.started_ms = ANY(row_starts_ms) THEN row_starts_ms
       ELSE array_append(row_starts_ms, t.started_ms) END
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) AS t(session_id, version, started_ms)
     WHERE s.tenant = $1 AND s.session_id = t.session_id AND s.version = t.version
     RETURNING s.session_id, row_starts_ms::float8[] AS starts`,
    [tenant, sessions.map((one) => one.session_id), sessions.map(({ version }) => version), sessions.map(({ started }) => started)],
  );
  return new Map(rows.map(({ session_id: id, starts }) => [id, starts]));
}

/** Their rows, and tombstones under all other starts, are in ClickHouse. */
export async function notePublished(
  db: Database, tenant: string,
  sessions: readonly Pick<ImportedSession, 'session_id' | 'version' | 'started' | 'flow' | 'flow_version' | 'language' | 'device'>[],
): Promise<void> {
  await db.asTenant(tenant).query(
    `UPDATE imported_sessions AS s SET published = greatest(published, t.version),
       row_starts_ms = CASE WHEN s.version = t.version THEN ARRAY[t.started_ms] ELSE row_starts_ms END,
       flow = t.flow, flow_version = t.flow_version, language = t.language, device = t.device
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::int[], $7::text[], $8::text[])
       AS t(session_id, version, started_ms, flow, flow_version, language, device)
     WHERE s.tenant = $1 AND s.session_id = t.session_id AND s.published <= t.version`,
    [
      tenant, sessions.map((one) => one.session_id), sessions.map(({ version }) => version), sessions.map(({ started }) => started),
      sessions.map(({ flow }) => flow), sessions.map((one) => one.flow_version), sessions.map(({ language }) => language),
      sessions.map(({ device }) => device),
    ],
  );
}
