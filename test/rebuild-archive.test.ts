/** PostgreSQL lost, or brought back from an old backup, beside a Temporal that knows more. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Actor, Message } from '../domain/message.ts';
import { OnboardingSession } from '../domain/session.ts';
import { sealedAs } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { loadFlowFolder } from '../flows/files.ts';
import { saveSessions } from '../stores/postgres/sessions.ts';
import { readState } from '../workflows/messages.ts';
import { sealerOf } from './support/parked-rows.ts';
import type { Database } from '../stores/postgres/database.ts';
import { root } from './support/folders.ts';
import { databaseOf, runFileOf } from './support/instance-stores.ts';
import { cast, proposed, type Body } from './support/person.ts';
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
  await ana.answer(open.session_id, 'setup_urgency', 'immediate');
  const saved = await ana.post(`/sessions/${open.session_id}/checkpoint/`, { label: 'before', ui_state: { tab: 1 } });
  await until('all is archived', async () => {
    const rows = await rowsOf(tenant);
    return rows.length === 2 && rows.some((row) => row.state === 'completed')
      && rows.some((row) => row.versions?.at(-1) === saved.body.checkpoint_version);
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
  expect((await ana.answer(open.session_id, 'business_unit_type', 'office')).status).toBe(200);
  expect(await rebuild(tenant)).toContain('2 sessions');
});

test('beside an older backup of PostgreSQL Temporal counts: rows come up to it, and a newer row is not set back', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.answer(id, 'setup_urgency', 'immediate');
  const archived = async (answers: number): Promise<void> => until('it is archived', async () => (
    (await rowsOf(tenant))[0]?.view.answers_count === answers
  ));
  await archived(1);
  const backup = await db.asTenant(tenant).query<{ view: object; snapshot: Buffer; revision: string }>(
    'SELECT view, snapshot, revision FROM sessions WHERE session_id = $1', [id],
  );
  await ana.answer(id, 'business_unit_type', 'office');
  await archived(2);
  const newest = await rowsOf(tenant);
  const [old] = backup;
  await db.asTenant(tenant).query('UPDATE sessions SET view = $2, snapshot = $3, revision = $4 WHERE session_id = $1', [
    id, JSON.stringify(old?.view), old?.snapshot, old?.revision,
  ]);
  await rebuild(tenant);
  expect((await rowsOf(tenant))[0]?.view).toEqual(newest[0]?.view);
  // one that knows more than Temporal stays as it is
  await db.asTenant(tenant).query('UPDATE sessions SET revision = 1000000 WHERE session_id = $1', [id]);
  const ahead = await rowsOf(tenant);
  await rebuild(tenant);
  expect(await rowsOf(tenant)).toEqual(ahead);
});

test('beside an older backup of Temporal the archive counts once the old runs are ended: nothing is lost, and no repeat counts twice', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.answer(id, 'setup_urgency', 'immediate');
  await until('it is archived', async () => (await rowsOf(tenant))[0]?.view.answers_count === 1);
  const { urls } = await runFileOf(instance);
  const sealer = await sealerOf(instance);
  const { client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer });
  const handle = client.workflow.getHandle(`session:${tenant}:${id}`);
  const { state } = await handle.query(readState);
  const rules = (await loadFlowFolder('flows')).find((flow) => flow.id === 'business_unit_setup')?.rules;
  if (rules === undefined) throw new Error('The flow is missing.');
  // what a later run would have archived before Temporal's database was set back
  const later = OnboardingSession.restore(rules, state);
  const actor: Actor = { tenant, subject: 'ana', roles: ['user'] };
  const messageId = randomUUID();
  const reply = await ana.answer(id, 'business_unit_type', 'nonsense');
  expect(reply.status).toBe(422);
  const message: Message<{ question_id: string; value: string }> = {
    id: messageId, fingerprint: '', actor, correlation_id: 'c', if_match: null,
    body: { question_id: 'business_unit_type', value: 'office' },
  };
  later.answer(message, null, Date.now());
  for (let more = 0; more < 20; more += 1) later.checkpoint('auto', Date.now(), { force: true });
  await saveSessions(db.asTenant(tenant), [{
    view: later.view(), segment: 'first_time',
    snapshot: sealer.seal(Buffer.from(JSON.stringify(later.state)), sealedAs.snapshot(tenant, id)),
  }]);
  // as docs/recovery.md has it
  await handle.terminate();
  await until('it goes on from the archive', async () => (await ana.get(`/sessions/${id}/`)).body.answers_count === 2);
  const { body } = await ana.get(`/sessions/${id}/answers/`);
  expect(body.answers.map((entry: Body) => entry.value)).toEqual(['immediate', 'office']);
  await ana.answer(id, 'business_unit_type', 'office', messageId);
  expect((await ana.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(2);
  await connection.close();
});

test('a person who has begun another session of the flow since keeps that one, and is told of the other', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: lost } = await ana.start();
  await ana.answer(lost, 'setup_urgency', 'immediate');
  await until('it is archived', async () => (await rowsOf(tenant))[0]?.view.answers_count === 1);
  await db.asTenant(tenant).query('DELETE FROM checkpoints WHERE tenant = $1', [tenant]);
  await db.asTenant(tenant).query('DELETE FROM sessions WHERE tenant = $1', [tenant]);
  const { session_id: other } = await ana.start();
  expect(await rebuild(tenant)).toContain(`${lost} is left out`);
  expect((await rowsOf(tenant)).map((row) => row.session_id)).toEqual([other]);
});
