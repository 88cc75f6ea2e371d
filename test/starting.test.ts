/**
 * What cannot work is told before anything is started: every fault at once, each in a sentence that says what, where and how to
 * mend it.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, types } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { root } from './support/folders.ts';
import { startInstance } from './support/instance.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup(); });

async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'gangway starting ')));
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

interface Ended { readonly code: unknown; readonly stdout: string; readonly stderr: string }

/** A script that is expected to end by itself, in an environment with nothing but these settings. */
async function ended(
  script: readonly string[], settings: Readonly<Record<string, string>> = {}, as: readonly string[] = [],
): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settings };
  try {
    const { stdout, stderr } = await promisify(execFile)(
      'env', [...as, 'sh', join(root, 'scripts', 'run'), ...script], { env, cwd: tmpdir(), timeout: 240_000 },
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(types.isNativeError(error) && 'code' in error && 'stderr' in error && 'stdout' in error)) throw error;
    return { code: error.code, stdout: String(error.stdout), stderr: String(error.stderr) };
  }
}

const up = ['scripts/up.ts'];

test('settings, stores that nobody answers for, keys and the port are told in one message, and no server was started', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'secrets'), { mode: 0o700 });
  await writeFile(join(folder, 'secrets', 'codec.key'), 'garbage');
  const { code, stdout, stderr } = await ended(up, {
    GANGWAY_DATA: folder, PORT: 'eighty', HOST: '192.0.2.1', GANGWAY_EVENT_POL_MS: '5', JWKS_URL: 'http://127.0.0.1:1/keys',
    DATABASE_URL: 'postgres://gangway:s3cret@127.0.0.1:1/gangway', TEMPORAL_ADDRESS: '127.0.0.1:1',
    REDIS_URL: 'redis://:s3cret@127.0.0.1:1',
  });
  expect(stderr.split('\n')).toEqual([
    'The configuration cannot be used:', '  PORT: must be a whole number from 0 to 65535',
    '  GANGWAY_EVENT_POL_MS: is no setting. Did you mean GANGWAY_EVENT_POLL_MS?',
    expect.stringMatching(/^GANGWAY_PSEUDONYM_KEY is needed where JWKS_URL is set: /),
    expect.stringMatching(/^HOST 192\.0\.2\.1 is no address of this machine \(EADDRNOTAVAIL\): set HOST=/),
    expect.stringMatching(/^\/.*\/secrets\/codec\.key: its key 1 is not of the form .*: put the right file back/),
    expect.stringMatching(
      /^TEMPORAL_ADDRESS: no Temporal answers at 127\.0\.0\.1:1 \(.*\): start it, or correct TEMPORAL_ADDRESS; without/,
    ),
    expect.stringMatching(
      /^DATABASE_URL: no PostgreSQL answers at postgres:\/\/127\.0\.0\.1:1\/gangway \(nothing listens there\): start it, or correct DATABASE_URL; without/,
    ),
    '',
  ]);
  expect(stderr).not.toMatch(/s3cret|\n +at |GANGWAY_CODEC_KEYS:/);
  expect([code, stdout]).toEqual([1, '']);
  expect(await readdir(folder)).not.toContain('pids');
});

describe('a folder that cannot be used', () => {
  test.each([
    [
      'a file is in the way', async (folder: string) => { await writeFile(join(folder, 'data'), ''); return join(folder, 'data'); },
      /is, or lies below, a file that is no folder: choose another folder/,
    ],
    [
      'below a file', async (folder: string) => { await writeFile(join(folder, 'data'), ''); return join(folder, 'data', 'more'); },
      /is, or lies below, a file that is no folder: choose another folder/,
    ],
    [
      'where the system lets nothing be made', () => Promise.resolve('/proc/gangway'),
      /\/proc\/gangway cannot be (made|used).*: choose another folder/,
    ],
    [
      'with a ~ that no shell has replaced', () => Promise.resolve('~/gangway'),
      /^GANGWAY_DATA begins with ~, which only a shell replaces: write the whole path\n$/,
    ],
    [
      'a path that is too long for the stores',
      (folder: string) => Promise.resolve(join(folder, 'long'.repeat(50), 'long'.repeat(50), 'data')),
      /^GANGWAY_DATA is a path of \d+ bytes, and the stores take 400: choose a shorter one\n$/,
    ],
  ])('%s is told in a sentence', async (_, made, said) => {
    const { code, stderr } = await ended(up, { GANGWAY_DATA: await made(await temporaryFolder()), PORT: '0' });
    expect(stderr).toMatch(said);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
  });

  test('the folder of somebody else, and what a start by another user has left in it, name the user and the way out', async () => {
    if (process.getuid?.() !== 0) return console.warn('Not tried: only root can be somebody else.');
    const somebody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    const foreign = await ended(up, { GANGWAY_DATA: join(folder, 'data'), PORT: '0' }, somebody);
    expect(foreign.stderr).toMatch(
      /^\/.*\/data cannot be used by this user \(uid 65534\): have it given to this user, or choose another folder with GANGWAY_DATA=…\n$/,
    );
    await chown(folder, 65_534, 65_534);
    await mkdir(join(folder, 'secrets'), { mode: 0o700 });
    const left = await ended(up, { GANGWAY_DATA: folder, PORT: '0' }, somebody);
    expect(left.stderr).toMatch(
      /^\/.*\/secrets cannot be written by this user \(uid 65534\), as after a start by another: give the folder back \(sudo chown -R 65534 '\//,
    );
    expect([foreign.code, left.code]).toEqual([1, 1]);
  });
});

test('a Redis that nobody answers for keeps nothing from starting, and is told before Gangway says that it runs', async () => {
  const instance = await startInstance(await temporaryFolder(), { REDIS_URL: 'redis://:s3cret@127.0.0.1:1' });
  cleanups.push(() => instance.stop());
  expect(instance.output()).toMatch(
    /REDIS_URL: no Redis answers at redis:\/\/127\.0\.0\.1:1 \(nothing listens there\).*correct REDIS_URL[\s\S]*Gangway is running/,
  );
  expect(instance.output()).not.toContain('s3cret');
});

const Package = z.object({ scripts: z.record(z.string(), z.string()) });

test('every command refuses an argument that it does not know, with its usage, and does nothing', async () => {
  const { scripts } = Package.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  // Jest and Temporal's command line have arguments of their own and refuse others themselves; the bench takes names of parts, and
  // lists them
  const commands = Object.entries(scripts).filter(([name]) => !['test', 'bench', 'temporal'].includes(name));
  expect(commands.length).toBeGreaterThan(7);
  const folder = await temporaryFolder();
  for (const [name, command] of commands) {
    const script = command.split(' ').slice(2);
    for (const argument of ['--port=9000', 'nonsense']) {
      const { code, stdout, stderr } = await ended([...script, argument], { GANGWAY_DATA: folder });
      expect([name, code, stdout]).toEqual([name, 2, '']);
      expect(stderr).toMatch(/\n\nUsage: npm run /);
      expect(stderr).toContain(argument.split('=')[0]);
    }
  }
  expect(await readdir(folder)).toEqual([]);
});
