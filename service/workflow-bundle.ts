/** The workflow code as one prebuilt file: a start costs half a second and half the memory of bundling in the process. */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { importClosure } from './import-closure.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Path of the bundle. It is made when its sources have changed, which their hash in its name tells. */
export async function workflowBundle(): Promise<string> {
  const path = join(root, '.local', 'bundles', `workflows-${await sourcesHash(root)}.js`);
  if (await stat(path).then(() => true, () => false)) return path;
  await mkdir(join(root, '.local', 'bundles'), { recursive: true });
  // in a process of its own: bundling leaves 140 MB behind that this one would keep for good
  await underPlainName((project) => promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning', '--preserve-symlinks', '--preserve-symlinks-main',
    join(project, 'scripts', 'bundle-workflows.ts'), path,
  ]));
  return path;
}

/** The bundler takes ! # ? in a path for marks of its own: a project below such a folder is given another name for it. */
async function underPlainName(work: (project: string) => Promise<unknown>): Promise<void> {
  if (!/[!#?]/.test(root)) return void await work(root);
  const folder = await mkdtemp(join(tmpdir(), 'gangway-bundle-'));
  const project = join(folder, 'project');
  try {
    await symlink(root, project);
    await work(project);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything of the project that is in the bundle, wherever it lies. */
export function workflowSources(project: string): string[] {
  return importClosure([join(project, 'workflows', 'main.ts'), join(project, 'engine', 'failure-converter.ts')]);
}

export async function sourcesHash(project: string): Promise<string> {
  const hash = createHash('sha256');
  // packages by their versions
  for (const file of [...workflowSources(project), join(project, 'package-lock.json'), join(project, 'scripts', 'bundle-workflows.ts')]) {
    hash.update(relative(project, file)).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}
