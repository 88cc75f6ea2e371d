/** npm run demo: what it says is what happened, and the same seed plays the same people. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Client } from '../scripts/demo/client.ts';
import { outcomes, plan, type Outcome } from '../scripts/demo/plan.ts';
import { startReminding } from '../scripts/demo/reminding.ts';
import { developmentToken } from '../scripts/development-token.ts';
import { readConfiguration } from '../service/environment.ts';
import { seeded } from '../scripts/demo/random.ts';
import { root } from './support/folders.ts';
import { newTenant, person, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

interface Ended { readonly code: number | null; readonly stdout: string; readonly stderr: string }

function demo(options: readonly string[], folder = instance.folder): {
  ended: Promise<Ended>;
  output: () => string;
  interrupt: () => void;
} {
  const env = { ...process.env, NODE_OPTIONS: '', GANGWAY_DATA: folder };
  const child = spawn('sh', ['scripts/run', 'scripts/demo.ts', ...options], { cwd: root, env });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => { said.stdout += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { said.stderr += chunk.toString(); });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => { resolve({ code, ...said }); });
  });
  return { ended, output: () => said.stdout, interrupt: () => { child.kill('SIGINT'); } };
}

/** `name    12 …` → 12 */
const numberAfter = (text: string, name: string): number => Number(
  new RegExp(`^ +${name} [ █]*?(\\d+)`, 'mu').exec(text)?.[1] ?? Number.NaN,
);

describe('a plan', () => {
  const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

  test('has as many visits as were asked for, each outcome in its share, and is the same for the same seed', () => {
    fc.assert(fc.property(seeds, fc.integer({ min: 1, max: 200 }), (seed, sessions) => {
      const visits = plan(seed, sessions);
      const counts = outcomes.map((outcome) => visits.filter((visit) => visit.outcome === outcome).length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sessions);
      if (sessions >= 20) expect(Math.min(...counts)).toBeGreaterThan(0);
      expect(visits.map(({ number }) => number)).toEqual(Array.from({ length: sessions }, (_, at) => at + 1));
      expect(plan(seed, sessions)).toEqual(visits);
    }));
  });

  test('stops before the last question exactly those who do not finish', () => {
    fc.assert(fc.property(seeds, (seed) => {
      for (const { outcome, stopAfter } of plan(seed, 40)) {
        expect(stopAfter !== null).toBe(outcome === 'stalled' || outcome === 'cancelled' || outcome === 'escalated');
        if (stopAfter !== null) expect(stopAfter).toBeLessThan(6);
      }
    }));
  });

  test('has somebody who leaves wherever somebody finishes, before the last question, and never more links than an address may spend', () => {
    fc.assert(fc.property(seeds, fc.integer({ min: 1, max: 400 }), (seed, sessions) => {
      const visits = plan(seed, sessions);
      const leaving = visits.filter(({ leavesAfter }) => leavesAfter !== null);
      expect(leaving.length > 0).toBe(visits.some(({ stopAfter }) => stopAfter === null));
      expect(leaving.length).toBeLessThanOrEqual(5);
      for (const { leavesAfter, stopAfter } of leaving) {
        expect(stopAfter).toBeNull();
        expect(leavesAfter).toBeGreaterThan(0);
        expect(leavesAfter).toBeLessThan(6);
      }
    }));
  });

  test('is another one for another seed', () => {
    expect(new Set([1, 2, 3, 4].map((seed) => JSON.stringify(plan(seed, 10)))).size).toBe(4);
    const random = seeded(1);
    const draws = Array.from({ length: 1_000 }, () => random.next());
    expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true);
    expect(draws.reduce((sum, draw) => sum + draw, 0) / draws.length).toBeCloseTo(0.5, 1);
  });
});

describe('a person of the demo', () => {
  test('waits as long as the service asks at 429 and 503, and repeats with the same key', async () => {
    const seen: { key: string | undefined; at: number }[] = [];
    const answers = [[429, '1'], [503, '0.3'], [200, '']] as const;
    const server = createServer((request, response) => {
      const [status, retryAfter] = answers[seen.length] ?? [500, ''];
      seen.push({ key: String(request.headers['idempotency-key']), at: performance.now() });
      response.writeHead(status, { 'content-type': 'application/json', ...(retryAfter === '' ? {} : { 'retry-after': retryAfter }) });
      response.end('{"done":true}');
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    try {
      const { port } = server.address() as AddressInfo;
      const reply = await new Client(`http://127.0.0.1:${port}`, 'token', new AbortController().signal).post('/sessions/', {});
      expect(reply).toMatchObject({ status: 200, body: { done: true } });
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    const [first = 0, second = 0, third = 0] = seen.map(({ at }) => at);
    expect(second - first).toBeGreaterThan(990);
    expect(third - second).toBeGreaterThan(290);
  });
});

describe('the demo', () => {
  test('plays its plan, and the funnel has what it says', async () => {
    const tenant = newTenant();
    const { code, stdout, stderr } = await demo(['--sessions', '8', '--seed', '11', '--tenant', tenant]).ended;
    expect([code, stderr]).toEqual([0, '']);
    const visits = plan(11, 8);
    const planned = (...wanted: Outcome[]): number => visits.filter(({ outcome }) => wanted.includes(outcome)).length;
    // those who leave are at a Gangway of the demo's own
    const here = visits.filter(({ leavesAfter }) => leavesAfter === null);
    const reached = (...wanted: Outcome[]): number => here.filter(({ outcome }) => wanted.includes(outcome)).length;
    expect(outcomes.map((outcome) => numberAfter(stdout, outcome))).toEqual(outcomes.map((outcome) => planned(outcome)));
    expect(stdout).toContain('8 people come to');
    expect(stdout).toContain('(seed 11)');

    const leaving = visits.length - here.length;
    expect(leaving).toBeGreaterThan(0);
    expect(stdout).toContain(`${leaving} left, were reminded and came back by the link of the reminder`);
    expect(stdout).toContain(`The ${leaving} who left were at a Gangway of the demo's own`);
    expect(stdout).toMatch(/; [1-9]\d* photos were sent/);
    const admin = await person(instance, tenant, 'dee', 'admin');
    const { body: audit } = await admin.get('/admin/audit/?action=resume_link.create');
    // nobody makes a link for them
    expect(audit.results).toEqual([]);

    const surveyed = here.filter(({ flow, outcome }) => flow === 'site_survey' && outcome === 'completed');
    const { body: surveys } = await admin.get('/sessions/?flow=site_survey&state=completed');
    const photos = await Promise.all(surveys.results.map(async ({ session_id: id }: Body) => {
      const { results } = (await admin.get(`/sessions/${id}/uploads/`)).body as { results: Body[] };
      return results.filter(({ kind, status }) => kind === 'photo' && status === 'clean').length;
    }));
    // the second is asked for only where a risk was seen
    expect(photos.length).toBeGreaterThanOrEqual(surveyed.length);
    expect(surveyed.length).toBeGreaterThan(0);
    expect(Math.min(...photos)).toBeGreaterThan(0);

    const analyst = await person(instance, tenant, 'cy', 'analyst');
    const { body: funnel } = await analyst.get('/analytics/funnel/?fresh=true');
    expect(funnel.stages.map(({ count }: Body) => count)).toEqual([
      here.length, here.filter(({ stopAfter }) => stopAfter !== 0).length, reached('completed', 'modified', 'rejected', 'waiting'),
      reached('completed', 'modified', 'rejected'), reached('completed', 'modified'),
    ]);
    const shown = stdout.slice(stdout.indexOf('The funnel of'));
    for (const { name, count } of funnel.stages as { name: string; count: number }[]) {
      expect([name, numberAfter(shown, name)]).toEqual([name, count]);
    }
    expect(shown).toContain(encodeURIComponent(`GwTenant = "${tenant}"`));
    expect(shown).toContain(`${instance.url}/api/v1/onboarding/analytics/funnel/`);
  });

  test('has people who are reminded by a real reminder: signed, after silence, with a link that counts once', async () => {
    const stop = new AbortController();
    const folders = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => name.startsWith('gangway-demo-'));
    const before = await folders();
    const reminding = await startReminding(stop.signal);
    try {
      const { url, key } = reminding.running;
      const token = await developmentToken({ tenant: 'demo', sub: 'ana', roles: ['user'], ttlSeconds: 600 }, key, readConfiguration({}));
      const ana = new Client(url, token, stop.signal);
      const { body } = await ana.post('/sessions/', {}) as { body: Body };
      await ana.post(`/sessions/${body.session_id}/answers/`, { question_id: 'setup_urgency', value: 'planned' });
      const began = performance.now();
      const { hash } = new URL(await reminding.reminderOf(body.session_id, stop.signal));
      expect(performance.now() - began).toBeGreaterThan(1_500);
      const nobody = ana.with(null);
      const spend = () => nobody.post('/resume-links/spend/', { secret: hash.slice('#r='.length) }) as Promise<{ body: Body }>;
      const { body: spent } = await spend();
      expect(spent.session_id).toBe(body.session_id);
      expect((await spend()).body.code).toBe('link_used');
      const { body: resumed } = await ana.with(spent.token).post(`/sessions/${body.session_id}/resume/`, {}) as { body: Body };
      expect(resumed.restored_data).toEqual({ setup_urgency: 'planned' });
    } finally {
      await reminding.stop();
    }
    // what was its own has gone with it
    expect(await folders()).toEqual(before);
  });

  test('ends cleanly at Ctrl-C, with what was done so far', async () => {
    const { ended, output, interrupt } = demo(['--sessions', '400', '--tenant', newTenant()]);
    await until('it has begun', () => output().includes('people come to'));
    interrupt();
    const { code, stdout, stderr } = await ended;
    expect([code, stderr]).toEqual([130, '']);
    expect(stdout).toMatch(/Stopped: \d+ of 400 people/);
    expect(numberAfter(stdout, 'sessions')).toBeLessThan(400);
  });

  test('says in one sentence that nothing runs, and what is wrong with its options', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'gangway-no-demo-'));
    try {
      const none = await demo([], empty).ended;
      const said = [none.code, none.stdout, none.stderr.trim().split('\n')];
      expect(said).toEqual([1, '', [expect.stringMatching(/^No Gangway runs on .*: start it with npm run up/)]]);
    } finally {
      await rm(empty, { recursive: true, force: true });
    }
    for (const options of [['--sessions', '0'], ['--sessions', 'many'], ['--seed', '-1'], ['--tenant', ''], ['--speed', '9']]) {
      const { code, stderr } = await demo(options).ended;
      expect([options, code]).toEqual([options, 2]);
      expect(stderr).toContain('Usage: npm run demo');
    }
  });
});
