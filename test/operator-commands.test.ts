/** The commands of the operators' pages, pasted in order into one shell, against a Gangway with a parked task. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { newFolder, root } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { person, type Body } from './support/person.ts';
import { pasted } from './support/readme.ts';
import { until } from './support/until.ts';

const run = promisify(execFile);
let fake: FakeModel;
let instance: Instance;
let parked: () => Promise<Body[]>;

beforeAll(async () => {
  fake = await startFakeModel();
  fake.play(status(401));
  const folder = join(await newFolder(), "a folder of 'ops'");
  instance = await startInstance(folder, { OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test' });
  const [ana, dee] = [await person(instance, 'acme', 'ana', 'user'), await person(instance, 'acme', 'dee', 'admin')];
  await ana.answerAll(await ana.start());
  parked = async () => (await dee.get('/admin/dlq/tasks/?status=parked')).body.results;
  await until('a task is parked', async () => (await parked()).length === 1);
});
afterAll(async () => {
  await discard(instance);
  await fake.close();
});

/** In a shell that knows nothing of the service but where it is. */
async function paste(script: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], BASE: instance.url, GANGWAY_DATA: instance.folder };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: root, maxBuffer: 10_000_000, env });
  return stdout;
}

test('each works as it stands: the task is listed, retried by HTTP, and retried with an argument by Temporal\'s command line', async () => {
  const page = async (name: string): Promise<string> => pasted(await readFile(join(root, 'docs', `${name}.md`), 'utf8'));
  const [queue, operations, recovery] = [await page('dead-letter-queue'), await page('operations'), await page('recovery')];
  expect(operations).toContain('doctor');
  const byHttp = queue.slice(0, queue.indexOf('npm run --silent temporal'));
  const byTemporal = queue.slice(byHttp.length);
  expect(byTemporal).toContain('retryTask');
  const [task] = await parked();
  const listed = await paste(byHttp);
  expect(listed).toContain(task?.['task_id']);
  await until('it is parked again', async () => (await parked())[0]?.['manual_retries'] === 1);
  const said = await paste(`TASK=${task?.['task_id']}\n${byTemporal}`);
  expect(said).toContain(`task:acme:${task?.['task_id']}`);
  expect(said).toContain('manual_retries:2');
  expect(said).not.toMatch(/not supported/);
  await until('it is parked once more', async () => (await parked())[0]?.['manual_retries'] === 2);
  expect(await paste(recovery)).toMatch(/^1 sessions are in the archive/m);
  // it ends with 2 where it could not look everywhere
  expect(await paste(`set +e\n${operations}`)).toContain('temporal');
});

test('the command line that `up` prints lists its sessions, whatever folder is in use', async () => {
  const [, command = ''] = /command line +(.+)/.exec(instance.output()) ?? [];
  const clean = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', command], { cwd: root, env: clean });
  expect(stdout).toMatch(/onboardingSession/);
});

test('the first list that `up` links shows sessions and nothing else', () => {
  const [first = ''] = /http\S+\/workflows\?query=\S+/.exec(instance.output()) ?? [];
  expect(new URL(first).searchParams.get('query')).toBe('WorkflowType="onboardingSession"');
});
