/** What PostgreSQL has of a person's sessions, and how it goes. Each session by itself, so that a broken-off erasure goes on where it was. */
import type { SessionView } from '../../domain/message.ts';
import type { Database, Queries } from './database.ts';

export interface PersonsSession {
  readonly session_id: string;
  readonly is_open: boolean;
  /** Nobody knows a workflow of it. */
  readonly is_claim: boolean;
}

export async function sessionsOfPerson(db: Database, tenant: string, owner: string): Promise<readonly PersonsSession[]> {
  return db.asTenant(tenant).query<PersonsSession & Record<string, unknown>>(
    `SELECT session_id, ended_at IS NULL AS is_open, NOT confirmed AS is_claim FROM sessions WHERE tenant = $1 AND owner = $2
     ORDER BY created_at`, [tenant, owner],
  );
}

export async function importedSessionsOfPerson(db: Database, tenant: string, userKey: string): Promise<readonly string[]> {
  const rows = await db.asTenant(tenant).query<{ session_id: string }>(
    'SELECT session_id FROM imported_sessions WHERE tenant = $1 AND user_key = $2', [tenant, userKey],
  );
  return rows.map((row) => row.session_id);
}

export interface ErasableSession {
  readonly view: SessionView | null;
  readonly snapshot: Buffer | null;
  readonly events: readonly { readonly first_sequence: number; readonly events: Buffer }[];
  readonly checkpoints: readonly number[];
}

/** What takes the place of what was there. */
export interface ErasedSession {
  readonly owner: string;
  readonly view: SessionView | null;
  readonly snapshot: Uint8Array | null;
  readonly events: readonly { readonly first_sequence: number; readonly events: Uint8Array }[];
  readonly checkpoints: readonly { readonly version: number; readonly answers: Uint8Array }[];
}

/** Of an ended session. False: it is open, or nobody's of this name any more. */
export async function eraseSession(
  db: Database, tenant: string, owner: string, sessionId: string, erase: (session: ErasableSession) => ErasedSession,
): Promise<boolean> {
  return db.asTenant(tenant).transaction(async (tx) => {
    const [row] = await tx.query<{ view: SessionView | null; snapshot: Buffer | null }>(
      'SELECT view, snapshot FROM sessions WHERE tenant = $1 AND session_id = $2 AND owner = $3 AND ended_at IS NOT NULL FOR UPDATE',
      [tenant, sessionId, owner],
    );
    if (row === undefined) return false;
    const events = await tx.query<ErasableSession['events'][number] & Record<string, unknown>>(
      'SELECT first_sequence, events FROM session_events WHERE tenant = $1 AND session_id = $2 FOR UPDATE', [tenant, sessionId],
    );
    const versions = await tx.query<{ version: number }>('SELECT version FROM checkpoints WHERE session_id = $1', [sessionId]);
    await write(tx, tenant, sessionId, erase({ ...row, events, checkpoints: versions.map(({ version }) => version) }));
    return true;
  });
}

async function write(tx: Queries, tenant: string, sessionId: string, erased: ErasedSession): Promise<void> {
  const { events, checkpoints } = erased;
  await tx.query(
    `UPDATE sessions SET owner = $3, view = $4, snapshot = $5, revision = revision + 1, start_request = NULL
     WHERE tenant = $1 AND session_id = $2`,
    [tenant, sessionId, erased.owner, erased.view === null ? null : JSON.stringify(erased.view), erased.snapshot],
  );
  await tx.query(
    `UPDATE session_events AS e SET events = new.events FROM unnest($3::int[], $4::bytea[]) AS new (first_sequence, events)
     WHERE e.tenant = $1 AND e.session_id = $2 AND e.first_sequence = new.first_sequence`,
    [tenant, sessionId, events.map((row) => row.first_sequence), events.map((row) => row.events)],
  );
  // its hash is of what was said
  await tx.query(
    `UPDATE checkpoints AS c SET answers = new.answers, label = NULL, hash = ''
     FROM unnest($2::int[], $3::bytea[]) AS new (version, answers) WHERE c.session_id = $1 AND c.version = new.version`,
    [sessionId, checkpoints.map(({ version }) => version), checkpoints.map(({ answers }) => answers)],
  );
  for (const table of ['outgoing_events', 'resume_links']) {
    await tx.query(`DELETE FROM ${table} WHERE tenant = $1 AND session_id = $2`, [tenant, sessionId]);
  }
  await tx.query("DELETE FROM tasks WHERE tenant = $1 AND session_id = $2 AND status IN ('completed', 'discarded')", [tenant, sessionId]);
  await noteErased(tx, tenant, [sessionId]);
}

/** A claim that never became a session. */
export async function dropClaim(db: Database, tenant: string, owner: string, sessionId: string): Promise<void> {
  await db.asTenant(tenant).query(
    'DELETE FROM sessions WHERE tenant = $1 AND session_id = $2 AND owner = $3 AND NOT confirmed AND claim_expires_at < now()',
    [tenant, sessionId, owner],
  );
}

/** Their rows are made anew, and what comes of them later says nothing of a person either. */
export async function eraseImportedSessions(db: Database, tenant: string, sessionIds: readonly string[], userKey: string): Promise<void> {
  await db.asTenant(tenant).transaction(async (tx) => {
    await tx.query('UPDATE imported_events SET properties = NULL WHERE tenant = $1 AND session_id = ANY($2::uuid[])', [tenant, sessionIds]);
    await tx.query(
      `UPDATE imported_sessions SET user_key = $3, erased = true, version = version + 1, published = 0
       WHERE tenant = $1 AND session_id = ANY($2::uuid[])`, [tenant, sessionIds, userKey],
    );
    await noteErased(tx, tenant, sessionIds);
  });
}

/** Answers to keyed requests hold what was sent back. */
export async function forgetAnswersTo(db: Database, tenant: string, subject: string): Promise<void> {
  await db.asTenant(tenant).query('DELETE FROM idempotency_keys WHERE tenant = $1 AND subject = $2', [tenant, subject]);
}

async function noteErased(tx: Queries, tenant: string, sessionIds: readonly string[]): Promise<void> {
  await tx.query(
    `INSERT INTO erasures (tenant, session_id) SELECT $1, unnest($2::uuid[])
     ON CONFLICT (tenant, session_id) DO UPDATE SET requested_at = now(), done_at = NULL`, [tenant, sessionIds],
  );
}

export interface ErasureToDo { readonly tenant: string; readonly session_id: string; readonly requested: string }

/** Of which ClickHouse is still to be told, the oldest first. `requested` as text, since a Date has no microseconds. */
export async function erasuresToDo(db: Database, limit: number): Promise<readonly ErasureToDo[]> {
  return db.asSystem().query<ErasureToDo & Record<string, unknown>>(
    `SELECT tenant, session_id, requested_at::text AS requested FROM erasures WHERE done_at IS NULL ORDER BY requested_at LIMIT $1`, [limit],
  );
}

export async function noteErasuresDone(db: Database, done: readonly ErasureToDo[]): Promise<void> {
  await db.asSystem().query(
    `UPDATE erasures AS e SET done_at = now() FROM unnest($1::text[], $2::uuid[], $3::text[]) AS d (tenant, session_id, requested)
     WHERE e.tenant = d.tenant AND e.session_id = d.session_id AND e.requested_at = d.requested::timestamptz`,
    [done.map(({ tenant }) => tenant), done.map((one) => one.session_id), done.map(({ requested }) => requested)],
  );
}

/** How many of a tenant's are still to be told. */
export async function erasuresLeft(db: Database, tenant: string): Promise<number> {
  const [row] = await db.asTenant(tenant).query<{ n: number }>(
    'SELECT count(*)::int AS n FROM erasures WHERE tenant = $1 AND done_at IS NULL', [tenant],
  );
  return row?.n ?? 0;
}
