/** PostgreSQL lost, or brought back from an old backup, beside a Temporal that knows more. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bodyHash } from '../api/idempotency.ts';
import { sameValue, type Json } from '../domain/json.ts';
import type { Actor, Message } from '../domain/message.ts';
import { OnboardingSession } from '../domain/session.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { Client } from '@temporalio/client';
import { connectEngine } from '../engine/connection.ts';
import { loadFlowFolder } from '../flows/files.ts';
import { findSnapshots, saveSessions } from '../stores/postgres/sessions.ts';
import type { SessionState } from '../domain/session-state.ts';
import { readState } from '../workflows/messages.ts';
import { sealerOf } from './support/parked-rows.ts';
import type { Database } from '../stores/postgres/database.ts';
import { root } from './support/folders.ts';
import { databaseOf, runFileOf } from './support/instance-stores.ts';
import { cast, person, proposed, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

async function rebuild(tenant: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['scripts/run', 'scripts/rebuild-archive.ts', '--tenant', tenant], {
    cwd: root, env: { ...process.env, NODE_OPTIONS: '', GANGWAY_DATA: instance.folder },
  });
  return stdout;
}

const rowsOf = (tenant: string): Promise<Body[]> => db.asTenant(tenant).query(
  `SELECT s.session_id, s.owner, s.state, s.view, s.standing_risk, s.last_activity_at, s.ended_at IS NULL AS open,
     (SELECT array_agg(version ORDER BY version) FROM checkpoints AS c WHERE c.session_id = s.session_id) AS versions
   FROM sessions AS s WHERE tenant = $1 ORDER BY session_id`, [tenant],
);

test('the archive is filled from Temporal\'s histories: open and completed sessions, with every checkpoint, and their people go on', async () => {
  const { ana, ben, tenant } = await cast(instance);
  const { session, items } = await proposed(ana, ben);
  await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
  await ana.inState(session.session_id as string, 'completed');
  const open = await ana.start();
  await ana.gives(open.session_id, 'setup_urgency', 'immediate');
  const saved = await ana.post(`/sessions/${open.session_id}/checkpoint/`, { label: 'before', ui_state: { tab: 1 } });
  expect(saved.body.checkpoint_version).toEqual(expect.any(Number));
  await until('all is archived', async () => {
    const rows = await rowsOf(tenant);
    // the list knows a session sooner than its checkpoints are there
    const newest = (id: unknown): unknown => rows.find((row) => row.session_id === id)?.versions?.at(-1);
    const completed = rows.find((row) => row.state === 'completed');
    return rows.length === 2 && completed !== undefined && newest(session.session_id) === completed.view.checkpoint_version
      && newest(open.session_id) === saved.body.checkpoint_version;
  });
  const before = await rowsOf(tenant);
  const told = await db.asTenant(tenant).query<{ n: number }>('SELECT count(*)::int AS n FROM outgoing_events');
  await db.asTenant(tenant).query('DELETE FROM checkpoints WHERE tenant = $1', [tenant]);
  await db.asTenant(tenant).query('DELETE FROM sessions WHERE tenant = $1', [tenant]);
  expect((await ana.get('/sessions/')).body.total).toBe(0);
  expect(await rebuild(tenant)).toContain('2 sessions');
  expect(await rowsOf(tenant)).toEqual(before);
  expect((await ana.get('/sessions/')).body.total).toBe(2);
  // nothing is told twice
  expect(await db.asTenant(tenant).query('SELECT count(*)::int AS n FROM outgoing_events')).toEqual(told);
  await ana.gives(open.session_id, 'business_unit_type', 'office');
  expect(await rebuild(tenant)).toContain('2 sessions');
});

test('beside an older backup of PostgreSQL Temporal counts: rows come up to it, and a newer row is not set back', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  const archived = async (answers: number): Promise<void> => until('it is archived', async () => (
    (await rowsOf(tenant))[0]?.view.answers_count === answers
  ));
  await archived(1);
  const old = await rowOf(tenant, id);
  await ana.gives(id, 'business_unit_type', 'office');
  await archived(2);
  const newest = await rowsOf(tenant);
  await setBack(tenant, id, old);
  await rebuild(tenant);
  expect((await rowsOf(tenant))[0]?.view).toEqual(newest[0]?.view);
  // one that knows more than Temporal stays as it is
  await db.asTenant(tenant).query('UPDATE sessions SET revision = 1000000 WHERE session_id = $1', [id]);
  const ahead = await rowsOf(tenant);
  await rebuild(tenant);
  expect(await rowsOf(tenant)).toEqual(ahead);
});

test('a session that the archive has lost, or has from an old backup, tells all of itself with its next copy', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  const sealer = await sealerOf(instance);
  const archived = async (values: readonly Json[]): Promise<void> => until(`the archive has ${JSON.stringify(values)}`, async () => {
    const snapshot = (await findSnapshots(db, [id])).get(id);
    if (snapshot === undefined) return false;
    const state = openJson<SessionState>(sealer, snapshot, sealedAs.snapshot(tenant, id));
    return sameValue(state.answers.map(({ value }) => value), values);
  });
  await ana.gives(id, 'setup_urgency', 'immediate');
  await archived(['immediate']);
  const old = await rowOf(tenant, id);
  await ana.gives(id, 'business_unit_type', 'office');
  await archived(['immediate', 'office']);
  await setBack(tenant, id, old);
  await ana.gives(id, 'business_unit_name', 'Depot');
  await archived(['immediate', 'office', 'Depot']);
  await db.asTenant(tenant).query('DELETE FROM checkpoints WHERE tenant = $1', [tenant]);
  await db.asTenant(tenant).query('DELETE FROM sessions WHERE tenant = $1', [tenant]);
  await ana.gives(id, 'expected_users', 12);
  await archived(['immediate', 'office', 'Depot', 12]);
});

async function engine(): Promise<{ client: Client; sealer: Sealer; close: () => Promise<void> }> {
  const { urls } = await runFileOf(instance);
  const sealer = await sealerOf(instance);
  const { client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer });
  return { client, sealer, close: () => connection.close() };
}

/**
 * What a later run would have archived before Temporal's database was set back: ana's second answer. Returns the id of its message,
 * which the archive alone knows.
 */
async function archiveKnowsMore(client: Client, sealer: Sealer, tenant: string, id: string): Promise<string> {
  const { state } = await client.workflow.getHandle(`session:${tenant}:${id}`).query(readState);
  const rules = (await loadFlowFolder('flows')).find((flow) => flow.id === 'business_unit_setup')?.rules;
  if (rules === undefined) throw new Error('The flow is missing.');
  const later = OnboardingSession.restore(rules, state);
  const actor: Actor = { tenant, subject: state.owner, roles: ['user'] };
  const messageId = randomUUID();
  const body = { question_id: 'business_unit_type', value: 'office' };
  const message: Message<typeof body> = {
    // as the API makes it: a repeat is told by it from another answer under the same id
    id: messageId, fingerprint: bodyHash(body).slice(0, 16), actor, correlation_id: 'c', if_match: null, body,
  };
  later.answer(message, null, Date.now());
  for (let more = 0; more < 20; more += 1) later.checkpoint('auto', Date.now(), { force: true });
  await saveSessions(db.asTenant(tenant), [{
    view: later.view(), segment: 'first_time',
    snapshot: sealer.seal(Buffer.from(JSON.stringify(later.state)), sealedAs.snapshot(tenant, id)),
  }]);
  return messageId;
}

interface ArchivedRow { readonly view: object; readonly snapshot: Buffer | null; readonly revision: string }

/** PostgreSQL set back: the row as it was. */
async function setBack(tenant: string, id: string, { view, snapshot, revision }: ArchivedRow): Promise<void> {
  await db.asTenant(tenant).query('UPDATE sessions SET view = $2, snapshot = $3, revision = $4 WHERE session_id = $1', [
    id, JSON.stringify(view), snapshot, revision,
  ]);
}

async function rowOf(tenant: string, id: string): Promise<ArchivedRow> {
  const [row] = await db.asTenant(tenant).query<ArchivedRow>(
    'SELECT view, snapshot, revision FROM sessions WHERE session_id = $1', [id],
  );
  if (row === undefined) throw new Error(`${id} has no row.`);
  return row;
}

test('beside an older backup of PostgreSQL a decision that was taken is not taken again, and nothing is applied a second time', async () => {
  const { ana, ben, tenant } = await cast(instance);
  const { session, proposal, items } = await proposed(ana, ben);
  const id = session.session_id as string;
  const scope = db.asTenant(tenant);
  const { client, sealer, close } = await engine();
  // the list knows it sooner than what a session goes on from
  await until('the proposal is archived', async () => {
    const { snapshot } = await rowOf(tenant, id);
    const opened = snapshot === null ? '{}' : sealer.open(snapshot, sealedAs.snapshot(tenant, id)).toString('utf8');
    return (JSON.parse(opened) as Body).state === 'awaiting_approval';
  });
  const old = await rowOf(tenant, id);
  const decision = { approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false };
  expect((await ben.post(`/sessions/${id}/decision/`, decision)).body.status).toBe('applied');
  // its last copy is written before it ends
  await client.workflow.getHandle(`session:${tenant}:${id}`).result();
  await close();
  const applied = async (): Promise<number[]> => Promise.all(['changesets', 'configuration.business_units'].map(
    async (table) => (await scope.query(`SELECT FROM ${table} WHERE tenant = $1`, [tenant])).length,
  ));
  expect(await applied()).not.toContain(0);
  // the backup is of the time before it was decided
  await setBack(tenant, id, old);
  await scope.query("UPDATE sessions SET state = 'awaiting_approval', ended_at = NULL WHERE session_id = $1", [id]);
  for (const table of ['changes', 'changesets', 'configuration.business_units']) {
    await scope.query(`DELETE FROM ${table} WHERE tenant = $1`, [tenant]);
  }
  for (const again of ['before', 'after'] as const) {
    if (again === 'after') await rebuild(tenant);
    const reply = await ben.post(`/sessions/${id}/decision/`, decision);
    expect([again, reply.status, reply.body.code]).toEqual([again, 409, 'wrong_state']);
    expect(await applied()).toEqual([0, 0]);
  }
  expect((await ana.get(`/sessions/${id}/`)).body.state).toBe('completed');
  expect(((await rowOf(tenant, id)).view as Body).state).toBe('completed');
});

test('both set back, to different days: of each session the newer of both goes on, and no repeat counts twice', async () => {
  const { ana, tenant } = await cast(instance);
  const eve = await person(instance, tenant, 'eve', 'user');
  const [inTemporal, inArchive] = (await Promise.all([ana.start(), eve.start()])).map((session) => session.session_id as string);
  if (inTemporal === undefined || inArchive === undefined) throw new Error('Two sessions were begun.');
  const archived = (id: string, answers: number): Promise<void> => until('it is archived', async () => (
    ((await rowOf(tenant, id)).view as Body).answers_count === answers
  ));
  await ana.gives(inTemporal, 'setup_urgency', 'immediate');
  await eve.gives(inArchive, 'setup_urgency', 'planned');
  await Promise.all([archived(inTemporal, 1), archived(inArchive, 1)]);
  const old = await rowOf(tenant, inTemporal);
  const repeated = randomUUID();
  await ana.gives(inTemporal, 'business_unit_type', 'warehouse', repeated);
  await archived(inTemporal, 2);
  await setBack(tenant, inTemporal, old);
  const { client, sealer, close } = await engine();
  const known = await archiveKnowsMore(client, sealer, tenant, inArchive);
  // as docs/recovery.md has it: the archive first, then the runs
  expect(await rebuild(tenant)).toContain('2 sessions');
  await Promise.all([inTemporal, inArchive].map((id) => client.workflow.getHandle(`session:${tenant}:${id}`).terminate()));
  for (const [who, id, message, answers] of [
    [ana, inTemporal, repeated, ['immediate', 'warehouse']], [eve, inArchive, known, ['planned', 'office']],
  ] as const) {
    await until('it goes on', async () => (await who.get(`/sessions/${id}/`)).body.answers_count === 2);
    await who.gives(id, 'business_unit_type', answers[1], message);
    const { body } = await who.get(`/sessions/${id}/answers/`);
    expect(body.answers.map((entry: Body) => entry.value)).toEqual(answers);
    await who.gives(id, 'business_unit_name', 'Depot');
  }
  await close();
});

test('beside an older backup of Temporal the archive counts once the old runs are ended: nothing is lost, and no repeat counts twice', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  await until('it is archived', async () => (await rowsOf(tenant))[0]?.view.answers_count === 1);
  const { client, sealer, close } = await engine();
  const messageId = await archiveKnowsMore(client, sealer, tenant, id);
  const reply = await ana.answer(id, 'business_unit_type', 'nonsense');
  expect(reply.status).toBe(422);
  // as docs/recovery.md has it
  await client.workflow.getHandle(`session:${tenant}:${id}`).terminate();
  await until('it goes on from the archive', async () => (await ana.get(`/sessions/${id}/`)).body.answers_count === 2);
  const { body } = await ana.get(`/sessions/${id}/answers/`);
  expect(body.answers.map((entry: Body) => entry.value)).toEqual(['immediate', 'office']);
  await ana.gives(id, 'business_unit_type', 'office', messageId);
  expect((await ana.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(2);
  await close();
});

test('a person who has begun another session of the flow since keeps that one, and is told of the other', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: lost } = await ana.start();
  await ana.gives(lost, 'setup_urgency', 'immediate');
  await until('it is archived', async () => (await rowsOf(tenant))[0]?.view.answers_count === 1);
  await db.asTenant(tenant).query('DELETE FROM checkpoints WHERE tenant = $1', [tenant]);
  await db.asTenant(tenant).query('DELETE FROM sessions WHERE tenant = $1', [tenant]);
  const { session_id: other } = await ana.start();
  expect(await rebuild(tenant)).toContain(`${lost} is left out`);
  expect((await rowsOf(tenant)).map((row) => row.session_id)).toEqual([other]);
});
