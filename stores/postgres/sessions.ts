/** Sessions in PostgreSQL: the claim of the one open session of a person and flow, the copy of each session, and lists. */
import { isEnded, sessionStates, stages, type SessionStateName, type StageName } from '../../domain/lifecycle.ts';
import type { AwaitedApproval, SessionView } from '../../domain/message.ts';
import { listedScoreOf } from '../../domain/view-risk.ts';
import type { Database, Queries } from './database.ts';
import { keysetPage, type Page, type PageOf } from './keyset-page.ts';

export interface Claim {
  readonly session_id: string;
  readonly tenant: string;
  readonly claim_token: string;
  readonly segment: 'first_time' | 'returning';
  /** False for a claim that another caller failed to start and this one has taken over. */
  readonly fresh: boolean;
}

export interface ClaimRequest {
  readonly session_id: string;
  readonly claim_token: string;
  readonly tenant: string;
  readonly owner: string;
  readonly flow_id: string;
  readonly flow_version: number;
  readonly language: string;
  /** Names the keyed request that starts it, so that its repeat gets this session. */
  readonly start_request: string | null;
  readonly lease_seconds: number;
  /** The owner's pseudonym, by which imported sessions know the same person; null: nobody has a key for it. */
  readonly user_key: string | null;
}

export interface OpenSession {
  readonly session_id: string;
  readonly confirmed: boolean;
  readonly start_request: string | null;
  readonly expired: boolean;
}

/** Takes the claim, or returns the open session that has it. */
export async function claimSession(db: Database, request: ClaimRequest): Promise<{ claim: Claim } | { open: OpenSession }> {
  const scope = db.asTenant(request.tenant);
  const inserted = await scope.query<{ segment: Claim['segment'] }>(
    `INSERT INTO sessions (session_id, tenant, owner, flow_id, flow_version, language, claim_token, claim_expires_at, start_request,
       segment)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8), $9,
             CASE WHEN EXISTS (SELECT FROM sessions WHERE tenant = $2 AND owner = $3)
               OR EXISTS (SELECT FROM imported_sessions WHERE tenant = $2 AND user_key = $10) THEN 'returning' ELSE 'first_time' END)
     ON CONFLICT (tenant, owner, flow_id) WHERE ended_at IS NULL DO NOTHING
     RETURNING segment`,
    [
      request.session_id, request.tenant, request.owner, request.flow_id, request.flow_version, request.language, request.claim_token,
      request.lease_seconds, request.start_request, request.user_key,
    ],
  );
  if (inserted[0] !== undefined) return { claim: { ...request, segment: inserted[0].segment, fresh: true } };
  const [open] = await scope.query<OpenSession>(
    `SELECT session_id, confirmed, start_request, claim_expires_at < now() AS expired FROM sessions
     WHERE tenant = $1 AND owner = $2 AND flow_id = $3 AND ended_at IS NULL`,
    [request.tenant, request.owner, request.flow_id],
  );
  // the open one ended between the two statements
  if (open === undefined) return claimSession(db, request);
  if (open.confirmed || !open.expired) return { open };
  const [taken] = await scope.query<{ session_id: string; segment: Claim['segment'] }>(
    `UPDATE sessions SET claim_token = $2, claim_expires_at = now() + make_interval(secs => $3), start_request = $4, language = $5,
       flow_version = $6
     WHERE session_id = $1 AND NOT confirmed AND claim_expires_at < now() RETURNING session_id, segment`,
    [open.session_id, request.claim_token, request.lease_seconds, request.start_request, request.language, request.flow_version],
  );
  if (taken === undefined) return { open };
  return {
    claim: { session_id: taken.session_id, tenant: request.tenant, claim_token: request.claim_token, segment: taken.segment, fresh: false },
  };
}

/** The workflow runs: the claim is kept until the session ends. */
export async function confirmClaim(db: Database, claim: Claim, view: SessionView): Promise<void> {
  await db.asTenant(claim.tenant).query(
    `UPDATE sessions SET confirmed = true, revision = greatest(revision, $4),
       standing_risk = CASE WHEN view IS NULL THEN $5 ELSE standing_risk END, last_activity_at = coalesce(last_activity_at, $6),
       view = coalesce(view, $3)
     WHERE session_id = $1 AND claim_token = $2`,
    [claim.session_id, claim.claim_token, readable(view), view.revision, listedScoreOf(view), new Date(view.last_activity_at)],
  );
}

/** The start failed or is unknown: the next caller may take the claim over at once. */
export async function releaseClaim(db: Database, claim: Claim): Promise<void> {
  await db.asTenant(claim.tenant).query(
    "UPDATE sessions SET claim_expires_at = now() - interval '1 second' WHERE session_id = $1 AND claim_token = $2 AND NOT confirmed",
    [claim.session_id, claim.claim_token],
  );
}

export interface SessionCopy {
  readonly view: SessionView;
  readonly segment: 'first_time' | 'returning';
  readonly snapshot: Uint8Array | null;
}

/** Writes copies of many sessions in one statement, in the scope of their tenants. An older revision never replaces a newer one. */
export async function saveSessions(tx: Queries, copies: readonly SessionCopy[]): Promise<void> {
  if (copies.length === 0) return;
  const views = copies.map((copy) => copy.view);
  await tx.query(
    `INSERT INTO sessions AS known (session_id, tenant, owner, flow_id, flow_version, language, segment, state, created_at, ended_at,
       revision, view, snapshot, standing_risk, last_activity_at,
                                    claim_token, claim_expires_at, confirmed)
     SELECT v.*, gen_random_uuid(), now(), true
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
       $10::timestamptz[],
                 $11::bigint[], $12::jsonb[], $13::bytea[], $14::smallint[], $15::timestamptz[]) AS v
     ON CONFLICT (session_id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, revision = excluded.revision,
       view = excluded.view, standing_risk = excluded.standing_risk, last_activity_at = excluded.last_activity_at,
       snapshot = coalesce(excluded.snapshot, known.snapshot), confirmed = true
     WHERE known.revision < excluded.revision OR (known.revision = excluded.revision AND excluded.snapshot IS NOT NULL)`,
    [
      views.map((view) => view.session_id), views.map((view) => view.tenant), views.map((view) => view.owner),
      views.map((view) => view.flow.id),
      views.map((view) => view.flow.version), views.map((view) => view.language), copies.map((copy) => copy.segment),
      views.map((view) => view.state),
      views.map((view) => new Date(view.created_at)),
      views.map((view) => (isEnded(view.state) ? new Date(view.ended_at ?? view.last_activity_at) : null)),
      views.map((view) => view.revision), views.map(readable), copies.map((copy) => copy.snapshot),
      views.map(listedScoreOf), views.map((view) => new Date(view.last_activity_at)),
    ],
  );
}

/** As it stands in the table, readable: without the former answer that a question suggests. The sealed snapshot has it. */
function readable(view: SessionView): string {
  return JSON.stringify({ ...view, question: view.question === null ? null : { id: view.question.id } });
}

export interface ArchivedSession { readonly view: SessionView; readonly snapshot: Uint8Array | null }

/** `owner`: nobody else's is read, so that its size cannot be told by the time either; null: anybody's. */
export async function findSession(db: Database, tenant: string, sessionId: string, owner: string | null): Promise<ArchivedSession | null> {
  const [row] = await db.asTenant(tenant).query<{ view: SessionView | null; snapshot: Buffer | null }>(
    'SELECT view, snapshot FROM sessions WHERE session_id = $1 AND tenant = $2 AND owner = coalesce($3, owner)', [sessionId, tenant, owner],
  );
  return row?.view == null ? null : { view: row.view, snapshot: row.snapshot };
}

/** Sealed states of those that have one, of any tenants. */
export async function findSnapshots(db: Database, sessionIds: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await db.asSystem().query<{ session_id: string; snapshot: Buffer }>(
    'SELECT session_id, snapshot FROM sessions WHERE session_id = ANY($1) AND snapshot IS NOT NULL', [sessionIds],
  );
  return new Map(rows.map(({ session_id: id, snapshot }) => [id, snapshot]));
}

/** One that was started and of which nobody has a state any more: its claim is free again. One that has a copy is left alone. */
export async function endUnknownSession(db: Database, tenant: string, sessionId: string): Promise<void> {
  await db.asTenant(tenant).query(
    `UPDATE sessions SET state = 'cancelled', ended_at = now(), revision = revision + 1, standing_risk = NULL,
       view = view || jsonb_build_object('state', 'cancelled', 'question', NULL, 'ended_at', floor(extract(epoch FROM now()) * 1000))
     WHERE session_id = $1 AND tenant = $2 AND confirmed AND snapshot IS NULL AND ended_at IS NULL`,
    [sessionId, tenant],
  );
}

export interface SessionFilter {
  readonly tenant: string;
  readonly owner: string | null;
  readonly state: SessionStateName | null;
  readonly stage: StageName | null;
  readonly flow: string | null;
  /** Id of the session, its owner, or the correlation id of the request that started it; null: any. */
  readonly named: string | null;
}

/** What a list of sessions goes by, newest first. */
export const sessionSorts = { started_at: 'created_at', last_activity_at: 'last_activity_at' } as const;
export type SessionSort = keyof typeof sessionSorts;

/** By keyset. Sessions whose start was never confirmed are nobody's and are left out. */
export async function listSessions(db: Database, filter: SessionFilter, sort: SessionSort, page: Page): Promise<PageOf<SessionView>> {
  const { tenant, owner, state, stage, flow, named } = filter;
  const params: unknown[] = [tenant];
  const param = (value: unknown): string => `$${params.push(value)}`;
  const conditions = ['tenant = $1', 'confirmed', 'view IS NOT NULL', ...(flow === null ? [] : [`flow_id = ${param(flow)}`])];
  const list = {
    columns: 'view', from: 'sessions', params, at: sessionSorts[sort], id: 'session_id', page,
    read: (row: { view: SessionView }) => row.view,
  };
  if (owner === null && named === null) {
    const kinds = `unnest(${param(state === null ? sessionStates : [state])}::text[]) AS of_state,
      unnest(${param(stage === null ? stages : [stage])}::text[]) AS of_stage`;
    const where = [...conditions, 'state = of_state', 'stage = of_stage'].join(' AND ');
    return keysetPage(db.asTenant(tenant), { ...list, forEvery: `(SELECT * FROM ${kinds}) AS kinds`, where });
  }
  for (const [column, value] of [['owner', owner], ['state', state], ['stage', stage]] as const) {
    if (value !== null) conditions.push(`${column} = ${param(value)}`);
  }
  const from = named === null ? 'sessions' : namedSessions(param(named));
  return keysetPage(db.asTenant(tenant), { ...list, from, where: conditions.join(' AND ') });
}

const uuidForm = "'^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'";

/**
 * By an index for each of the three, and nothing else (OFFSET 0): no list is read to its end for one that is not there.
 */
function namedSessions(name: string): string {
  return `(SELECT sessions.* FROM (
      SELECT session_id FROM sessions WHERE tenant = $1 AND session_id = CASE WHEN ${name} ~ ${uuidForm} THEN ${name}::uuid END
      UNION SELECT session_id FROM sessions WHERE tenant = $1 AND owner = ${name}
      UNION SELECT session_id FROM sessions WHERE tenant = $1 AND correlation_id = ${name}) AS named
    JOIN sessions USING (session_id) OFFSET 0) AS sessions`;
}

export interface AwaitedFilter {
  readonly tenant: string;
  readonly waitsFor: AwaitedApproval['waits_for'] | null;
  readonly sessionId: string | null;
  /** Only those on which this person may decide (personName); null: all. */
  readonly person: string | null;
}

/** Sessions that wait for an approver, the longest waiting first. */
export async function listAwaited(
  db: Database, { tenant, waitsFor, sessionId, person }: AwaitedFilter, page: Page,
): Promise<PageOf<SessionView>> {
  const params: unknown[] = [tenant];
  const conditions = ['tenant = $1', 'waiting_since IS NOT NULL'];
  if (waitsFor !== null) conditions.push(`view -> 'awaits' ->> 'waits_for' = $${params.push(waitsFor)}`);
  if (sessionId !== null) conditions.push(`session_id = $${params.push(sessionId)}`);
  if (person !== null) {
    conditions.push(`NOT EXISTS (SELECT FROM jsonb_array_elements(view -> 'awaits' -> 'parties') AS party
      WHERE coalesce(party ->> 'person', person_name(tenant, party ->> 'subject')) = $${params.push(person)})`);
  }
  return keysetPage(db.asTenant(tenant), {
    columns: 'view', from: 'sessions', where: conditions.join(' AND '), params, at: 'waiting_since', id: 'session_id', page, sort: 'oldest',
    read: (row: { view: SessionView }) => row.view,
  });
}
