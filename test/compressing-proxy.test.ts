/** Clients that sit behind a proxy which compresses what it passes on. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compressingProxy, type CompressingProxy } from './support/compressing-proxy.ts';
import { newTenant, Person, tokenFor } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { readStream } from './support/stream-reader.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let proxy: CompressingProxy;
beforeAll(async () => { proxy = await compressingProxy(instance.url); });
afterAll(() => { proxy.close(); });

test('a session that nobody changed takes an answer on the ETag that a compressing proxy has weakened, alone or in a list', async () => {
  const tenant = newTenant();
  const ana = new Person(proxy.url, tenant, 'ana', await tokenFor(instance, tenant, 'ana', ['user']));
  const session = await ana.start();
  const seen = await ana.get(`/sessions/${session.session_id}/`);
  const etag = seen.headers.get('etag') ?? '';
  expect(etag).toMatch(/^W\/"\d+"$/);
  const say = (value: string, ifMatch: string) => ana.post(
    `/sessions/${session.session_id}/answers/`, { question_id: 'setup_urgency', value }, { headers: { 'if-match': ifMatch } },
  );
  expect((await say('immediate', etag)).status).toBe(200);
  const [changed, now] = [await say('this_month', etag), (await ana.get(`/sessions/${session.session_id}/`)).headers.get('etag') ?? ''];
  expect([changed.status, changed.body.code]).toEqual([412, 'precondition_failed']);
  expect((await say('this_month', `"0", ${now}`)).status).toBe(200);
  expect((await say('immediate', `"0", ${now}`)).status).toBe(412);
  expect((await say('immediate', '*')).status).toBe(200);
});

test('a stream shows its first event at once behind a compressing proxy', async () => {
  const tenant = newTenant();
  const token = await tokenFor(instance, tenant, 'ana', ['user']);
  const session = await new Person(instance.url, tenant, 'ana', token).start();
  const reader = await readStream(proxy.url, session.session_id, token, { acceptEncoding: 'gzip' });
  try {
    // compressed, it would be kept back until 16 KiB are full: a session has no more than a tenth of that to say
    await until('the first event is there', () => reader.events.length > 0, 5_000);
    expect(reader.headers['content-encoding']).toBeUndefined();
    expect(reader.events[0]?.data.session.session_id).toBe(session.session_id);
  } finally {
    reader.close();
  }
});
