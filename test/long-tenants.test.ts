/**
 * A tenant may have any name that is allowed: one whose encoded form is too long for an id has sessions, lists and an audit log
 * as others.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { connectEngine } from '../engine/connection.ts';
import { payloadsIn, sealedFor } from '../engine/payload-codec.ts';
import { codecPathKey } from '../scripts/embedded/secrets.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { runFileOf } from './support/instance-stores.ts';
import { newTenant, person, proposed, tokenFor, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
/** 107 characters, of which the last tell one run from another. */
const tenant = '测'.repeat(75) + randomUUID().replaceAll('-', '');
let ana: Person;
let ben: Person;
let dee: Person;
beforeAll(async () => {
  [ana, ben, dee] = await Promise.all([
    person(instance, tenant, 'ana', 'user'), person(instance, tenant, 'ben', 'approver'), person(instance, tenant, 'dee', 'admin'),
  ]);
});

test('it starts, answers, is approved and completed, and stands in its own lists and in no others', async () => {
  expect(tenant).toHaveLength(107);
  const { session, proposal, items } = await proposed(ana, ben);
  const id: string = session.session_id;
  expect(await ben.post(`/sessions/${id}/decision/`, { approved_items: items, proposal_hash: proposal.proposal_hash, dry_run: false }))
    .toMatchObject({ status: 200 });
  await ana.inState(id, 'completed');
  for (const who of [ana, dee]) expect((await who.get('/sessions/')).body.results.map((each: Body) => each.session_id)).toContain(id);
  const stranger = await person(instance, newTenant(), 'dee', 'admin');
  expect((await stranger.get(`/sessions/${id}/`)).status).toBe(404);
  expect((await stranger.get('/sessions/')).body.results).toEqual([]);
});

test('its admin has its payloads opened and no other admin has; each reading stands in its own audit log, whoever read', async () => {
  const { session_id: id } = await ana.start({ flow: 'site_survey' });
  const { urls } = await runFileOf(instance);
  const { client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default' });
  const history = await client.workflow.getHandle(sessionWorkflowId(tenant, id)).fetchHistory();
  await connection.close();
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const payloads = [...payloadsIn(history)].filter((payload) => sealedFor(payload) !== null).map(({ metadata, data }) => ({
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)])),
    data: base64(data ?? new Uint8Array()),
  }));
  expect(payloads.length).toBeGreaterThan(0);
  const decode = async (path: string, token?: string): Promise<number> => (await fetch(`${instance.url}/codec/${path}`, {
    method: 'POST', body: JSON.stringify({ payloads }),
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  })).status;
  expect(await decode('decode', await tokenFor(instance, tenant, 'dee', ['admin']))).toBe(200);
  expect(await decode('decode', await tokenFor(instance, newTenant(), 'dee', ['admin']))).toBe(403);
  expect(await decode('decode', await tokenFor(instance, 'operator', 'olga', ['platform']))).toBe(200);
  expect(await decode(`${await codecPathKey(instance.folder)}/decode`)).toBe(200);
  // an entry is listed once its reader has looked for long enough
  let actors: string[] = [];
  await until('each reading is in the log', async () => {
    const { body } = await dee.get('/admin/audit/?action=payload.decode');
    actors = body.results.map((entry: Body) => entry.actor);
    return actors.length >= 3;
  });
  expect(actors.sort()).toEqual(['dee', 'olga', 'temporal-ui']);
});
