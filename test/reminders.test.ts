/** Reminders on the running service: due after silence, with a link that counts once, to nobody who came back, and measured. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { connectEngine } from '../engine/connection.ts';
import type { Database } from '../stores/postgres/database.ts';
import { readState } from '../workflows/messages.ts';
import { newFolder } from './support/folders.ts';
import { whileFrozen } from './support/frozen.ts';
import { discard, killEverything, startInstance, type Instance, type InstanceAddress } from './support/instance.ts';
import { databaseOf, runFileOf } from './support/instance-stores.ts';
import { leftSession, type LeftSession } from './support/left-session.ts';
import { sealerOf } from './support/parked-rows.ts';
import { base, cast, newTenant, person, type Body } from './support/person.ts';
import { profiles } from './support/profiles.ts';
import { isSigned, startReceiver, type Reaction, type Received, type Receiver } from './support/receiver.ts';
import { leaseInstance, leaseMs, outputOf, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

let lease: Lease;
let receiver: Receiver;
let react: (request: Received) => Reaction = () => ({});
let connection: Connection;
let client: Client;
let db: Database;

beforeAll(async () => {
  receiver = await startReceiver((request) => react(request));
  lease = await leaseInstance('outside', receiver.port);
  ({ client, connection } = await engineOf(lease.instance));
  db = await databaseOf(lease.instance);
}, leaseMs);
afterAll(async () => {
  await db.close();
  await connection.close();
  lease.end();
  await receiver.close();
});
beforeEach(() => { react = () => ({}); });

async function engineOf(instance: InstanceAddress): Promise<{ client: Client; connection: Connection }> {
  const { urls } = await runFileOf(instance);
  return connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer: await sealerOf(instance) });
}

/** Days that last for a second, at any hour. */
const soon = { afterMs: [1_000, 3_000], fromHour: 0, toHour: 24, heldOutPercent: 0 };

const left = (tenant: string, owner: string, plan = soon, at = client): Promise<LeftSession> => (
  leftSession(at, 0, { reminders: plan }, { tenant, subject: owner })
);

const remindersOf = (id: string, of = receiver): Received[] => of.requests.filter(
  ({ body }) => body.event === 'session.reminder_due' && body.session_id === id,
);

async function spend(url: string): Promise<Body> {
  const response = await fetch(`${lease.instance.url}${base}/resume-links/spend/`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ secret: secretIn(url) }),
  });
  return response.json() as Promise<Body>;
}

const secretIn = (url: string): string => /#r=([\w-]{43})$/.exec(url)?.[1] ?? '';

test('silence is reminded of twice, signed, each with a link that leads back once; the newer one ends the former', async () => {
  const tenant = newTenant();
  const { id, handle } = await left(tenant, 'ana');
  await until('both were sent', () => remindersOf(id).length === 2);
  const [first, second] = remindersOf(id).map(({ body }) => body as Body);
  expect(remindersOf(id).every((request) => isSigned(request))).toBe(true);
  expect(second).toMatchObject({ event: 'session.reminder_due', tenant, session_id: id, data: { number: 2, owner: 'ana' } });
  expect(first.data.number).toBe(1);
  expect((await spend(first.data.resume_url as string)).code).toBe('link_expired');
  expect((await spend(second.data.resume_url as string)).session_id).toBe(id);
  expect((await spend(second.data.resume_url as string)).code).toBe('link_used');
  const stored = await db.asTenant(tenant).query('SELECT data FROM outgoing_events WHERE session_id = $1', [id]);
  expect(JSON.stringify(stored)).not.toContain('resume_url');
  await handle.cancel();
});

test('the secret of a reminder\'s link is in no log and no table: not after a try that failed, not once it is spent', async () => {
  const tenant = newTenant();
  let refused = 0;
  react = ({ body }) => (body.event === 'session.reminder_due' && (refused += 1) === 1 ? { status: 503 } : {});
  const { id, handle } = await left(tenant, 'ana', { ...soon, afterMs: [500] });
  await until('it was sent again', () => remindersOf(id).length === 2);
  const [first = '', second = ''] = remindersOf(id).map(({ body }) => body.data.resume_url as string);
  expect(second).toBe(first);
  const secret = secretIn(first);
  expect(secret).toHaveLength(43);
  expect((await spend(first)).session_id).toBe(id);
  expect((await spend(first)).code).toBe('link_used');
  const output = await outputOf('outside');
  expect(output).toContain('Ready in');
  expect(output).not.toContain(secret);
  const scope = db.asTenant(tenant);
  const rows = await Promise.all(['resume_links', 'outgoing_events', 'audit', 'interventions'].map(
    (table) => scope.query(`SELECT * FROM ${table} WHERE tenant = $1`, [tenant]),
  ));
  expect(rows[0]).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(secret);
  await handle.cancel();
});

test('a reminder that its receiver did not take is not sent any more once the person is back, or wants none, or the session has ended', async () => {
  const tenant = newTenant();
  const people = ['ana', 'ben', 'cy'];
  const sessions = await Promise.all(people.map((owner) => left(tenant, owner, { ...soon, afterMs: [500] })));
  react = ({ body }) => (body.event === 'session.reminder_due' ? { status: 503, headers: { 'retry-after': '2' } } : {});
  for (const { id } of sessions) await until('it was tried', () => remindersOf(id).length > 0);
  const due = sessions.map(({ id }) => remindersOf(id)[0]?.body.event_id as string);
  const [ana, ben, cy] = await Promise.all(people.map((owner) => person(lease.instance, tenant, owner, 'user')));
  const [one, two, three] = sessions;
  await ana?.gives(one?.id ?? '', 'setup_urgency', 'immediate');
  expect((await ben?.post(`/sessions/${two?.id}/reminders/`, { enabled: false }))?.body).toEqual({ session_id: two?.id, enabled: false });
  await cy?.post(`/sessions/${three?.id}/cancel/`, {});
  await until('none of them waits any more', async () => {
    const rows = await db.asTenant(tenant).query('SELECT FROM outgoing_events WHERE event_id = ANY($1)', [due]);
    return rows.length === 0;
  });
  const tried = receiver.requests.length;
  react = () => ({});
  const { id: other, handle } = await left(tenant, 'dee', { ...soon, afterMs: [500] });
  await until('a later one has come', () => remindersOf(other).length === 1);
  const late = receiver.requests.slice(tried).map(({ body }) => body as Body);
  expect(late.filter(({ event_id }) => due.includes(event_id as string))).toEqual([]);
  // whoever came back and left again is reminded of the new silence
  expect(late.filter(({ event, session_id }) => event === 'session.reminder_due' && session_id !== other).every(
    ({ session_id }) => session_id === one?.id,
  )).toBe(true);
  await handle.cancel();
});

test('who is held out gets none, and both arms are measured: returned within a week, difference, interval, or too few', async () => {
  const { admin, ana, tenant } = await cast(lease.instance);
  const { id, handle } = await left(tenant, 'eve', { ...soon, afterMs: [500], heldOutPercent: 100 });
  const noted = async (): Promise<Body[]> => db.asTenant(tenant).query(
    'SELECT arm, returned_at IS NOT NULL AS returned FROM interventions WHERE session_id = $1 ORDER BY silent_since', [id],
  );
  await until('it is noted', async () => (await noted()).length === 1);
  expect([remindersOf(id).length, (await noted())[0]]).toEqual([0, { arm: 'held_out', returned: false }]);
  const eve = await person(lease.instance, tenant, 'eve', 'user');
  await eve.gives(id, 'setup_urgency', 'immediate');
  await until('the return is noted', async () => (await noted())[0]?.returned === true);
  await handle.cancel();
  await db.asTenant(tenant).query(
    `INSERT INTO interventions (session_id, silent_since, tenant, arm, at, returned_at)
     SELECT gen_random_uuid(), now() - interval '11 days', $1, CASE WHEN n <= 100 THEN 'sent' ELSE 'held_out' END,
       now() - interval '10 days',
       CASE WHEN n % 100 < (CASE WHEN n <= 100 THEN 50 ELSE 10 END) THEN now() - interval '9 days'
            WHEN n % 100 = 99 THEN now() - interval '1 day' END
     FROM generate_series(1, 200) AS n`, [tenant],
  );
  const { body } = await admin.get('/admin/interventions/');
  // the one of today is too young to count
  expect(body).toMatchObject({
    sent: 100, held_out: 100, returned: { sent: 49 + 1, held_out: 10 }, verdict: 'better', rates: { sent: 0.5, held_out: 0.1 },
  });
  expect(body.difference).toBeCloseTo(0.4, 6);
  expect(body.interval[0]).toBeGreaterThan(0.25);
  const far = await admin.get('/admin/interventions/?start_date=2020-01-01&end_date=2020-02-01');
  expect(far.body).toMatchObject({ sent: 0, held_out: 0, difference: null, interval: null, verdict: 'too_few' });
  expect((await admin.get('/admin/interventions/?start_date=2026-02-01&end_date=2026-01-01')).body.code).toBe('invalid_period');
  expect((await ana.get('/admin/interventions/')).status).toBe(403);
});

interface Stored { readonly event_id: string; readonly status: string }

const outboxOf = (of: Database, tenant: string, id: string): Promise<Stored[]> => of.asTenant(tenant).query<Stored>(
  "SELECT event_id, status FROM outgoing_events WHERE session_id = $1 AND event = 'session.reminder_due'", [id],
);

let killed: Instance | undefined;
afterAll(() => discard(killed));

test('SIGKILL of everything between a reminder that is recorded as due and its delivery: then it is sent, once, as the event it was', async () => {
  // a port where nobody listens yet
  const away = await startReceiver(() => ({}));
  await away.close();
  const environment = { ...profiles.outside.settings(away.port), GANGWAY_EVENT_TRIES: '1000', GANGWAY_EVENT_DELAY_CAP_SECONDS: '1' };
  const folder = await newFolder();
  killed = await startInstance(folder, environment);
  const tenant = newTenant();
  const before = await engineOf(killed);
  const { id } = await left(tenant, 'ana', { ...soon, afterMs: [500] }, before.client);
  const stored = await databaseOf(killed);
  await until('it is recorded as due', async () => (await outboxOf(stored, tenant, id)).length === 1);
  const [due] = await outboxOf(stored, tenant, id);
  expect(due?.status).toBe('pending');
  await stored.close();
  await before.connection.close();
  await killEverything(killed);

  const heard = await startReceiver(() => ({}), away.port);
  try {
    killed = await startInstance(folder, environment);
    const storedAfter = await databaseOf(killed);
    await until('it is noted as delivered', async () => (
      (await outboxOf(storedAfter, tenant, id)).some(({ status }) => status === 'delivered')
    ));
    const after = await engineOf(killed);
    const { id: later } = await left(tenant, 'ben', { ...soon, afterMs: [500] }, after.client);
    await until('a later one was sent', () => remindersOf(later, heard).length > 0);
    await after.connection.close();
    expect(remindersOf(id, heard).map(({ body }) => body.event_id as string)).toEqual([due?.event_id]);
    // what is delivered is never sent again, and there is no other one
    expect(await outboxOf(storedAfter, tenant, id)).toEqual([{ event_id: due?.event_id, status: 'delivered' }]);
    await storedAfter.close();
  } finally {
    await heard.close();
  }
});

test('SIGKILL of everything after a reminder is recorded and before it has a row: then it has one, and is sent once', async () => {
  const heard = await startReceiver(() => ({}));
  const environment = profiles.outside.settings(heard.port);
  const folder = await newFolder();
  let running = await startInstance(folder, environment);
  try {
    const tenant = newTenant();
    const before = await engineOf(running);
    const plan = { ...soon, afterMs: [10_000] };
    const sessions = await Promise.all(['ana', 'ben', 'cy'].map((owner) => left(tenant, owner, plan, before.client)));
    const stored = await databaseOf(running);
    const rows = async (of: Database): Promise<number> => (
      await of.asTenant(tenant).query("SELECT FROM outgoing_events WHERE event = 'session.reminder_due'")
    ).length;
    const recorded = async (): Promise<boolean> => {
      const states = await Promise.all(sessions.map(async ({ handle }) => (await handle.query(readState)).state));
      return states.every(
        ({ reminders, unsaved }) => reminders.number === 1 && unsaved.events.some(({ event }) => event === 'reminder_due'),
      );
    };
    await until('each has its row', async () => (await stored.asTenant(tenant).query('SELECT FROM sessions')).length === sessions.length);
    expect(await rows(stored)).toBe(0);
    await stored.close();
    // no row can be written: a frozen PostgreSQL takes nothing and refuses nothing
    await whileFrozen(running, 'postgres', async () => {
      await until('each has recorded that it is due', recorded);
      await before.connection.close();
      await killEverything(running);
    });
    expect(heard.requests).toEqual([]);
    running = await startInstance(folder, environment);
    const after = await databaseOf(running);
    const sent = (): string[] => sessions.flatMap(({ id }) => remindersOf(id, heard).map(({ body }) => body.event_id as string));
    await until('each is sent', () => sent().length >= sessions.length);
    const engine = await engineOf(running);
    const { id: later } = await left(tenant, 'dee', { ...soon, afterMs: [500] }, engine.client);
    await until('a later one is sent', () => remindersOf(later, heard).length > 0);
    await engine.connection.close();
    expect(sessions.map(({ id }) => remindersOf(id, heard).length)).toEqual([1, 1, 1]);
    expect(new Set(sent()).size).toBe(sessions.length);
    expect(await rows(after)).toBe(sessions.length + 1);
    await after.close();
  } finally {
    await discard(running);
    await heard.close();
  }
});
