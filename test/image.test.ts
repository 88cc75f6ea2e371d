/**
 * The image, as deploy/Dockerfile says it is made: it holds what a role runs, and both roles run from it. Without Docker, on the
 * packages of this machine.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { developmentCodecKeys, developmentKey } from '../scripts/embedded/secrets.ts';
import { newFolder, root } from './support/folders.ts';
import { copiedFiles, ignoring, importedPackages, lay, missing, readImage } from './support/image.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const image = readImage(text('deploy/Dockerfile'));
const isIgnored = ignoring(text('deploy/Dockerfile.dockerignore'));

describe('the files of the image', () => {
  test('are all that a role loads, and the workflow code', () => {
    expect(missing(copiedFiles(image.copies, isIgnored))).toEqual([]);
  });

  test.each(image.copies)('$line cannot be left out', (copy) => {
    expect(missing(copiedFiles(image.copies.filter((other) => other !== copy), isIgnored)).length).toBeGreaterThan(0);
  });

  test('are kept from Docker by no line of the ignore file, but for tests, and nothing else reaches it', () => {
    const named = copiedFiles(image.copies, () => false);
    expect([...named.keys()].filter((path) => isIgnored(path) && !path.endsWith('.test.ts'))).toEqual([]);
    expect([...named.keys()].filter((path) => !isIgnored(path) && path.endsWith('.test.ts'))).toEqual([]);
    const others = [
      '.git/config', '.local/data/secrets/codec.key', 'node_modules/pg/package.json', 'test/support/until.ts', 'deploy/example.env',
      'README.md',
    ];
    for (const path of others) expect([path, isIgnored(path)]).toEqual([path, true]);
  });

  test('come with every package they import, on the Node the project is pinned to', () => {
    const { dependencies } = JSON.parse(text('package.json')) as { readonly dependencies: Readonly<Record<string, string>> };
    expect(importedPackages().length).toBeGreaterThan(10);
    expect(importedPackages().filter((name) => !(name in dependencies))).toEqual([]);
    expect(image.base).toBe(`node:${text('scripts/node-version').trim()}-slim`);
  });
});

describe('what the ignore file says', () => {
  test('is read as Docker reads it: in order, of a folder and all below it', () => {
    const ignored = ignoring('# all\n*\n!api\n!docs/*.md\n**/*.test.ts\napi/secret\n');
    const paths = [
      'api/a.ts', 'api/b/c.ts', 'api/b/c.test.ts', 'api/secret/key', 'docs/a.md', 'docs/a.txt', 'stores/a.ts', '.git/config', 'a.test.ts',
    ];
    expect(paths.filter((path) => !ignored(path))).toEqual(['api/a.ts', 'api/b/c.ts', 'docs/a.md']);
  });
});

describe('a role that is started from the image', () => {
  const folders: string[] = [];
  const children: ChildProcess[] = [];
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const data = await newFolder();
    folders.push(data);
    await developmentKey(data);
    const shared = await sharedInstance();
    const stores = await storesOf(shared, '');
    environment = {
      GANGWAY_DATA: data, GANGWAY_CODEC_KEYS: await developmentCodecKeys(shared.folder),
      GANGWAY_TASK_QUEUE: `image-${process.pid}-${Date.now()}`, LOG_LEVEL: 'warn', NODE_ENV: 'production',
      TEMPORAL_ADDRESS: stores.temporalAddress, REDIS_URL: stores.redisUrl, DATABASE_URL: stores.databaseUrl,
    };
  });
  afterAll(async () => {
    await Promise.all(children.map((child) => new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(null);
      child.once('exit', resolve).kill('SIGKILL');
    })));
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  async function laid(copies = image.copies): Promise<string> {
    const folder = await newFolder();
    folders.push(folder);
    lay(copiedFiles(copies, isIgnored), folder);
    return folder;
  }

  const path = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

  function start(folder: string, role: 'api' | 'worker', more: Readonly<Record<string, string>>): {
    readonly child: ChildProcess;
    readonly output: () => string;
  } {
    const [program, ...options] = image.entrypoint;
    const child = spawn(program, [...options, role], {
      cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...path, ...environment, ...more },
    });
    children.push(child);
    let output = '';
    const keep = (chunk: Buffer): void => { output += chunk.toString('utf8'); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    return { child, output: () => output };
  }

  test('runs: the API answers, and the worker is ready on the workflow code that was bundled when the image was made', async () => {
    const folder = await laid();
    // packages are linked; what is left of the lines that run is the workflow code's and the web's
    const bundling = image.runs.filter((line) => line.includes('-bundle.ts'));
    expect(bundling).toHaveLength(2);
    for (const line of bundling) {
      await promisify(execFile)('sh', ['-c', line.replaceAll(image.workdir, folder)], { cwd: folder, env: path });
    }
    const bundles = await readdir(join(folder, '.local', 'bundles'));
    expect(bundles).toHaveLength(1);

    const api = start(folder, 'api', { PORT: '0', CLICKHOUSE_URL: 'http://127.0.0.1:1' });
    const worker = start(folder, 'worker', { CLICKHOUSE_URL: pathToFileURL(join(environment['GANGWAY_DATA'] ?? '', 'clickhouse')).href });
    for (const { child, output } of [api, worker]) {
      await until('both roles are ready', () => {
        if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${output()}`);
        return /ready/.test(output());
      });
    }
    const url = /API ready on (\S+)/.exec(api.output())?.[1] ?? '';
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(worker.output()).toContain('Worker ready');
    // the root file system is read-only there: nothing may be bundled once more
    expect(await readdir(join(folder, '.local', 'bundles'))).toEqual(bundles);
  });

  test('ends at once with what it misses, where a line is left out', async () => {
    const copies = image.copies.filter(({ to }) => to !== 'outside');
    expect(copies).toHaveLength(image.copies.length - 1);
    const { child, output } = start(await laid(copies), 'api', { PORT: '0', CLICKHOUSE_URL: 'http://127.0.0.1:1' });
    await until('it has ended', () => child.exitCode !== null);
    expect(child.exitCode).not.toBe(0);
    expect(output()).toMatch(/ERR_MODULE_NOT_FOUND/);
  });
});
