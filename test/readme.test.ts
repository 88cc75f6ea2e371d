/** The README's own commands, pasted in order, against a running Gangway: from the token to the funnel that counts once. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { newFolder, root } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { pasted } from './support/readme.ts';
import { outputOf, sharedInstance } from './support/shared.ts';

const run = promisify(execFile);
const instance = await sharedInstance();
let other: Instance | undefined;
afterAll(async () => { await discard(other); }, 60_000);

test('every block of the README works when pasted, and the session it completes is in the funnel once', async () => {
  const script = pasted(await readFile(join(root, 'README.md'), 'utf8'));
  expect(script).toContain('/answers/');
  expect(script).toContain('/analytics/funnel/');
  const { stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root, maxBuffer: 10_000_000, env: { ...process.env, NODE_OPTIONS: '', BASE: instance.url, GANGWAY_DATA: instance.folder },
  });
  expect(stderr).not.toMatch(/error/i);
  expect(stdout).toContain('completed');
  expect(stdout).toMatch(/applied/);
});

test('the first curl that `up` prints works when pasted, twice', async () => {
  const output = await outputOf();
  const printed = output.slice(output.indexOf('TOKEN='));
  const script = printed.slice(0, printed.indexOf('\n\n'));
  for (let time = 0; time < 2; time += 1) {
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: root });
    expect(JSON.parse(stdout)).toMatchObject({ state: expect.any(String), question: expect.anything() });
  }
});

test('the command for other tokens that `up` prints gives one that counts when pasted, whatever folder and issuer are in use', async () => {
  const folder = join(await newFolder(), `it's "another" #1`);
  other = await startInstance(folder, { JWT_ISSUER: 'https://issuer.example.org/', JWT_AUDIENCE: 'those who $ask' });
  const [, command = ''] = /Other tokens +(.+)/.exec(other.output()) ?? [];
  const clean = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', command], { cwd: root, env: clean });
  const answer = await fetch(`${other.url}/api/v1/onboarding/sessions/`, { headers: { authorization: `Bearer ${stdout.trim()}` } });
  expect(answer.status).not.toBe(401);
});

test('docs/configuration.md is what the schema of the configuration says', async () => {
  const { stdout } = await run('sh', ['scripts/run', 'scripts/configuration-doc.ts', '--check'], {
    cwd: root, env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(stdout).toBeDefined();
});
