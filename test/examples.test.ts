/** The examples of the document, sent as they stand. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { base, cast, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();

test('every request that the document shows is taken: none is refused for what it looks like', async () => {
  const document = await (await fetch(`${instance.url}/openapi.json`)).json() as Body;
  expect(document.servers).toEqual([{ url: instance.url }]);
  const { admin } = await cast(instance);
  const session = await admin.start();
  const fill = (path: string): string => path.slice(base.length)
    .replaceAll(
      /\{(\w+)\}/g,
      (_, name: string) => ({ session_id: session.session_id as string, flow_id: 'desk', name: 'limiter' })[name] ?? randomUUID(),
    );
  const shown = Object.entries<Body>(document.paths)
    .flatMap(([path, operations]) => Object.entries<Body>(operations).flatMap(([method, { requestBody }]) => (
    // forms and bytes have tests of their own
    requestBody?.content['application/json'] === undefined ? [] : [{
      method, path, body: requestBody.content['application/json'].example as Body,
    }]
  )));
  expect(shown.length).toBeGreaterThan(15);
  // what ends the session comes last
  const rank = ({ path }: { readonly path: string }): number => ['/cancel/', '/escalate/', '/resume/'].findIndex(
    (end) => path.endsWith(end),
  );
  shown.sort((a, b) => (rank(b) === 0 ? -1 : rank(a) === 0 ? 1 : rank(a) - rank(b)));
  const done: string[] = [];
  for (const { method, path, body } of shown) {
    const reply = await admin.call(method.toUpperCase(), fill(path), body);
    expect([method, path, reply.status, reply.body.errors ?? []]).toEqual([method, path, reply.status, []]);
    // signing in is judged by the token, and a document shows none that counts
    const isStranger = reply.status === 401 && path.endsWith('/console/session/');
    expect([method, path, isStranger || reply.status === 404 || reply.status === 403 || reply.status === 409 || reply.status < 300])
      .toEqual([method, path, true]);
    if (reply.status < 300) done.push(path.slice(base.length));
  }
  expect(done).toEqual(expect.arrayContaining([
    '/sessions/{session_id}/answers/', '/sessions/{session_id}/checkpoint/', '/sessions/{session_id}/events/',
    '/sessions/{session_id}/cancel/', '/admin/flows/{flow_id}/', '/admin/api-keys/', '/admin/limits/explain/',
  ]));
});
