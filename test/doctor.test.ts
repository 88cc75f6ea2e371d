/** npm run doctor: each fault it knows is broken on purpose, and told in a sentence with the way to mend it. */
import { randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, types } from 'node:util';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { z } from 'zod';
import { engineFindings } from '../scripts/doctor/engine.ts';
import { parted } from '../scripts/doctor/before-start.ts';
import type { Finding } from '../scripts/doctor/finding.ts';
import { fileFindings } from '../scripts/doctor/files.ts';
import { folderFindings, keyFindings } from '../scripts/doctor/folder.ts';
import { machineFindings } from '../scripts/doctor/machine.ts';
import { portFinding } from '../scripts/doctor/port.ts';
import { clickhouseFinding, databaseFindings, identityFinding, redisFinding } from '../scripts/doctor/stores.ts';
import { postgresPassword } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { root } from './support/folders.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';
import { startOwnRedis } from './support/own-redis.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const usual = readConfiguration({});
const cleanups: (() => unknown)[] = [];
afterEach(async () => { for (const cleanup of cleanups.splice(0).reverse()) await cleanup(); });

async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'gangway doctor ')));
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

const Report = z.object({
  state: z.enum(['well', 'wrong', 'unseen']),
  findings: z.array(z.object({
    about: z.string(), state: z.enum(['well', 'wrong', 'note', 'unseen']), says: z.string(), mend: z.string().optional(),
  })),
});

async function doctor(settings: Readonly<Record<string, string>>, ...flags: string[]): Promise<{ code: unknown; stdout: string }> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settings };
  return promisify(execFile)('sh', ['scripts/run', 'scripts/doctor.ts', ...flags], { cwd: root, env })
    .then(({ stdout }) => ({ code: 0, stdout }), (error: unknown) => {
    if (!(types.isNativeError(error) && 'code' in error && 'stdout' in error)) throw error;
    return { code: error.code, stdout: String(error.stdout) };
  });
}

/** Of what is wrong every sentence has a mend. */
function expectWrong(findings: Finding | readonly Finding[], says: RegExp, mend: RegExp): void {
  const wrong = [findings].flat().filter(({ state }) => state === 'wrong');
  expect(wrong).toEqual([expect.objectContaining({ says: expect.stringMatching(says), mend: expect.stringMatching(mend) })]);
}

describe('the command', () => {
  test('ends with 0 beside a Gangway that runs well, having looked at everything', async () => {
    const { code, stdout } = await doctor({ GANGWAY_DATA: instance.folder }, '--json');
    const { state, findings } = Report.parse(JSON.parse(stdout));
    expect(findings.filter((finding) => finding.state !== 'well')).toEqual([]);
    expect(findings.map((finding) => finding.about)).toEqual([
      'settings', 'versions', 'folder', 'keys', 'files', 'service', 'temporal', 'search attributes', 'sessions', 'postgresql', 'clock',
      'keys in use', 'redis',
    ]);
    expect([state, code]).toEqual(['well', 0]);
  });

  test('ends with 2 where nothing runs, which it says, and makes no folder', async () => {
    const folder = join(await temporaryFolder(), 'none');
    const { code, stdout } = await doctor({ GANGWAY_DATA: folder, PORT: '0' });
    expect(stdout).toMatch(/\n\? service +No Gangway runs on .*\.\n +start it by npm run up and ask again\.\n/);
    expect(code).toBe(2);
    await expect(rm(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('ends with 1 for what is wrong, a line for each with its mark, the sentence, and the mend below', async () => {
    const { code, stdout } = await doctor({
      GANGWAY_DATA: await temporaryFolder(), PORT: ' ', DATABASE_URL: 'postgres://gangway:s3cret@127.0.0.1:1/gangway', GANGWAY_POLL_MS: '3',
    });
    expect(stdout).toMatch(
      /^✗ settings +PORT: is blank: give it a value, or leave it out\.\n +docs\/configuration\.md says what each setting takes\.\n✗ settings +GANGWAY_POLL_MS: is no setting/,
    );
    expect(stdout).toMatch(
      /\n✗ postgresql +DATABASE_URL: no PostgreSQL answers at postgres:\/\/127\.0\.0\.1:1\/gangway \(nothing listens there\)\.\n +start it, or correct DATABASE_URL/,
    );
    expect(stdout).not.toContain('s3cret');
    expect(code).toBe(1);
  });
});

describe('the store of files', () => {
  test('a folder for uploads that cannot be one, and a bucket that does not answer, keep nothing from starting', async () => {
    const file = join(await temporaryFolder(), 'a file');
    await writeFile(file, '');
    for (const folder of [file, join(file, 'below')]) {
      const found = await fileFindings({ ...usual, GANGWAY_UPLOADS: folder });
      expectWrong(found, /^Uploads cannot be stored in .* file .*503$/, /GANGWAY_UPLOADS/);
      expect(parted(found).wrong).toEqual([]);
    }
    const bucket = { S3_BUCKET: 'uploads', S3_ENDPOINT: 'http://127.0.0.1:1', S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 's3cret' };
    const found = await fileFindings({ ...usual, ...readConfiguration(bucket), GANGWAY_UPLOADS: await temporaryFolder() });
    expectWrong(
      found, /^S3_BUCKET: nothing can be stored in the bucket uploads at http:\/\/127\.0\.0\.1:1 \(nothing listens there\)/, /S3_ENDPOINT/,
    );
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });

  test('a bucket that is silent is waited for no longer than anything else', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    cleanups.push(() => { server.closeAllConnections(); server.close(); });
    const { port } = server.address() as AddressInfo;
    const bucket = { S3_BUCKET: 'uploads', S3_ENDPOINT: `http://127.0.0.1:${port}`, S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'b' };
    const found = await fileFindings({ ...usual, ...readConfiguration(bucket), GANGWAY_UPLOADS: await temporaryFolder() });
    expectWrong(found, /\(no answer in time\)/, /start it/);
  });
});

describe('this machine', () => {
  test('data of another PostgreSQL, and a program that is neither there nor can be installed', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'postgres'));
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '9\n');
    expectWrong(await machineFindings(folder, usual), /was made by PostgreSQL 9 and this is \d+$/, /pg_dump/);
  });

  test('a port that is taken, and a host that is no address of this machine', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    cleanups.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    expectWrong(
      await portFinding({ ...usual, PORT: port }), /^Port \d+ on 127\.0\.0\.1 is taken by another program$/,
      /^choose another one, for example PORT=/,
    );
    expectWrong(
      await portFinding({ ...usual, HOST: '192.0.2.1', PORT: 0 }), /^HOST 192\.0\.2\.1 is no address of this machine/, /HOST=127\.0\.0\.1/,
    );
  });

  test('a folder that cannot be used', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    expectWrong(await folderFindings(join(file, 'data'), usual, 'look'), /is, or lies below, a file that is no folder$/, /GANGWAY_DATA=/);
  });

  test('keys that are damaged, lost beside data, or open to others', async () => {
    const folder = await temporaryFolder();
    const secrets = join(folder, 'secrets');
    await mkdir(secrets, { mode: 0o755 });
    expect(await keyFindings(folder, usual)).toEqual([
      expect.objectContaining({
        state: 'note', says: expect.stringMatching(/^Others may look into /), mend: expect.stringMatching(/^chmod 700 /),
      }),
    ]);
    await writeFile(join(secrets, 'jwt.key'), 'short');
    expectWrong(await keyFindings(folder, usual), /jwt\.key is damaged \(5 bytes instead of 32\)$/, /put it back/);
    await rm(join(secrets, 'jwt.key'));
    await writeFile(join(secrets, 'codec.key'), 'garbage');
    expectWrong(await keyFindings(folder, usual), /codec\.key: its key 1 is not of the form/, /put the right file back/);
    await rm(join(secrets, 'codec.key'));
    await writeFile(join(folder, 'temporal.db'), '');
    expectWrong(
      await keyFindings(folder, usual), /codec\.key is missing, and .* holds data/, /put it back from a backup; or.*GANGWAY_LOST_KEYS=all/,
    );
  });
});

describe('the stores', () => {
  let databaseUrl = '';
  beforeAll(async () => { ({ databaseUrl } = await storesOf(instance, '')); });
  const at = (url: string) => ({ url, setting: null });

  test('nobody answers', async () => {
    expectWrong(
      await redisFinding({ url: 'redis://127.0.0.1:1', setting: 'REDIS_URL' }),
      /^REDIS_URL: no Redis answers at redis:\/\/127\.0\.0\.1:1 \(nothing listens there\)/, /correct REDIS_URL/,
    );
    expectWrong(
      await clickhouseFinding({ url: 'http://127.0.0.1:1', setting: 'CLICKHOUSE_URL' }),
      /^CLICKHOUSE_URL: no ClickHouse answers at http:\/\/127\.0\.0\.1:1/, /correct CLICKHOUSE_URL/,
    );
    expectWrong(
      await identityFinding('http://127.0.0.1:1/keys'), /^JWKS_URL: no key set can be read at http:\/\/127\.0\.0\.1:1\/keys/,
      /correct JWKS_URL/,
    );
    expectWrong(
      await engineFindings({ address: '127.0.0.1:1', setting: 'TEMPORAL_ADDRESS' }, usual, true),
      /^TEMPORAL_ADDRESS: no Temporal answers at 127\.0\.0\.1:1/, /correct TEMPORAL_ADDRESS/,
    );
  });

  test('PostgreSQL: a wrong password, another database, read-only, and a role that policies do not bind', async () => {
    const changed = (change: (url: URL) => void): string => {
      const url = new URL(databaseUrl);
      change(url);
      return url.href;
    };
    expectWrong(await databaseFindings(at(changed((url) => { url.password = 'wrong'; })), null), /\(it refuses the password\)$/, /./);
    expectWrong(
      await databaseFindings(at(changed((url) => { url.pathname = '/none'; })), null), /\(there is no database of that name\)$/, /./,
    );
    expectWrong(
      await databaseFindings(at(`${databaseUrl}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`), null),
      /takes no writes \(it is read-only\)$/, /primary/,
    );
    const password = await postgresPassword(instance.folder);
    const superuser = changed((url) => { url.username = 'postgres'; url.password = password; });
    expect(await databaseFindings(at(superuser), null)).toContainEqual(expect.objectContaining({
      about: 'postgresql', state: 'note', says: expect.stringContaining('row-level security does not bind'),
    }));
  });

  test('a clock that is a minute off', async () => {
    const now = Date.now;
    const spied = jest.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
    cleanups.push(() => { spied.mockRestore(); });
    expectWrong(await databaseFindings(at(databaseUrl), null), /are (59|60|61) s apart/, /NTP/);
  });

  test('a key that stored data were sealed with and that is not there', async () => {
    expectWrong(
      await databaseFindings(at(databaseUrl), `other:${Buffer.alloc(32, 7).toString('base64')}`),
      /^The encryption keys local-\w+ are missing/, /GANGWAY_LOST_KEYS=local-/,
    );
  });

  test('Redis that drops counters', async () => {
    const folder = await temporaryFolder();
    const own = await startOwnRedis(folder);
    cleanups.push(() => own.kill());
    const { Redis } = await import('ioredis');
    const client = new Redis(own.url);
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    client.disconnect();
    expectWrong(await redisFinding(at(own.url)), /drops counters when its memory is full \(maxmemory-policy allkeys-lru\)/, /noeviction/);
  });

  test('a key set without a key that we take', async () => {
    const server = createServer((_, response) => { response.end(JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })); });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    cleanups.push(() => server.close());
    expectWrong(
      await identityFinding(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`),
      /no key at .* is for RS256, ES256 or EdDSA$/, /publish/,
    );
  });
});

describe('Temporal', () => {
  let address = '';
  beforeAll(async () => { address = (await storesOf(instance, '')).temporalAddress; });

  test('something else at its address, and a namespace that is not there', async () => {
    const { redisUrl } = await storesOf(instance, '');
    expectWrong(
      await engineFindings({ address: new URL(redisUrl).host, setting: 'TEMPORAL_ADDRESS' }, usual, true),
      /^TEMPORAL_ADDRESS: (no Temporal answers|what answers) at /, /correct TEMPORAL_ADDRESS/,
    );
    expectWrong(
      await engineFindings({ address, setting: null }, { ...usual, TEMPORAL_NAMESPACE: 'none' }, true),
      /^TEMPORAL_NAMESPACE: Temporal at .* has no namespace none$/, /temporal operator namespace create/,
    );
  });

  test('search attributes that are missing, and a session whose tasks fail again and again, by its id', async () => {
    const connection = await Connection.connect({ address });
    cleanups.push(() => connection.close());
    const namespace = `doctor-${randomUUID()}`;
    const { workflowService: engine } = connection;
    await engine.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') });
    const asked = { ...usual, TEMPORAL_NAMESPACE: namespace };
    const look = async (): Promise<Finding[]> => engineFindings({ address, setting: null }, asked, true);
    let findings: readonly Finding[] = [];
    // a namespace is known everywhere a moment after it was made
    await until('the namespace is there', async () => { findings = await look(); return findings.length > 1; });
    expectWrong(
      findings, /^The search attributes GwTenant, .* are missing/,
      /temporal operator search-attribute create .* --name GwTenant --type Keyword/,
    );

    const taskQueue = { name: usual.GANGWAY_TASK_QUEUE };
    await engine.startWorkflowExecution({
      namespace, workflowId: 'session:acme:stuck', workflowType: { name: 'onboardingSession' }, taskQueue, requestId: randomUUID(),
    });
    await until('the engine says that it is stuck', async () => {
      const { taskToken } = await connection.withDeadline(
        Date.now() + 30_000, () => engine.pollWorkflowTaskQueue({ namespace, taskQueue, identity: 'broken' }),
      );
      if (taskToken?.length) {
        await engine.respondWorkflowTaskFailed({
          namespace, taskToken, identity: 'broken', cause: 24, failure: { message: 'broken on purpose' },
        });
      }
      findings = (await look()).filter(({ about }) => about === 'sessions');
      return findings[0]?.state === 'wrong';
    }, 240_000);
    expectWrong(findings, /^1 session or task is stuck, .*: session:acme:stuck$/, /workflow id/);
  });
});
