/** That every test runs, wherever it stands, and that those without servers run first and wait for none. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { root } from './support/folders.ts';
import { testFiles } from './support/kinds.ts';
import Sequencer from './support/sequencer.ts';

const run = promisify(execFile);
const folders: string[] = [];
afterEach(async () => { for (const folder of folders.splice(0)) await rm(folder, { recursive: true }); });

async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gangway-kinds-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

describe('a test file', () => {
  test('of the project is run by Jest, whatever folder it is in, and once', async () => {
    const known = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '*.test.ts'], { cwd: root });
    const listed = await run(
      process.execPath, ['--experimental-vm-modules', join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--listTests', '--json'],
      { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } },
    );
    const paths = known.stdout.trim().split('\n').filter((path) => !path.startsWith('test/planted/'));
    expect(paths.length).toBeGreaterThan(50);
    expect((JSON.parse(listed.stdout) as string[]).map((path) => relative(root, path)).sort()).toEqual(paths.sort());
  });

  test('is found in any folder, and has servers when anything that it loads has', async () => {
    // written so that this file itself does not seem to load them
    const [support, embedded] = ['test/support', 'scripts/embedded'];
    const folder = await project({
      'activities/outbox/retry.test.ts': "import { retry } from './retry.ts';\n", 'activities/outbox/retry.ts': 'export const retry = 1;\n',
      'workflows/deep/er/story.test.ts': '', 'api/types.test.ts': `import type { Instance } from '../${support}/instance.ts';\n`,
      'api/asks.test.ts': `import { ask } from '../${support}/ask.ts';\n`,
      'test/support/ask.ts': "export { sharedInstance as ask } from './shared.ts';\n",
      'engine/own.test.ts': `const { startInstance } = await import('../${support}/instance.ts');\n`,
      'stores/redis.test.ts': `import { startGuarded } from '../${embedded}/guarded.ts';\n`,
      'test/support/shared.ts': '', 'test/support/instance.ts': '', 'scripts/embedded/guarded.ts': '',
      'node_modules/a/a.test.ts': '', '.local/b.test.ts': '', 'test/planted/c.test.ts': '',
    });
    expect(testFiles(folder)).toEqual({
      pure: ['activities/outbox/retry.test.ts', 'api/types.test.ts', 'workflows/deep/er/story.test.ts'],
      servers: ['api/asks.test.ts', 'engine/own.test.ts', 'stores/redis.test.ts'],
    });
  });

  test('without servers comes before all that have some, and of each kind the longest come first', () => {
    const { pure, servers } = testFiles();
    const files = [...servers, ...pure].map((path) => ({
      path: join(root, path), context: { config: { displayName: { name: pure.includes(path) ? 'pure' : 'servers' } } },
    }));
    const seconds = (path: string): number => path.length;
    const ordered = new Sequencer(seconds).sort(files).map(({ path }) => relative(root, path));
    expect(new Set(ordered.slice(0, pure.length))).toEqual(new Set(pure));
    for (const kind of [ordered.slice(0, pure.length), ordered.slice(pure.length)]) {
      const times = kind.map((path) => seconds(path));
      expect(times).toEqual(times.toSorted((a, b) => b - a));
    }
  });
});
