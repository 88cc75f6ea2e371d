/** Stores that freeze or die under a running service: what goes on, what waits, and what people are told. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { whileFrozen as frozenWhile } from './support/frozen.ts';
import { pdf } from './support/files/documents.ts';
import { root } from './support/folders.ts';
import type { InstanceAddress } from './support/instance.ts';
import { runFileOf } from './support/instance-stores.ts';
import { cast, type Body, type Person, type Reply } from './support/person.ts';
import { sendFile } from './support/sending.ts';
import { leaseInstance, leaseMs, outputOf, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

let lease: Lease;
let instance: InstanceAddress;
beforeAll(async () => {
  lease = await leaseInstance('outage');
  ({ instance } = lease);
}, leaseMs);
afterAll(() => { lease.end(); });

const whileFrozen = (server: string, work: () => Promise<void>): Promise<void> => frozenWhile(instance, server, work);

async function timed(work: () => Promise<Reply>): Promise<Reply & { seconds: number }> {
  const began = performance.now();
  const reply = await work();
  return { ...reply, seconds: (performance.now() - began) / 1_000 };
}

/** Longest of requests side by side while all is well: what this machine needs for as many as will be asked. */
async function calmSeconds(times: number): Promise<number> {
  const { ana } = await cast(instance);
  return Math.max(
    ...(await Promise.all(Array.from({ length: times }, () => timed(() => ana.get('/sessions/'))))).map(({ seconds }) => seconds),
  );
}

async function sessionOf(ana: Person): Promise<Body> {
  let session: Body = null;
  // with a user's time-outs a busy machine may say 503, which is no outage yet
  await until('there is a session', async () => {
    const { status, body } = await ana.post('/sessions/', { resume_existing: true });
    if (status === 503) return false;
    const answered = await ana.answer(body.session_id, 'setup_urgency', 'immediate', `first-${body.session_id}`);
    session = answered.body;
    return answered.status === 200;
  });
  return session;
}

describe('the engine is frozen', () => {
  test('nothing is acknowledged that was not recorded, readers get the marked hot copy, and each repeat counts once', async () => {
    const people = await Promise.all(Array.from({ length: 4 }, async () => {
      const { ana } = await cast(instance);
      return { ana, session: await sessionOf(ana), id: randomUUID() };
    }));
    const { ana: newcomer } = await cast(instance);
    const calm = await calmSeconds(people.length + 1);
    const answer = ({ ana, session, id }: (typeof people)[number]) => ana.answer(session.session_id, 'business_unit_type', 'warehouse', id);
    await whileFrozen('temporal', async () => {
      const replies = await Promise.all([...people.map((each) => timed(() => answer(each))), timed(() => newcomer.post('/sessions/', {}))]);
      for (const reply of replies) {
        expect([reply.status, reply.body.code]).toEqual([503, 'engine_unavailable']);
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect(reply.seconds).toBeLessThan(10 + 10 * calm);
      }
      const [first] = people;
      const read = await first?.ana.get(`/sessions/${first.session.session_id}/`);
      expect(read?.body).toMatchObject({ stale: true, answers_count: 1, state: 'in_progress' });
      expect((await fetch(`${instance.url}/livez`)).status).toBe(200);
      expect((await fetch(`${instance.url}/readyz`)).status).toBe(503);
    });
    for (const each of people) {
      await until('the repeat gets through', async () => (await answer(each)).status === 200);
      const { body } = await each.ana.get(`/sessions/${each.session.session_id}/`);
      expect(body).toMatchObject({ answers_count: 2, stale: false });
      const { body: log } = await each.ana.get(`/sessions/${each.session.session_id}/answers/`);
      expect(log.answers).toHaveLength(2);
    }
    // the claim whose start failed is taken over by the repeat, which is a creation, not a conflict
    const started = await newcomer.post('/sessions/', {});
    expect([started.status, (await newcomer.get('/sessions/')).body.total]).toEqual([201, 1]);
    await until('the service is ready again', async () => (await fetch(`${instance.url}/readyz`)).status === 200);
  });
});

describe('PostgreSQL is frozen', () => {
  test('running sessions go on to the end of their questions; what needs PostgreSQL says so; the copies follow later', async () => {
    const { ana, ben } = await cast(instance);
    const { ana: newcomer } = await cast(instance);
    const session = await sessionOf(ana);
    const calm = await calmSeconds(4);
    await whileFrozen('postgres', async () => {
      const answered = await ana.answerAll(session);
      expect(answered.state).toBe('generating');
      expect((await ana.get(`/sessions/${session.session_id}/`)).body).toMatchObject({ state: 'generating', stale: false });
      for (const reply of await Promise.all([
        timed(() => newcomer.post('/sessions/', {})), timed(() => ana.get('/sessions/')), timed(() => ben.get('/changesets/')),
        timed(() => ana.post(`/sessions/${session.session_id}/cancel/`, {}, { headers: { 'idempotency-key': 'k' } })),
      ])) {
        expect([reply.status, reply.body.code]).toEqual([503, 'store_unavailable']);
        expect(reply.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
        expect(reply.seconds).toBeLessThan(10 + 10 * calm);
      }
    });
    await until('the proposal is made', async () => (await ana.get(`/sessions/${session.session_id}/`)).body.state === 'awaiting_approval');
    await until('the list follows', async () => (await ana.get('/sessions/?state=awaiting_approval')).body.total === 1);
    expect((await newcomer.post('/sessions/', {})).status).toBe(201);
  });
});

describe('Redis is frozen or gone', () => {
  test('nobody gets an error, nobody waits for it for long, and limits are still told', async () => {
    const { ana } = await cast(instance);
    const session = await sessionOf(ana);
    await whileFrozen('redis', async () => {
      const replies = await Promise.all(Array.from({ length: 60 }, () => timed(() => ana.get('/flows/'))));
      expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([200]));
      expect(replies.every((reply) => reply.headers.get('ratelimit') !== null)).toBe(true);
      expect((await ana.answer(session.session_id, 'business_unit_type', 'office')).status).toBe(200);
      const saved = await timed(() => ana.post(`/sessions/${session.session_id}/checkpoint/`, { force: true }));
      expect([saved.status, saved.body.storage]).toEqual([201, { history: 'stored', redis: 'unavailable', postgresql: 'queued' }]);
      // the breaker is open now: not even the command time-out is waited for
      const after = await timed(() => ana.get('/flows/'));
      expect(after.status).toBe(200);
    });
    const { pids } = await runFileOf(instance);
    process.kill(pids['redis'] ?? 0, 'SIGKILL');
    expect((await ana.answer(session.session_id, 'business_unit_name', 'Depot')).status).toBe(200);
    await until('Redis is back', async () => (await (await fetch(`${instance.url}/readyz`)).json() as Body).checks.redis === 'ok');
  });
});

describe('the folder of uploads takes nothing', () => {
  test('/readyz and the doctor say so, uploads are 503 with nothing half there, and all else goes on', async () => {
    const [incoming, aside] = [join(instance.folder, 'uploads/incoming'), join(instance.folder, 'incoming-aside')];
    const { ana } = await cast(instance);
    const session = await sessionOf(ana);
    // of photos the limiter is asked, which a Redis that was away a moment ago may keep shut
    const document = { kind: 'document', name: 'plan.pdf', type: 'application/pdf', bytes: new Uint8Array(pdf()) } as const;
    const filesOf = async (): Promise<unknown> => (await (await fetch(`${instance.url}/readyz`)).json() as Body).checks.files;
    const doctor = async (): Promise<string> => {
      const env = { ...process.env, NODE_OPTIONS: '', GANGWAY_DATA: instance.folder };
      const looked = promisify(execFile)('sh', ['scripts/run', 'scripts/doctor.ts'], { cwd: root, env });
      return looked.then(({ stdout }) => stdout, ({ stdout }: { stdout: string }) => stdout);
    };
    await until('it can be written', async () => await filesOf() === 'ok');
    expect(await doctor()).toMatch(/^✓ files +Uploads can be stored in /m);
    await rename(incoming, aside);
    await writeFile(incoming, '');
    try {
      await until('it is told', async () => await filesOf() === 'unavailable');
      expect((await fetch(`${instance.url}/readyz`)).status).toBe(200);
      const said = await doctor();
      expect(said).toMatch(/^✗ files +Uploads cannot be stored in .*something in its place is a file and no folder.*503\.\n +mend that/m);
      expect(said).toMatch(/^! service +Gangway runs at .* without files \(unavailable\)/m);
      const refused = await sendFile(ana, session.session_id, document);
      expect([refused.status, refused.body.code]).toEqual([503, 'store_unavailable']);
      expect((await ana.get(`/sessions/${session.session_id}/uploads/`)).body.total ?? 0).toBe(0);
      expect((await ana.answer(session.session_id, 'business_unit_type', 'office')).status).toBe(200);
    } finally {
      await rm(incoming);
      await rename(aside, incoming);
    }
    await until('it is told again', async () => await filesOf() === 'ok');
    expect((await sendFile(ana, session.session_id, document)).status).toBe(201);
  });
});

describe('what is logged', () => {
  test('no answer, no name, no token, but the correlation id of the request and of the task that it caused', async () => {
    const { ana } = await cast(instance);
    const marker = `Zanzibar ${randomUUID()}`;
    const session = (await ana.post('/sessions/', {}, { headers: { 'x-correlation-id': 'trace-me-4711' } })).body;
    await ana.answerAll(session, { business_unit_name: marker, contact_email: 'marker@example.org' });
    await ana.inState(session.session_id, 'awaiting_approval');
    await ana.answer(session.session_id, 'expected_users', `${marker} again`);
    await until('the request is logged', async () => (await outputOf('outage')).includes('trace-me-4711'));
    const output = await outputOf('outage');
    expect(output).not.toContain('Zanzibar');
    expect(output).not.toContain('marker@example.org');
    const logged = output.split('\n').filter((line) => line.startsWith('{'));
    expect(logged.length).toBeGreaterThan(20);
    expect(logged.some((line) => line.includes('eyJ'))).toBe(false);
    expect(logged.some((line) => line.includes('"trace-me-4711"') && line.includes('"/sessions"'))).toBe(true);
  });
});
