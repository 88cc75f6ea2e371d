/** npm run up as a person meets it when it cannot start. */
import { afterEach, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, types } from 'node:util';
import { lockFolder } from '../scripts/embedded/lock.ts';
import { startInstance } from './support/instance.ts';
import { cast, person } from './support/person.ts';
import { until } from './support/until.ts';

const project = join(import.meta.dirname, '..');
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'gangway up ')));
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A start that is expected to fail: its exit code and what it said. */
async function failedUp(settings: Readonly<Record<string, string>>): Promise<{ code: unknown; stderr: string }> {
  const command = [join(project, 'scripts', 'run'), 'scripts/up.ts'];
  try {
    await promisify(execFile)('sh', command, { env: { ...process.env, ...settings }, cwd: tmpdir() });
  } catch (error) {
    if (!(types.isNativeError(error) && 'code' in error && 'stderr' in error)) throw error;
    return { code: error.code, stderr: String(error.stderr) };
  }
  throw new Error('It started.');
}

test('a taken port is told first, in one sentence with the way out, before any server is started', async () => {
  const folder = await temporaryFolder();
  const other = createServer();
  await new Promise<void>((listening) => { other.listen(0, '127.0.0.1', listening); });
  cleanups.push(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const { code, stderr } = await failedUp({ GANGWAY_DATA: folder, PORT: String(port) });
  expect(stderr).toBe(`Port ${port} on 127.0.0.1 is taken by another program: `
    + `choose another one, for example PORT=${port + 1} npm run up\n`);
  expect(code).toBe(1);
  expect(await readdir(folder)).not.toContain('pids');
});

test('a second start on the same data folder names the first one, in one sentence', async () => {
  const folder = await temporaryFolder();
  const lock = lockFolder(folder);
  cleanups.push(() => { lock.release(); });
  const { code, stderr } = await failedUp({ GANGWAY_DATA: folder, PORT: '0' });
  expect(stderr).toBe(`Gangway already runs on ${folder} (process ${process.pid}): `
    + 'stop that one, or give this one a folder of its own with GANGWAY_DATA=…\n');
  expect(code).toBe(1);
});

test('every bad setting is named, without its value and without a stack', async () => {
  const { code, stderr } = await failedUp({ GANGWAY_DATA: await temporaryFolder(), PORT: 'eighty', LOG_LEVEL: 'loud' });
  expect(stderr).toMatch(/^The configuration cannot be used:\n {2}PORT: .*\n {2}LOG_LEVEL: .*\n$/);
  expect(stderr).not.toMatch(/eighty|\n +at /);
  expect(code).toBe(1);
});

const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('Ctrl-C lets running requests end, stops every child, and a second start in seconds has all data', async () => {
  const folder = await temporaryFolder();
  const first = await startInstance(folder);
  expect(first.output()).toMatch(/Redis.*ready[\s\S]*Ready in/);
  expect(first.output()).toMatch(/Chat +http:\/\/127\.0\.0\.1:\d+\/o\/business_unit_setup#t=eyJ/);
  expect(first.output()).toMatch(/Console +http:\/\/127\.0\.0\.1:\d+\/\n/);
  // what is signed in on one name is not on another
  expect(new Set([...first.output().matchAll(/https?:\/\/([^:/\s]+)/g)].map(([, host]) => host))).toEqual(new Set(['127.0.0.1']));
  const { pids } = await first.runFile();
  expect(Object.keys(pids).sort()).toEqual(['postgres', 'redis', 'temporal']);
  const { ana, tenant } = await cast(first);
  const session = await ana.start();
  const running = Promise.all(
    Array.from({ length: 8 }, (_, at) => ana.answer(session.session_id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned')),
  );
  process.kill(first.pid, 'SIGINT');
  // what had reached the service is answered; what came too late is refused by the closed port, never half done
  const statuses = await running.then((replies) => replies.map((reply) => reply.status), () => []);
  expect(statuses.every((status) => status === 200)).toBe(true);
  expect(await first.ended).toBe(0);
  expect([first.pid, ...Object.values(pids)].filter(runs)).toEqual([]);

  const second = await startInstance(folder);
  cleanups.push(() => second.stop());
  const anaAgain = await person(second, tenant, 'ana', 'user');
  const read = async () => (await anaAgain.get(`/sessions/${session.session_id}/`)).body;
  // of the session itself, not of its copy
  await until('the engine answers for it', async () => (await read()).stale === false);
  expect(await read()).toMatchObject({ session_id: session.session_id, stale: false });
});
