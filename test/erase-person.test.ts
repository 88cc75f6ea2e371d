/** npm run erase-person: what a person said is nowhere any more, and every report counts what it counted. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stages } from '../domain/lifecycle.ts';
import { sealedAs } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { jpeg } from './support/files/pictures.ts';
import { root } from './support/folders.ts';
import { databaseOf } from './support/instance-stores.ts';
import { sealerOf } from './support/parked-rows.ts';
import { cast, person, proposed, type Body, type Person } from './support/person.ts';
import { judged, photo, sendFile } from './support/sending.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';
import { uploadsOnDisk } from './support/uploading.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

async function erase(tenant: string, user: string, ...options: string[]): Promise<string> {
  const command = ['scripts/run', 'scripts/erase-person.ts', '--tenant', tenant, '--user', user, ...options];
  const { stdout } = await promisify(execFile)('sh', command, {
    cwd: root, env: { ...process.env, NODE_OPTIONS: '', GANGWAY_DATA: instance.folder },
  });
  return stdout;
}

const period = `start_date=${new Date(Date.now() - 30 * 86_400_000).toISOString().slice(0, 10)}&fresh=true`;

async function counts(analyst: Person): Promise<Body> {
  const all = await Promise.all(['', '&user_segment=returning', '&user_segment=first_time', '&device=phone'].map(async (more) => {
    const { body } = await analyst.get(`/analytics/funnel/?${period}${more}`);
    return [body.total_sessions, body.stages.map(({ count, dropped }: Body) => [count, dropped])];
  }));
  return all;
}

/** Everything that PostgreSQL has of a tenant, opened where we can. */
async function contents(tenant: string): Promise<string> {
  const sealer = await sealerOf(instance);
  const scope = db.asTenant(tenant);
  const sessions = await scope.query<{ session_id: string; snapshot: Buffer | null; text: string }>(
    "SELECT session_id, snapshot, (to_jsonb(s) - 'snapshot')::text AS text FROM sessions AS s WHERE tenant = $1", [tenant],
  );
  const events = await scope.query<{ session_id: string; first_sequence: number; events: Buffer }>(
    'SELECT session_id, first_sequence, events FROM session_events WHERE tenant = $1', [tenant],
  );
  const checkpoints = await scope.query<{ session_id: string; version: number; label: string | null; answers: Buffer }>(
    'SELECT session_id, version, label, answers FROM checkpoints WHERE tenant = $1', [tenant],
  );
  const imported = await scope.query<{ text: string }>(
    `SELECT (to_jsonb(s)::text || to_jsonb(e)::text) AS text
     FROM imported_sessions AS s JOIN imported_events AS e USING (tenant, session_id) WHERE tenant = $1`, [tenant],
  );
  const others = await Promise.all(['outgoing_events', 'resume_links', 'idempotency_keys', 'erasures', 'uploads'].map((table) => (
    scope.query<{ text: string }>(`SELECT to_jsonb(t)::text AS text FROM ${table} AS t WHERE tenant = $1`, [tenant])
  )));
  return [
    ...sessions.map((row) => row.text),
    ...sessions.map(({ snapshot, session_id: id }) => (
      snapshot === null ? '' : sealer.open(snapshot, sealedAs.snapshot(tenant, id)).toString('utf8')
    )),
    ...events.map((row) => sealer.open(row.events, sealedAs.events(tenant, row.session_id, row.first_sequence)).toString('utf8')),
    ...checkpoints.map((row) => `${row.label ?? ''} ${
      sealer.open(row.answers, sealedAs.checkpoint(tenant, row.session_id, row.version)).toString('utf8')}`),
    ...imported.map(({ text }) => text), ...others.flat().map(({ text }) => text),
  ].join('\n');
}

describe('a person who is erased', () => {
  test('leaves nothing that was said in either store and nothing in Temporal, while every count stays what it was', async () => {
    const { admin, ben, cy, tenant } = await cast(instance);
    const secret = `s${randomUUID().slice(0, 8)}`;
    const user = `eve-${secret}`;
    const eve = await person(instance, tenant, user, 'user');
    const ana = await person(instance, tenant, 'ana', 'user');
    // one that came to its end, with an applied change, a cancelled one, and one that is open
    const { session, items } = await proposed(eve, ben, { business_unit_name: `Office ${secret}` });
    await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
    await eve.inState(session.session_id as string, 'completed');
    const open = await eve.start({ client_context: { device: 'phone', user_agent: secret } });
    await eve.gives(open.session_id, 'setup_urgency', 'immediate');
    await eve.post(`/sessions/${open.session_id}/checkpoint/`, { label: secret, ui_state: { tab: secret }, force: true });
    await eve.post(`/sessions/${open.session_id}/events/`, { event: 'opened_help', properties: { words: secret } });
    const sent = await sendFile(eve, open.session_id as string, photo(await jpeg(), `${secret}.jpg`));
    expect(await judged(eve, open.session_id as string, sent.body.upload_id as string)).toMatchObject({ status: 'clean' });
    const uploads = join(instance.folder, 'uploads');
    expect(await uploadsOnDisk(uploads, open.session_id as string)).toEqual([sent.body.upload_id]);
    // somebody else, who stays
    const others = await ana.start();
    await ana.gives(others.session_id, 'setup_urgency', 'immediate');
    await admin.post('/admin/analytics/import/', undefined, {
      headers: { 'content-type': 'application/x-ndjson' },
      raw: stages.slice(0, 3).flatMap((event, at) => ['x', 'y'].map((id) => JSON.stringify({
        session_id: id, event, user, properties: { note: secret },
        timestamp: new Date(Date.now() - 10 * 86_400_000 + at * 60_000).toISOString(),
      }))).join('\n'),
    });
    await until('all of it is counted', async () => (await cy.get(`/analytics/funnel/?${period}`)).body.total_sessions === 5);
    await until('all of it is kept', async () => (await contents(tenant)).split(secret).length > 10);

    expect(await erase(tenant, user)).toContain('2 sessions, 1 of them open, and 2 imported ones');
    expect((await eve.get(`/sessions/${open.session_id}/`)).body.state).toBe('in_progress');
    // an open one that is cancelled was not dropped before
    await eve.post(`/sessions/${open.session_id}/cancel/`, {});
    await until('it has ended', async () => (await cy.get(`/analytics/funnel/?${period}`)).body.open_sessions === 1);
    const before = await counts(cy);
    const again = await eve.start();
    await eve.gives(again.session_id, 'setup_urgency', 'immediate');
    const output = await erase(tenant, user, '--apply');
    expect(output).toMatch(/Erased, with 1 uploads\.\nNothing of it is left in ClickHouse\./);

    expect(await uploadsOnDisk(uploads, open.session_id as string)).toEqual([]);
    expect(await contents(tenant)).not.toContain(secret);
    expect((await contents(tenant)).match(/"owner": ?"erased:[0-9a-f]{32}"/g)?.length).toBeGreaterThanOrEqual(3);
    const after = await counts(cy);
    // beside the one that came last, all is as it was
    expect(after[0][0]).toBe(before[0][0] + 1);
    const reached = (all: Body): number[] => all[0][1].map(([count]: number[]) => count);
    expect(reached(after)).toEqual(reached(before).map((count, at) => count + (at < 2 ? 1 : 0)));
    expect(after[3]).toEqual(before[3]);
    // of the events nothing is told but what they are
    for (const id of [session.session_id, open.session_id]) {
      await until('its runs are gone', async () => (
        (await cy.get(`/dashboard/session-replay/${id}/`)).body.workflow.run_ids.length === 0
      ));
      const { body } = await admin.get(`/dashboard/session-replay/${id}/?include=answers`);
      expect(JSON.stringify(body)).not.toContain(secret);
      expect(body.complete).toBe(true);
      expect(body.timeline.some(({ event_type: type }: Body) => type === 'question_answered')).toBe(true);
      expect((await eve.get(`/sessions/${id}/`)).status).toBe(404);
    }
    expect((await ana.get(`/sessions/${others.session_id}/answers/`)).status).toBe(200);
    const audit = (await admin.get('/admin/audit/?action=person.erase')).body.results as Body[];
    expect(audit).toMatchObject([{ actor: 'operator', result: 'allowed', details: { sessions: 3, imported: 2 } }]);
    expect(JSON.stringify(audit)).not.toContain(secret);
    // a second time there is nobody
    expect(await erase(tenant, user, '--apply')).toContain('0 sessions, 0 of them open, and 0 imported ones');
  });

  test('takes nothing more of an imported session when its file comes again', async () => {
    const { admin, cy, tenant } = await cast(instance);
    const base = Date.now() - 5 * 86_400_000;
    const line = (event: string, minute: number): string => JSON.stringify({
      session_id: 'x', event, user: 'eve', properties: { note: 'words' },
      timestamp: new Date(base + minute * 60_000).toISOString(),
    });
    const send = (...lines: string[]): Promise<Body> => admin.post('/admin/analytics/import/', undefined, {
      headers: { 'content-type': 'application/x-ndjson' }, raw: lines.join('\n'),
    });
    await send(line('started', 1));
    await erase(tenant, 'eve', '--apply');
    await send(line('started', 1), line('engaged', 2), line('looked', 0));
    const rows = await db.asTenant(tenant).query<{ erased: boolean; n: number }>(
      `SELECT s.erased, count(e.properties)::int AS n FROM imported_sessions AS s JOIN imported_events AS e USING (tenant, session_id)
       WHERE tenant = $1 GROUP BY s.erased`, [tenant],
    );
    expect(rows).toEqual([{ erased: true, n: 0 }]);
    expect(await erase(tenant, 'eve')).toContain('0 imported ones');
    expect((await cy.get(`/analytics/funnel/?${period}`)).body.stages[1].count).toBe(1);
  });

  test('whose name is missing, or of a tenant that cannot be, is refused with the usage', async () => {
    for (const [tenant, user] of [['', 'eve'], ['acme', '']] as const) {
      await expect(erase(tenant, user)).rejects.toThrow(/Usage: npm run/);
    }
  });
});
