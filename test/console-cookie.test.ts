/** Signing in to the console, and what a cookie may do. Over HTTP; pages are in console-*.test.ts. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { base, cast, newTenant, tokenFor, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
const session = `${instance.url}${base}/console/session/`;
const own = { origin: instance.url, 'x-gangway-console': '1' };

async function signIn(token: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(session, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ token }) });
}

const cookieOf = async (token: string): Promise<{ cookie: string }> => {
  const [cookie = ''] = ((await signIn(token)).headers.get('set-cookie') ?? '').split(';');
  return { cookie };
};

describe('a token', () => {
  test('becomes a cookie that no script reads, no other site sends, and that ends with it', async () => {
    const token = await tokenFor(instance, newTenant(), 'ben', ['approver'], 600);
    const reply = await signIn(token);
    expect([reply.status, await reply.text()]).toEqual([204, '']);
    const [pair, ...attributes] = (reply.headers.get('set-cookie') ?? '').split('; ');
    expect(pair).toBe(`__Host-gangway=${token}`);
    const age = Number(/\d+/.exec(attributes[0] ?? '')?.[0]);
    expect(age).toBeGreaterThan(590);
    expect(age).toBeLessThanOrEqual(600);
    expect(attributes.slice(1)).toEqual(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']);
  });

  test('that is wrong, cut, of a resume link or too long for a cookie gives none', async () => {
    const { ana } = await cast(instance);
    const started = await ana.start();
    const { body: link } = await ana.post(`/sessions/${started.session_id}/resume-link/`, {});
    const secret = new URLSearchParams(new URL(link.url).hash.slice(1)).get('r');
    const spent = await fetch(`${instance.url}${base}/resume-links/spend/`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ secret }),
    });
    const { token: ofLink } = await spent.json() as Body;
    const good = await tokenFor(instance, newTenant(), 'ben', ['approver']);
    const long = await tokenFor(instance, newTenant(), 'ben', Array.from({ length: 400 }, () => 'approver' as const));
    for (const [token, status] of [['nonsense', 401], [good.slice(0, -2), 401], ['', 401], [ofLink as string, 401], [long, 400]] as const) {
      const reply = await signIn(token);
      expect([reply.status, reply.headers.get('set-cookie')]).toEqual([status, null]);
    }
  });

  test('that is good counts for its person, so that a team behind one address can sign in', async () => {
    const token = await tokenFor(instance, newTenant(), 'ben', ['approver']);
    expect((await signIn(token)).headers.get('ratelimit-policy')).toMatch(/^"api"/);
    expect((await signIn('a.b.c')).headers.get('ratelimit-policy')).toMatch(/^"anonymous"/);
  });

  test('is not taken from a page of another origin', async () => {
    const token = await tokenFor(instance, newTenant(), 'ben', ['approver']);
    expect((await signIn(token, { origin: 'https://evil.test' })).status).toBe(403);
    expect((await signIn(token, { origin: instance.url })).status).toBe(204);
  });

  test('of another page, or in a body that cannot be read, counts for its address, and the answer says so', async () => {
    const token = await tokenFor(instance, newTenant(), 'ben', ['approver']);
    const broken = await fetch(`${instance.url}${base}/console/session/`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: '{',
    });
    for (const reply of [await signIn(token, { origin: 'https://evil.test' }), broken]) {
      expect([reply.status, reply.headers.get('ratelimit-policy')]).toEqual([expect.any(Number), expect.stringMatching(/^"anonymous"/)]);
      expect(reply.headers.get('ratelimit')).toMatch(/^"anonymous";r=\d+;t=\d+$/);
    }
  });
});

describe('the cookie', () => {
  test('says who is signed in, with roles and end, as the same token in a header does', async () => {
    const tenant = newTenant();
    const token = await tokenFor(instance, tenant, 'ben', ['approver', 'analyst'], 600);
    const byCookie = await fetch(session, { headers: await cookieOf(token) });
    const who = await byCookie.json() as Body;
    expect([byCookie.status, who]).toEqual([200, { sub: 'ben', tenant, roles: ['approver', 'analyst'], expires_at: expect.any(String) }]);
    expect(Math.abs(Date.parse(who.expires_at) - Date.now() - 600_000)).toBeLessThan(10_000);
    expect(await (await fetch(session, { headers: { authorization: `Bearer ${token}` } })).json()).toEqual(who);
    expect((await fetch(session)).status).toBe(401);
    expect((await fetch(session, { headers: { cookie: '__Host-gangway=nonsense' } })).status).toBe(401);
  });

  test('reads from anywhere, and changes something only with our own Origin and X-Gangway-Console: 1', async () => {
    const token = await tokenFor(instance, newTenant(), 'dee', ['admin']);
    const cookie = await cookieOf(token);
    const list = `${instance.url}${base}/admin/dlq/tasks/`;
    expect((await fetch(list, { headers: { ...cookie, origin: 'https://evil.test' } })).status).toBe(200);
    const write = async (headers: Readonly<Record<string, string>>): Promise<[number, string]> => {
      const reply = await fetch(`${list}${randomUUID()}/retry/`, {
        method: 'POST', headers: { ...cookie, ...headers, 'content-type': 'application/json' }, body: '{}',
      });
      return [reply.status, (await reply.json() as Body).code as string];
    };
    expect(await write(own)).toEqual([404, 'not_found']);
    const foreign = [
      {}, { origin: instance.url }, { 'x-gangway-console': '1' }, { ...own, origin: 'https://evil.test' }, { ...own, origin: 'null' },
      { ...own, 'x-gangway-console': 'true' }, { ...own, origin: instance.url.replace('127.0.0.1', 'localhost') },
    ];
    for (const headers of foreign) expect([headers, ...await write(headers)]).toEqual([headers, 403, 'forbidden']);
  });

  test('counts for nothing beside a credential in a header', async () => {
    const cookie = await cookieOf(await tokenFor(instance, newTenant(), 'dee', ['admin']));
    const tenant = newTenant();
    const token = await tokenFor(instance, tenant, 'ana', ['user']);
    const reply = await fetch(session, { headers: { ...cookie, authorization: `Bearer ${token}` } });
    expect(await reply.json()).toMatchObject({ sub: 'ana', tenant });
    expect((await fetch(session, { headers: { ...cookie, authorization: 'Bearer nonsense' } })).status).toBe(401);
  });

  test('goes by signing out', async () => {
    const cookie = await cookieOf(await tokenFor(instance, newTenant(), 'dee', ['admin']));
    expect((await fetch(session, { method: 'DELETE', headers: cookie })).status).toBe(403);
    const reply = await fetch(session, { method: 'DELETE', headers: { ...cookie, ...own } });
    expect([reply.status, reply.headers.get('set-cookie')]).toEqual([204,
      expect.stringMatching(/^__Host-gangway=; Max-Age=0; Path=\/; Secure/)]);
  });
});

describe('the page of the console', () => {
  const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

  test('is one for every address of it, with one policy that lets nothing in, and counts on no limit', async () => {
    for (const path of ['/', '/sign-in', '/dead-letters', `/dead-letters/${randomUUID()}`, `/redrives/${randomUUID()}/`, '/audit',
      '/o/', '/o/site_survey']) {
      const reply = await fetch(`${instance.url}${path}`);
      expect([path, reply.status, reply.headers.get('content-type')]).toEqual([path, 200, 'text/html; charset=utf-8']);
      expect(reply.headers.get('content-security-policy')).toBe(policy);
      expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
      expect(reply.headers.get('ratelimit-policy')).toContain('exempt');
      const html = await reply.text();
      expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=|https?:/);
    }
  });

  test('is asked for again each time and its files never, which are sent by brotli', async () => {
    const page = await fetch(`${instance.url}/sign-in`);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const again = await fetch(`${instance.url}/sign-in`, {
      headers: { 'if-none-match': page.headers.get('etag') ?? '', 'cache-control': 'max-age=0' },
    });
    expect(again.status).toBe(304);
    const assets = [...(await page.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const path of assets) {
      const reply = await fetch(`${instance.url}${path}`, { headers: { 'accept-encoding': 'br' } });
      expect([path, reply.status, reply.headers.get('content-encoding')]).toEqual([path, 200, 'br']);
      expect(reply.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      const plain = await fetch(`${instance.url}${path}`, { headers: { 'accept-encoding': 'identity' } });
      expect(plain.headers.get('content-encoding')).toBeNull();
      expect(await plain.text()).toBe(await reply.text());
    }
  });

  test('answers no other address: what is nowhere is 404 as before, and the API keeps its own', async () => {
    for (const path of ['/nothing', '/assets/nothing.js', '/dead-letter', '/index.html', '/chat.html', '/other']) {
      const reply = await fetch(`${instance.url}${path}`);
      expect([path, reply.status, reply.headers.get('content-type')]).toEqual([path, 404, 'application/problem+json']);
    }
    expect((await fetch(`${instance.url}/docs`)).status).toBe(200);
    expect((await fetch(`${instance.url}/dead-letters`, { method: 'POST' })).status).toBe(404);
  });
});
