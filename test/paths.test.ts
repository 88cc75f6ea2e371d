/** Folders may have any name that a person gives them. */
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { root } from './support/folders.ts';
import { startInstance, type Instance } from './support/instance.ts';
import { cast, person } from './support/person.ts';
import { pasted } from './support/readme.ts';
import { until } from './support/until.ts';

const run = promisify(execFile);

/** What URIs, shells, configuration files and encodings take for something else: each has split a path in some program. */
const awkward = `C# what? 100%41 दल it's "q" $HOME & ; (1)`;
let parent = '';
beforeAll(async () => { parent = await realpath(await mkdtemp(join(tmpdir(), 'gangway paths '))); });
let instance: Instance | undefined;
afterAll(async () => {
  await instance?.stop();
  await rm(parent, { recursive: true, force: true, maxRetries: 5 });
});

test('a data folder of any name holds all that is stored, and a second start finds it there', async () => {
  const folder = join(parent, awkward);
  await mkdir(folder);
  instance = await startInstance(folder);
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  await instance.stop();
  expect(await readdir(parent)).toEqual([awkward]);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['temporal.db', 'postgres', 'redis', 'clickhouse', 'secrets', 'logs']));

  instance = await startInstance(folder);
  const again = await person(instance, tenant, 'ana', 'user');
  expect((await again.get(`/sessions/${id}/`)).body).toMatchObject({ session_id: id, stale: false });
  await again.gives(id, 'business_unit_type', 'office');
});

describe('the project itself', () => {
  const project = (): string => join(parent, 'C#! दल 50% off?', 'gangway');
  /** As a person who is nobody special: without root, and with nothing in the environment but what a login gives. */
  const command = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const environment = (): NodeJS.ProcessEnv => ({
    HOME: parent, TMPDIR: parent, PORT: '0',
    PATH: (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('.local/runtime')).join(':'),
  });
  const inBash = (line: string): string[] => [...command, 'bash', '-euo', 'pipefail', '-c', line];

  /** Hard links where the file system has them: what was installed is over a gigabyte. Folders are the copy's own. */
  async function copyProject(): Promise<void> {
    await mkdir(join(project(), '.local'), { recursive: true });
    const own = (await readdir(root)).filter((name) => !['.git', '.local', 'coverage'].includes(name));
    const installed = (await readdir(join(root, '.local'))).filter((name) => ['runtime', 'venv'].includes(name)).map(
      (name) => join('.local', name),
    );
    for (const name of [...own, ...installed]) {
      const to = join(project(), dirname(name));
      await run('cp', ['-al', join(root, name), to]).catch(async () => run('cp', ['-a', join(root, name), to]));
    }
    await chmod(parent, 0o755);
    if (process.getuid?.() === 0) await run('find', [parent, '-type', 'd', '-exec', 'chown', '65534:65534', '{}', '+']);
  }

  test('starts below folders of any name as an ordinary user, and what the README says works there word for word', async () => {
    await copyProject();
    const up = spawn('env', inBash('npm run up'), { cwd: project(), env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [up.stdout, up.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    try {
      await until('it is ready', () => {
        if (up.exitCode !== null) throw new Error(`It ended with ${up.exitCode}:\n${output}`);
        return output.includes('Ready in');
      }, 180_000);
      const { url } = JSON.parse(await readFile(join(project(), '.local', 'data', 'run.json'), 'utf8')) as { url: string };
      const blocks = pasted(await readFile(join(project(), 'README.md'), 'utf8'));
      const { stdout } = await run('env', inBash(`${blocks}\nnpm run demo -- --sessions 3 --seed 7`), {
        cwd: project(), env: { ...environment(), BASE: url }, maxBuffer: 10_000_000,
      });
      expect(stdout).toMatch(/applied[\s\S]*completed[\s\S]*3 people come to demo/);
    } finally {
      const { pid } = JSON.parse(await readFile(join(project(), '.local', 'data', 'run.json'), 'utf8')
        .catch(() => '{}')) as { pid?: number };
      if (pid === undefined) up.kill('SIGTERM'); else process.kill(pid, 'SIGTERM');
      await until('it has ended', () => up.exitCode !== null || up.signalCode !== null, 60_000);
    }
    expect(await readdir(join(parent, 'C#! दल 50% off?'))).toEqual(['gangway']);
  }, 400_000);
});
