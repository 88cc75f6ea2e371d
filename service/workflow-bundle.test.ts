/** The bundle of the workflow code is never older than the code. */
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { sourcesHash, workflowBundle, workflowSources } from './workflow-bundle.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const folders: string[] = [];
afterEach(async () => { for (const folder of folders.splice(0)) await rm(folder, { recursive: true }); });

/** A project of so few files as can show it. */
async function project(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gangway-bundle-'));
  folders.push(folder);
  const files = {
    'workflows/main.ts': "export { session } from './session.ts';\n",
    'workflows/session.ts': "import type { Tasks } from '../activities/tasks.ts';\nimport {\n  price,\n} from " +
      "'../domain/pricing/price.ts';\nexport const session = (_: Tasks) => price;\n",
    'domain/pricing/price.ts': "import { round } from './rounding/half-up.ts';\nexport const price = round(1);\n",
    'domain/pricing/rounding/half-up.ts': 'export const round = Math.round;\n',
    'domain/pricing/price.test.ts': '', 'domain/unused.ts': '', 'activities/tasks.ts': 'export interface Tasks {}\n',
    'engine/failure-converter.ts': 'export const failureConverter = {};\n', 'package-lock.json': '{}',
    'scripts/bundle-workflows.ts': '',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

test('an edit of anything that is in it, in a folder however deep, makes another bundle; an edit elsewhere does not', async () => {
  const folder = await project();
  const changes = async (path: string): Promise<boolean> => {
    const before = await sourcesHash(folder);
    await appendFile(join(folder, path), '\n');
    return await sourcesHash(folder) !== before;
  };
  for (
    const path of [
      'workflows/main.ts', 'workflows/session.ts', 'domain/pricing/price.ts', 'domain/pricing/rounding/half-up.ts',
      'engine/failure-converter.ts', 'package-lock.json', 'scripts/bundle-workflows.ts',
    ]
  ) {
    expect([path, await changes(path)]).toEqual([path, true]);
  }
  for (const path of ['domain/pricing/price.test.ts', 'domain/unused.ts', 'activities/tasks.ts']) {
    expect([path, await changes(path)]).toEqual([path, false]);
  }
});

test('every file of ours that the bundler took is among those that are hashed', async () => {
  const [, map = ''] = /sourceMappingURL=data:[^,]+,(.*)/.exec(await readFile(await workflowBundle(), 'utf8')) ?? [];
  const { sources } = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as { readonly sources: readonly string[] };
  const ours = sources.filter((path) => path.startsWith(root) && path.endsWith('.ts') && !path.includes('node_modules')).sort();
  expect(ours.length).toBeGreaterThan(10);
  expect(workflowSources(root)).toEqual(expect.arrayContaining(ours));
});

test('no module that all workflows share keeps anything that one of them could leave for another', async () => {
  const kept: string[] = [];
  for (const path of workflowSources(root)) {
    const text = await readFile(path, 'utf8');
    const variables = [...text.matchAll(/^(?:export )?(?:let|var) .*/gm)].map(([line]) => line);
    const containers = [...text.matchAll(/^(?:export )?const (\w+)[^=\n]* = (?:new (?:Weak)?(?:Map|Set)\b|new LruMap|\[|\{)/gm)]
      .flatMap(([, name = '']) => [...text.matchAll(new RegExp(
        `^.*\\b${name}(?:\\.(?:add|set|delete|clear|push|pop|shift|unshift|splice|sort|reverse)\\(|(?:\\.\\w+|\\[[^\\]]+\\]) = ).*$`, 'gm',
      ))].map(([line]) => line));
    kept.push(...[...variables, ...containers].map((line) => `${path}: ${line.trim()}`));
  }
  expect(kept).toEqual([]);
});
