/** Events of sessions in PostgreSQL: sealed rows of which ClickHouse is rebuilt, and each session's history in short. */
import { LruMap } from '../../domain/lru-map.ts';
import type { Database, Queries } from './database.ts';

export interface SealedEvents {
  readonly tenant: string;
  readonly session_id: string;
  readonly first_sequence: number;
  readonly last_sequence: number;
  readonly events: Uint8Array;
}

/** What is new of a history: a character and a time (epoch ms) for each event from `first_sequence` on. */
export interface HistoryPart {
  readonly tenant: string;
  readonly session_id: string;
  readonly first_sequence: number;
  readonly symbols: string;
  readonly times: readonly number[];
}

export interface SessionHistory {
  readonly session_id: string;
  readonly last_sequence: number;
  readonly symbols: string;
  readonly times: readonly number[];
}

/** Events of one history. A session that goes on beyond has none: reports read its events one by one. */
export const historyMax = 10_000;

/** Repeating it does no harm; a flush that begins alike and goes further replaces what it repeats. */
export async function saveEvents(tx: Queries, rows: readonly SealedEvents[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO session_events AS known (tenant, session_id, first_sequence, last_sequence, events)
     SELECT DISTINCT ON (tenant, session_id, first_sequence) *
     FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::bytea[])
       AS new (tenant, session_id, first_sequence, last_sequence, events)
     ORDER BY tenant, session_id, first_sequence, last_sequence DESC
     ON CONFLICT (tenant, session_id, first_sequence) DO UPDATE SET last_sequence = excluded.last_sequence, events = excluded.events
     WHERE known.last_sequence < excluded.last_sequence`,
    [
      rows.map((row) => row.tenant), rows.map((row) => row.session_id), rows.map((row) => row.first_sequence),
      rows.map((row) => row.last_sequence), rows.map((row) => row.events),
    ],
  );
}

/**
 * Appends what follows on what is known of each session. What is known already is passed over, and so is what would leave a gap:
 * that history stays shorter than its session until the missing part comes. `parts` by session in the order of their events.
 */
export async function appendHistories(tx: Queries, parts: readonly HistoryPart[]): Promise<void> {
  if (parts.length === 0) return;
  const known = new Map((await histories(tx, parts.map((part) => part.session_id), 'FOR UPDATE')).map((each) => [each.session_id, each]));
  const changed = new Map<string, { tenant: string; history: SessionHistory }>();
  for (const { tenant, session_id: id, first_sequence: first, symbols, times } of parts) {
    const before = changed.get(id)?.history ?? known.get(id) ?? { session_id: id, last_sequence: 0, symbols: '', times: [] };
    const skipped = before.last_sequence + 1 - first;
    if (skipped < 0 || skipped >= times.length || before.last_sequence >= historyMax) continue;
    changed.set(id, { tenant, history: {
      session_id: id, last_sequence: first + times.length - 1, symbols: before.symbols + symbols.slice(skipped),
      times: [...before.times, ...times.slice(skipped)],
    } });
  }
  const rows = [...changed.values()];
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO session_histories AS known (tenant, session_id, last_sequence, symbols, times)
     SELECT tenant, session_id, last_sequence, symbols, coalesce(string_to_array(nullif(times, ''), ',')::bigint[], '{}')
     FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[]) AS new (tenant, session_id, last_sequence, symbols, times)
     ON CONFLICT (session_id) DO UPDATE SET last_sequence = excluded.last_sequence, symbols = excluded.symbols, times = excluded.times
     WHERE known.last_sequence < excluded.last_sequence`,
    [
      rows.map((row) => row.tenant), rows.map((row) => row.history.session_id), rows.map((row) => row.history.last_sequence),
      // arrays of different lengths are no array of PostgreSQL's
      rows.map((row) => row.history.symbols), rows.map((row) => row.history.times.join(',')),
    ],
  );
}

/** Those that there are. */
export async function findHistories(db: Database, sessionIds: readonly string[]): Promise<readonly SessionHistory[]> {
  return sessionIds.length === 0 ? [] : histories(db.asSystem(), sessionIds, '');
}

async function histories(queries: Queries, sessionIds: readonly string[], lock: 'FOR UPDATE' | ''): Promise<readonly SessionHistory[]> {
  const rows = await queries.query<Omit<SessionHistory, 'times'> & { times: readonly string[] }>(
    `SELECT session_id, last_sequence, symbols, times FROM session_histories WHERE session_id = ANY($1) ORDER BY session_id ${lock}`,
    [[...new Set(sessionIds)]],
  );
  return rows.map((row) => ({ ...row, times: row.times.map(Number) }));
}

/** Key → its number, counted from 0 within a tenant. */
export type SymbolNumbers = ReadonlyMap<string, number>;

/** The keys that these names find (the name itself, and what goes on after it with a colon), and how many keys the tenant has in all. */
export async function findSymbols(
  db: Database, tenant: string, names: readonly string[],
): Promise<{ readonly numbers: SymbolNumbers; readonly keys: number }> {
  const rows = await db.asTenant(tenant).query<{ key: string | null; number: number; keys: number }>(
    `SELECT key, number, 0 AS keys FROM history_symbols
     WHERE tenant = $1 AND EXISTS (SELECT FROM unnest($2::text[]) AS name WHERE key = name OR starts_with(key, name || ':'))
     UNION ALL SELECT NULL, 0, count(*)::int FROM history_symbols WHERE tenant = $1`,
    [tenant, names],
  );
  return {
    numbers: new Map(rows.flatMap(({ key, number }) => (key === null ? [] : [[key, number] as const]))),
    keys: rows.reduce((sum, { keys }) => sum + keys, 0),
  };
}

/** Whether any session of the tenant has this key; also when so many have been met that not every one is known. */
export async function mayHaveKey(db: Database, tenant: string, key: string, max: number): Promise<boolean> {
  const rows = await db.asTenant(tenant).query(
    `SELECT FROM history_symbols WHERE tenant = $1 AND key = $2
     UNION ALL SELECT FROM history_symbols WHERE tenant = $1 HAVING count(*) >= $3`,
    [tenant, key, max],
  );
  return rows.length > 0;
}

/** Which number each key of a tenant's histories has. What it knows it keeps: numbers never change. */
export class HistorySymbols {
  private readonly db: Database;
  private readonly max: number;
  private readonly known = new LruMap<Map<string, number>>(tenantsKept);

  /** `max`: keys of a tenant that get one. */
  constructor(db: Database, max: number) {
    this.db = db;
    this.max = max;
  }

  /** All of a tenant's as the store has them now. */
  async read(tenant: string): Promise<SymbolNumbers> {
    const rows = await this.db.asTenant(tenant).query<{ key: string; number: number }>(
      'SELECT key, number FROM history_symbols WHERE tenant = $1', [tenant],
    );
    const numbers = new Map(rows.map(({ key, number }) => [key, number]));
    this.known.set(tenant, numbers);
    return numbers;
  }

  /** Everything up to this number, and maybe more. */
  async upTo(tenant: string, number: number): Promise<SymbolNumbers> {
    const kept = this.known.get(tenant);
    // numbers have no gaps
    return kept !== undefined && kept.size > number ? kept : this.read(tenant);
  }

  /** Those of these keys that have one or get one now, and maybe others. */
  async take(tenant: string, keys: ReadonlySet<string>): Promise<SymbolNumbers> {
    const kept = this.known.get(tenant);
    if (kept !== undefined && hasAll(kept, keys, this.max)) return kept;
    const stored = await this.read(tenant);
    if (hasAll(stored, keys, this.max)) return stored;
    await this.db.asTenant(tenant).transaction(async (tx) => {
      // one at a time: numbers are given without gaps
      await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 61))', [tenant]);
      await tx.query(
        `INSERT INTO history_symbols (tenant, key, number)
         SELECT $1, key, number FROM (
           SELECT key, (row_number() OVER (ORDER BY key) - 1)::int
             + coalesce((SELECT max(number) + 1 FROM history_symbols WHERE tenant = $1), 0) AS number
           FROM unnest($2::text[]) AS new (key)
           WHERE NOT EXISTS (SELECT FROM history_symbols AS known WHERE known.tenant = $1 AND known.key = new.key)
         ) AS numbered WHERE number < $3`,
        [tenant, [...keys], this.max],
      );
    });
    return this.read(tenant);
  }
}

/** Tenants whose symbols are kept in memory: each some hundred keys, at most 20,000. */
const tenantsKept = 200;

function hasAll(numbers: SymbolNumbers, keys: ReadonlySet<string>, max: number): boolean {
  return numbers.size >= max || [...keys].every((key) => numbers.has(key));
}
