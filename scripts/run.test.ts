/** What starts every command: what was compiled is kept for the next start, and does not grow while code changes. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'gangway run '));
  // installed as far as `run` looks
  for (const [name, text] of [
    ['package.json', '{"type": "module"}'], ['package-lock.json', ''], ['node_modules/.gangway-lock', ''],
    ['main.ts', "import { word } from './word.ts';\nconsole.log(word);\n"],
  ] as const) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), text);
  }
  await cp(join(import.meta.dirname, 'run'), join(project, 'scripts', 'run'));
});
afterEach(() => rm(project, { recursive: true }));

async function said(word: string): Promise<string> {
  await writeFile(join(project, 'word.ts'), `export const word: string = '${word}';\n`);
  return (await promisify(execFile)('sh', ['scripts/run', 'main.ts'], { cwd: project })).stdout.trim();
}
const compiled = async (): Promise<string[]> => (await readdir(join(project, '.local', 'compiled'), { recursive: true })).sort();

test('each change is seen at once, and replaces what was compiled before', async () => {
  expect(await said('one')).toBe('one');
  const kept = await compiled();
  expect(kept.length).toBeGreaterThan(2);
  for (const word of ['two', 'three', 'two']) expect(await said(word)).toBe(word);
  expect(await compiled()).toEqual(kept);
});

test('where nothing can be kept it runs all the same', async () => {
  await mkdir(join(project, '.local'));
  await writeFile(join(project, '.local', 'compiled'), '');
  expect(await said('one')).toBe('one');
});
