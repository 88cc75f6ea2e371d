/** Commands that docs/analytics.md shows, pasted against a running Gangway. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { root } from './support/folders.ts';
import { base, newTenant, tokenFor } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';

const run = promisify(execFile);
const instance = await sharedInstance();
const markdown = await readFile(join(root, 'docs', 'analytics.md'), 'utf8');
const commands = [...markdown.matchAll(/```bash\n([\s\S]*?)```/g)].flatMap(([, block = '']) => (
  block.split('\n').filter((line) => line.startsWith('curl '))
));

test('there are some', () => { expect(commands.length).toBeGreaterThanOrEqual(5); });

test.each(commands)('%s', async (command) => {
  const token = await tokenFor(instance, newTenant(), 'cy', ['analyst']);
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', command], {
    env: { ...process.env, BASE: `${instance.url}${base}`, TOKEN: token },
  });
  expect(JSON.parse(stdout)).toMatchObject({ period: { timezone: expect.any(String) }, freshness: { cached: expect.any(Boolean) } });
});

test('every figure that the page names is in the document of the service', async () => {
  const document = await (await fetch(`${instance.url}/openapi.json`)).text();
  const named = [...markdown.matchAll(/^\| (`[a-z_[\].]+`(?:, `[a-z_]+`)*)(?:,| \|)/gm)]
    .flatMap(([, names = '']) => names.split(', ').map((name) => name.replaceAll(/`|\[\]/g, '').split('.').at(-1) ?? ''));
  expect(named.length).toBeGreaterThan(30);
  for (const name of named) expect([name, document.includes(`"${name}"`)]).toEqual([name, true]);
});
