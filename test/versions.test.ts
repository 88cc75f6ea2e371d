/** A session at any of its versions: from its history, and from the archive what that keeps no more. */
import { expect, test } from '@jest/globals';
import { databaseOf } from './support/instance-stores.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

async function save(ana: Person, id: string): Promise<number> {
  return (await ana.post(`/sessions/${id}/checkpoint/`, { force: true })).body.checkpoint_version as number;
}

test('Checkpoint history: each version tells what counted then and what had changed since the one before, also after a return', async () => {
  const { ana } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  const first = await save(ana, id);
  await ana.gives(id, 'business_unit_type', 'office');
  await ana.gives(id, 'setup_urgency', 'planned');
  const second = await save(ana, id);
  await ana.post(`/sessions/${id}/resume/`, { checkpoint_version: first });
  const third = await save(ana, id);
  const at = async (version: number): Promise<Body> => (await ana.get(`/sessions/${id}/versions/${version}/`)).body;
  expect(await at(second)).toMatchObject({
    session_id: id, version: second, kind: 'manual', state: 'in_progress', stage: 'engaged', source: 'history',
    answers: [{ question_id: 'business_unit_type', value: 'office' }, { question_id: 'setup_urgency', value: 'planned' }],
  });
  // the session makes checkpoints of its own in between
  const changes = async (after: number, upTo: number): Promise<Body[]> => (
    await Promise.all(Array.from({ length: upTo - after }, (_, more) => at(after + 1 + more)))
  ).flatMap((version) => version.changes_since_previous);
  expect(await changes(first, second)).toEqual([
    { question_id: 'business_unit_type', change: 'answered', value: 'office' },
    { question_id: 'setup_urgency', change: 'amended', value: 'planned', previous_value: 'immediate' },
  ]);
  expect((await at(third)).answers).toMatchObject([{ question_id: 'setup_urgency', value: 'immediate' }]);
  expect((await changes(second, third)).map((each) => [each.question_id, each.change])).toEqual([
    ['setup_urgency', 'amended'], ['business_unit_type', 'superseded'],
  ]);
  expect((await at(1))).toMatchObject({ stage: 'started', state: 'started', answers: [], changes_since_previous: [] });
  const unknown = await ana.get(`/sessions/${id}/versions/999/`);
  expect([unknown.status, unknown.body.code]).toEqual([404, 'checkpoint_not_found']);
  for (const bad of ['0', 'x', '1.5', '99999999999']) expect((await ana.get(`/sessions/${id}/versions/${bad}/`)).status).not.toBe(200);
});

test('a version older than the newest 50 comes from the archive and says the same as it did from the history', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  await save(ana, id);
  await ana.gives(id, 'business_unit_type', 'office');
  const version = await save(ana, id);
  const before = (await ana.get(`/sessions/${id}/versions/${version}/`)).body;
  expect(before.source).toBe('history');
  let newest = version;
  while (newest < version + 50) newest = await save(ana, id);
  const db = await databaseOf(instance);
  await until('all are archived', async () => {
    const [row] = await db.asTenant(tenant).query<{ n: number }>('SELECT max(version) AS n FROM checkpoints WHERE session_id = $1', [id]);
    return row?.n === newest;
  });
  await db.close();
  // the oldest that the history keeps, too, whose forerunner is the archive's
  for (const each of [version, version + 1]) expect((await ana.get(`/sessions/${id}/versions/${each}/`)).body.source).toBe('postgresql');
  expect((await ana.get(`/sessions/${id}/versions/${version}/`)).body).toEqual({ ...before, source: 'postgresql' });
});

test('an admin sees the shape of answers, what was said only when asked for, and the audit log has both; to all others it is 404', async () => {
  const { ana, admin, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  await ana.gives(id, 'business_unit_type', 'office');
  await ana.gives(id, 'business_unit_name', 'Zebra House');
  const version = await save(ana, id);
  const path = `/sessions/${id}/versions/${version}/`;
  const shape = await admin.get(path);
  expect(shape.status).toBe(200);
  expect(JSON.stringify(shape.body)).not.toContain('Zebra');
  expect(shape.body.answers.at(-1)).toMatchObject({ question_id: 'business_unit_name', shape: { type: 'text', length: 11 } });
  const plain = await admin.get(`${path}?include=answers`);
  expect(plain.body.answers.at(-1)).toMatchObject({ question_id: 'business_unit_name', value: 'Zebra House' });
  expect((await ana.get(path)).body.answers).toEqual(plain.body.answers);
  const { body: audit } = await admin.get('/admin/audit/?action=version.read');
  expect(audit.results.map((entry: Body) => entry.details.answers)).toEqual([true, false]);
  const eve = await person(instance, tenant, 'eve', 'user');
  const strange = await eve.get(path);
  expect([strange.status, strange.body.code]).toEqual([404, 'not_found']);
});
