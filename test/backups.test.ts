/**
 * One store brought back from a backup that is really one: its data folder, copied while Gangway was stopped, beside the other store as
 * it is days later. What docs/recovery.md says of it is what comes.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { newFolder, root } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { newTenant, person, proposed, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';

const run = promisify(execFile);
let instance: Instance | undefined;
afterAll(() => discard(instance));

const settings = { GANGWAY_FLUSH_SECONDS: '1', GANGWAY_DLQ_RECONCILE_SECONDS: '86400' };
const stores = {
  postgresql: ['postgres'], temporal: ['temporal.db', 'temporal.db-wal', 'temporal.db-shm'],
} as const;

/** A Gangway that is stopped and started again, as an operator does who brings a store back. */
class Restored {
  readonly tenant = newTenant();
  readonly folder: string;
  private readonly backup: string;

  constructor(folder: string, backup: string) {
    this.folder = folder;
    this.backup = backup;
  }

  async start(): Promise<Instance> {
    instance = await startInstance(this.folder, settings);
    return instance;
  }

  async people(): Promise<{ ana: Person; ben: Person; eve: Person; fay: Person }> {
    const of = instance;
    if (of === undefined) throw new Error('Nothing runs.');
    const [ana, ben, eve, fay] = await Promise.all([
      person(of, this.tenant, 'ana', 'user'), person(of, this.tenant, 'ben', 'approver'), person(of, this.tenant, 'eve', 'user'),
      person(of, this.tenant, 'fay', 'user'),
    ] as const);
    return { ana, ben, eve, fay };
  }

  /** Stopped, copied, started again. */
  async backUp(store: keyof typeof stores): Promise<void> {
    await instance?.stop();
    for (const name of stores[store]) await copied(join(this.folder, name), join(this.backup, name));
    await this.start();
  }

  /** Stopped, set back to the copy, started again. */
  async bringBack(store: keyof typeof stores): Promise<void> {
    await instance?.stop();
    for (const name of stores[store]) {
      await rm(join(this.folder, name), { recursive: true, force: true });
      await copied(join(this.backup, name), join(this.folder, name));
    }
    await this.start();
  }

  /** What PostgreSQL has. */
  async counts(): Promise<Body> {
    if (instance === undefined) throw new Error('Nothing runs.');
    const db = await databaseOf(instance);
    const [row] = await db.asTenant(this.tenant).query<Body>(
      `SELECT (SELECT count(*)::int FROM sessions) AS sessions, (SELECT count(*)::int FROM changesets) AS changesets,
         (SELECT count(*)::int FROM configuration.business_units) AS units,
         (SELECT jsonb_object_agg(owner, view->'answers_count') FROM sessions WHERE ended_at IS NULL) AS answers`,
    );
    await db.close();
    return row;
  }

  async archived(answers: Readonly<Record<string, number>>): Promise<void> {
    await until('it is archived', async () => {
      const { answers: found } = await this.counts();
      return Object.entries(answers).every(([owner, count]) => found?.[owner] === count);
    });
  }
}

/** With its owners, since PostgreSQL may have an account of its own. */
async function copied(from: string, to: string): Promise<void> {
  await run('cp', ['-a', from, to]).catch((error: unknown) => {
    // SQLite removes what it does not need when it is closed
    if (!from.endsWith('-wal') && !from.endsWith('-shm')) throw error;
  });
}

async function restored(): Promise<Restored> {
  const made = new Restored(await newFolder(), await newFolder());
  await made.start();
  return made;
}

async function command(line: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], GANGWAY_DATA: instance?.folder };
  return (await run('bash', ['-euo', 'pipefail', '-c', line], { cwd: root, env })).stdout;
}

async function valuesOf(who: Person, id: string): Promise<unknown[]> {
  const { body } = await who.get(`/sessions/${id}/answers/`);
  return body.answers.map(({ value }: Body) => value);
}

test('PostgreSQL from an old backup beside a newer Temporal: nothing said is lost or counted twice, no decision is applied again', async () => {
  const gangway = await restored();
  const before = await gangway.people();
  const { session_id: mine } = await before.ana.start();
  await before.ana.answer(mine, 'setup_urgency', 'immediate');
  const { session, proposal, items } = await proposed(before.eve, before.ben);
  await gangway.archived({ ana: 1, eve: session.answers_count as number });
  await gangway.backUp('postgresql');

  const { ana, ben, fay } = await gangway.people();
  const messageId = randomUUID();
  await ana.gives(mine, 'business_unit_type', 'office', messageId);
  const decision = { approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false };
  expect((await ben.post(`/sessions/${session.session_id}/decision/`, decision)).body.status).toBe('applied');
  await ben.get(`/sessions/${session.session_id}/`);
  const { session_id: later } = await fay.start();
  await fay.gives(later, 'setup_urgency', 'planned');
  await gangway.archived({ ana: 2, fay: 1 });
  expect(await gangway.counts()).toMatchObject({ sessions: 3, changesets: 1, units: 1 });

  await gangway.bringBack('postgresql');
  expect(await gangway.counts()).toMatchObject({ sessions: 2, changesets: 0, units: 0, answers: { ana: 1 } });
  const after = await gangway.people();
  // before anything is rebuilt, and after it
  for (const rebuilt of [false, true]) {
    if (rebuilt) expect(await command('npm run --silent rebuild-archive')).toMatch(/^\d+ sessions are in the archive/m);
    expect(await valuesOf(after.ana, mine)).toEqual(['immediate', 'office']);
    await after.ana.gives(mine, 'business_unit_type', 'office', messageId);
    expect(await valuesOf(after.fay, later)).toEqual(['planned']);
    const again = await after.ben.post(`/sessions/${session.session_id}/decision/`, decision);
    expect([rebuilt, again.status, again.body.code]).toEqual([rebuilt, 409, 'wrong_state']);
    // the configuration is the backup's: nobody writes it anew
    expect(await gangway.counts()).toMatchObject({ changesets: 0, units: 0 });
  }
  expect(await gangway.counts()).toMatchObject({ sessions: 3, answers: { ana: 2, fay: 1 } });
  await after.ana.gives(mine, 'business_unit_name', 'Depot');
  await after.fay.gives(later, 'business_unit_type', 'warehouse');
  await gangway.archived({ ana: 3, fay: 2 });
  await discard(instance);
  instance = undefined;
});

test('Temporal from an old backup beside a newer PostgreSQL: once its old runs are ended, what was archived goes on, and nothing twice', async () => {
  const gangway = await restored();
  const before = await gangway.people();
  const { session_id: mine } = await before.ana.start();
  await before.ana.answer(mine, 'setup_urgency', 'immediate');
  const { session, proposal, items } = await proposed(before.eve, before.ben);
  await gangway.archived({ ana: 1, eve: session.answers_count as number });
  await gangway.backUp('temporal');

  const { ana, ben, fay } = await gangway.people();
  const messageId = randomUUID();
  await ana.gives(mine, 'business_unit_type', 'office', messageId);
  const decision = { approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false };
  expect((await ben.post(`/sessions/${session.session_id}/decision/`, decision)).body.status).toBe('applied');
  const { session_id: later } = await fay.start();
  await fay.gives(later, 'setup_urgency', 'planned');
  await gangway.archived({ ana: 2, fay: 1 });
  await until('the end is archived', async () => (await gangway.counts()).answers.eve === undefined);
  const applied = { sessions: 3, changesets: 1, units: 1 };
  expect(await gangway.counts()).toMatchObject(applied);

  await gangway.bringBack('temporal');
  // as docs/recovery.md has it
  const page = await readFile(join(root, 'docs/recovery.md'), 'utf8');
  const [end] = /^npm run --silent temporal -- workflow terminate .*$/m.exec(page) ?? [];
  await command(end ?? 'false');
  const after = await gangway.people();
  await until('it goes on from the archive', async () => (await after.ana.get(`/sessions/${mine}/`)).body.answers_count === 2);
  expect(await valuesOf(after.ana, mine)).toEqual(['immediate', 'office']);
  await after.ana.gives(mine, 'business_unit_type', 'office', messageId);
  expect(await valuesOf(after.ana, mine)).toHaveLength(2);
  // the backup has never heard of this one
  const resumed = await after.fay.post(`/sessions/${later}/resume/`, {});
  expect(resumed.body).toMatchObject({ source: 'postgresql', restored_data: { setup_urgency: 'planned' } });
  const again = await after.ben.post(`/sessions/${session.session_id}/decision/`, decision);
  expect([again.status, again.body.code]).toEqual([409, 'wrong_state']);
  expect((await after.eve.get(`/sessions/${session.session_id}/`)).body.state).toBe('completed');
  await after.ana.gives(mine, 'business_unit_name', 'Depot');
  await after.fay.gives(later, 'business_unit_type', 'warehouse');
  await gangway.archived({ ana: 3, fay: 2 });
  expect(await gangway.counts()).toMatchObject(applied);
});
