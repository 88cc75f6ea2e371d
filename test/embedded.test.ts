/** The embedded servers, real ones: locks, crashes, orphans, secrets. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { jwtVerify } from 'jose';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, mkdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify, types } from 'node:util';
import { Client as PostgresClient } from 'pg';
import { lockFolder } from '../scripts/embedded/lock.ts';
import { choosePorts } from '../scripts/embedded/ports.ts';
import { commandLine, endOrphans, hasEnded, pidFile } from '../scripts/embedded/processes.ts';
import { findPrograms } from '../scripts/embedded/python.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { startServers, type EmbeddedServers } from '../scripts/embedded/servers.ts';
import { temporalProgram } from '../scripts/embedded/temporal.ts';
import type { StoreAddresses } from '../service/addresses.ts';
import { readConfiguration } from '../service/environment.ts';

const project = join(import.meta.dirname, '..');
const configuration = readConfiguration({});
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'gangway test ')));
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

interface Gangway {
  readonly child: ChildProcess;
  readonly urls: StoreAddresses;
  readonly pids: Readonly<Record<string, number>>;
}

/** Lock and servers in a process of their own, which can be killed. */
async function startElsewhere(folder: string): Promise<Gangway> {
  const program = `
    import { lockFolder } from './scripts/embedded/lock.ts';
    import { startServers } from './scripts/embedded/servers.ts';
    import { readConfiguration } from './service/environment.ts';
    const folder = ${JSON.stringify(folder)};
    globalThis.lock = lockFolder(folder);
    const options = { temporal: { ui: false } };
    const servers = await startServers({ configuration: readConfiguration({}), folder, log() {}, options });
    console.log(JSON.stringify({ urls: servers.urls, pids: servers.pids }));
    setInterval(() => {}, 1000);`;
  const child = spawnModule(program);
  cleanups.push(() => endOrphans(folder), () => child.kill('SIGKILL'));
  const answer: Pick<Gangway, 'urls' | 'pids'> = JSON.parse(await firstLine(child));
  return { child, ...answer };
}

function spawnModule(program: string): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program],
    { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('ended without a line');
}

async function startHere(folder: string, log: (line: string) => void = () => {}): Promise<EmbeddedServers> {
  const servers = await startServers({ configuration, folder, log, options: { temporal: { ui: false } } });
  cleanups.push(() => servers.stop());
  return servers;
}

/** Process ids of the guard of a server: all in its process group but the server itself. */
async function guardOf(server: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,pgid=']);
  const processes = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const group = processes.find(([pid]) => pid === server)?.[1];
  return processes.flatMap(([pid, pgid]) => (pid !== undefined && pid !== server && pgid === group ? [pid] : []));
}

/** SIGKILL to all of them before any of them can react. */
function killAll(pids: readonly (number | undefined)[]): void {
  for (const pid of pids) if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

async function withPostgres<T>(url: string, work: (client: PostgresClient) => Promise<T>): Promise<T> {
  const client = new PostgresClient({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function withRedis<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

async function withTemporal<T>(address: string, work: (client: TemporalClient) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new TemporalClient({ connection }));
  } finally {
    await connection.close();
  }
}

async function leaveTraces(urls: StoreAddresses): Promise<void> {
  await withPostgres(urls.databaseUrl, async (client) => {
    await client.query('CREATE TABLE trace (word text)');
    await client.query(`INSERT INTO trace VALUES ('kept')`);
  });
  await withRedis(urls.redisUrl, (client) => client.set('trace', 'kept'));
  const workflow = { taskQueue: 'none', workflowId: 'trace' };
  await withTemporal(urls.temporalAddress, (client) => client.workflow.start('trace', workflow));
}

async function expectTraces(urls: StoreAddresses): Promise<void> {
  const stored = await withPostgres(urls.databaseUrl, (client) => client.query('SELECT word FROM trace'));
  expect(stored.rows).toEqual([{ word: 'kept' }]);
  expect(await withRedis(urls.redisUrl, (client) => client.get('trace'))).toBe('kept');
  const { temporalAddress } = urls;
  const described = await withTemporal(temporalAddress, (client) => client.workflow.getHandle('trace').describe());
  expect(described.status.name).toBe('RUNNING');
}

const lockElsewhere = (folder: string) => spawnModule(`
  import { lockFolder } from './scripts/embedded/lock.ts';
  globalThis.lock = lockFolder(${JSON.stringify(folder)});
  console.log('locked');
  setInterval(() => {}, 1000);`);

describe('the lock on the data folder', () => {
  test('a second instance gets one sentence that names the first one and the folder', async () => {
    const folder = await temporaryFolder();
    const holder = lockElsewhere(folder);
    cleanups.push(() => holder.kill('SIGKILL'));
    await firstLine(holder);
    const sentence = `Gangway already runs on ${folder} (process ${holder.pid ?? 0}): `
      + 'stop that one, or give this one a folder of its own with GANGWAY_DATA=…';
    expect(() => lockFolder(folder)).toThrow(sentence);
  });

  test('a lock whose holder was killed is taken over at once, even when its pid is somebody else now', async () => {
    const folder = await temporaryFolder();
    const holder = lockElsewhere(folder);
    await firstLine(holder);
    holder.kill('SIGKILL');
    await hasEnded(holder.pid ?? 0, 60);
    await writeFile(join(folder, 'lock.json'), JSON.stringify({ pid: process.pid }));
    const lock = lockFolder(folder);
    expect(lock.folder).toBe(folder);
    lock.release();
  });

  test('only one of many simultaneous starts gets the folder', async () => {
    const folder = await temporaryFolder();
    const locks = Array.from({ length: 8 }, () => {
      try {
        return lockFolder(folder);
      } catch {
        return undefined;
      }
    });
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
    for (const lock of locks) lock?.release();
  });
});

describe('crashes', () => {
  test('what was stored survives SIGKILL of Gangway, guards and servers together', async () => {
    const folder = await temporaryFolder();
    const first = await startElsewhere(folder);
    await leaveTraces(first.urls);
    const guards = (await Promise.all(Object.values(first.pids).map(guardOf))).flat();
    killAll([first.child.pid, ...guards, ...Object.values(first.pids)]);

    const second = await startHere(folder);
    await expectTraces(second.urls);
    expect(second.urls).toEqual(first.urls);      // the same ports: open clients find them again
  });

  test('servers end by themselves when only Gangway is killed', async () => {
    const folder = await temporaryFolder();
    const first = await startElsewhere(folder);
    first.child.kill('SIGKILL');
    expect(await Promise.all(Object.values(first.pids).map((pid) => hasEnded(pid, 60)))).toEqual([true, true, true]);
  });

  test('servers that outlived Gangway and their guards are found by the folder, ended, and started again', async () => {
    const folder = await temporaryFolder();
    const first = await startElsewhere(folder);
    await leaveTraces(first.urls);
    killAll([first.child.pid, ...(await Promise.all(Object.values(first.pids).map(guardOf))).flat()]);
    await hasEnded(first.child.pid ?? 0, 60);
    expect(await Promise.all(Object.values(first.pids).map(commandLine))).not.toContain(undefined);

    const lines: string[] = [];
    const second = await startHere(folder, (line) => lines.push(line));
    expect(lines[0]).toMatch(/^Ended what a former start left running: /);
    expect(await Promise.all(Object.values(first.pids).map((pid) => hasEnded(pid, 0)))).toEqual([true, true, true]);
    await expectTraces(second.urls);
  });

  test('a foreign process that carries a noted pid is left alone', async () => {
    const folder = await temporaryFolder();
    const foreign = spawn('sleep', ['600']);
    cleanups.push(() => foreign.kill('SIGKILL'));
    await mkdir(join(folder, 'pids'));
    await writeFile(pidFile(folder, 'redis'), String(foreign.pid));
    expect(await endOrphans(folder)).toEqual([]);
    expect(await commandLine(foreign.pid ?? 0)).toBeDefined();
  });

  test('a server that dies during operation is back on its port', async () => {
    const folder = await temporaryFolder();
    const died: string[] = [];
    const back = Promise.withResolvers<string>();
    const servers = await startServers({
      configuration, folder, log() {},
      options: { temporal: { ui: false }, onExit: (name) => died.push(name), onBack: back.resolve },
    });
    cleanups.push(() => servers.stop());
    const before = servers.pids['redis'];
    killAll([before]);
    expect(await back.promise).toBe('redis');
    expect(died).toEqual(['redis']);
    expect(servers.pids['redis']).not.toBe(before);
    expect(await withRedis(servers.urls.redisUrl, (client) => client.ping())).toBe('PONG');
  });

  test('when one server cannot start, one sentence says why and none is left running', async () => {
    const folder = await temporaryFolder();
    await (await startHere(folder)).stop();
    await writeFile(join(folder, 'secrets', 'postgres.password'), 'wrong');
    await expect(startHere(folder)).rejects.toThrow(/^The embedded PostgreSQL does not accept the password in /);
    const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'command=']);
    expect(stdout.split('\n').filter((line) => line.includes(folder))).toEqual([]);
  });
});

describe('side by side', () => {
  test('two folders run at once, each on its own ports', async () => {
    const [one, two] = await Promise.all([startHere(await temporaryFolder()), startHere(await temporaryFolder())]);
    await leaveTraces(one.urls);
    await leaveTraces(two.urls);
    expect(one.urls.redisUrl).not.toBe(two.urls.redisUrl);
  });

  test('a server that ends while it starts, as one does whose port was taken in between, is started once more', async () => {
    const folder = await temporaryFolder();
    const failed = join(folder, 'failed');
    const [real] = await findPrograms([temporalProgram], () => {});
    await writeFile(
      join(folder, 'temporal'),
      `#!/bin/sh\ncase "$1" in --version) exec '${real}' "$@" ;; esac\nif mkdir '${failed}'; then echo 'address already in use'; exit 1; ` +
      `fi\nexec '${real}' "$@"\n`,
      { mode: 0o755 },
    );
    const path = process.env['PATH'] ?? '';
    cleanups.push(() => { process.env['PATH'] = path; });
    process.env['PATH'] = `${folder}:${path}`;
    const servers = await startHere(folder);
    await expect(stat(failed)).resolves.toBeDefined();
    await leaveTraces(servers.urls);
  });

  test('remembered ports are kept while free and replaced while taken', async () => {
    const folder = await temporaryFolder();
    const first = await choosePorts(folder);
    expect(await choosePorts(folder)).toEqual(first);
    const other = createServer();
    await new Promise<void>((listening) => { other.listen(first.redis, '127.0.0.1', listening); });
    cleanups.push(() => other.close());
    const { redis, ...rest } = await choosePorts(folder);
    expect(redis).not.toBe(first.redis);
    expect(first).toMatchObject(rest);
  });
});

describe('secrets and tokens', () => {
  test('all who ask for the development key at once get the same one, and only its owner may read it', async () => {
    const folder = await temporaryFolder();
    const keys = await Promise.all(Array.from({ length: 20 }, () => developmentKey(folder)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
    expect(keys[0]).toHaveLength(32);
    expect((await stat(join(folder, 'secrets', 'jwt.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'secrets'))).mode & 0o777).toBe(0o700);
  });

  test('the token command prints one valid token and nothing else', async () => {
    const folder = await temporaryFolder();
    const arguments_ = ['--tenant', 'acme', '--sub', 'ana', '--roles', 'user,approver', '--ttl', '60'];
    const { stdout } = await token(arguments_, folder);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const expected = { issuer: 'gangway', audience: 'gangway', algorithms: ['HS256'] };
    const { payload } = await jwtVerify(stdout.trim(), await developmentKey(folder), expected);
    expect(payload).toMatchObject({ sub: 'ana', tenant: 'acme', roles: ['user', 'approver'] });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  });

  test.each([
    [['--sub', 'ana', '--roles', 'user'], '--tenant is missing.'],
    [['--tenant', 'acme', '--roles', 'user'], '--sub is missing.'],
    [['--tenant', 'acme', '--sub', 'ana'], '--roles is missing.'],
    [['--tenant', 'acme', '--sub', 'ana', '--roles', 'root'], 'There is no role "root"'],
    [['--tenant', 'acme', '--sub', 'ana', '--roles', 'user', '--ttl', 'soon'], '--ttl must be a whole number'],
    [['--tenant', 'acme', '--sub', 'ana', '--roles', 'user', '--tll', '60'], `Unknown option '--tll'`],
  ])('the token command refuses %j with exit code 2 and says what is wrong', async (arguments_, said) => {
    const { code, stdout, stderr } = await token(arguments_, await temporaryFolder());
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
    expect(stderr).toContain('Usage: npm run --silent token');
  });

  test('with an identity provider the token command says that its tokens do not count', async () => {
    const arguments_ = ['--tenant', 'acme', '--sub', 'ana', '--roles', 'user'];
    const { code, stderr } = await token(arguments_, await temporaryFolder(), { JWKS_URL: 'http://127.0.0.1:9/keys' });
    expect(code).toBe(2);
    expect(stderr).toContain('development tokens do not count');
  });
});

async function token(arguments_: readonly string[], folder: string, more: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, GANGWAY_DATA: folder, ...more };
  const command = [join(project, 'scripts', 'run'), 'scripts/token.ts', ...arguments_];
  return promisify(execFile)('sh', command, { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => {
      if (!(types.isNativeError(error) && 'code' in error && 'stdout' in error && 'stderr' in error)) throw error;
      return { code: error.code, stdout: String(error.stdout), stderr: String(error.stderr) };
    },
  );
}
