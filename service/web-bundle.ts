/** The web as files that browsers read: made when its sources have changed, which their hash in the folder's name tells. */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { importClosure } from './import-closure.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
/** Making it takes some seconds; a machine that does a hundred other things gets more. */
const timeoutMs = 300_000;

/** Folder of the built web. */
export async function webBundle(): Promise<string> {
  const path = join(root, '.local', 'web', await webSourcesHash(root));
  if (await stat(join(path, 'index.html')).then(() => true, () => false)) return path;
  await mkdir(join(root, '.local', 'web'), { recursive: true });
  // in a process of its own: what builds it stays in nobody's memory
  await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning', join(root, 'scripts', 'bundle-web.ts'), path,
  ], { timeout: timeoutMs });
  return path;
}

/** Of the sources and of the versions of what builds them. */
export async function webSourcesHash(project: string): Promise<string> {
  const hash = createHash('sha256');
  const sources = globSync('web/**/*.{ts,tsx,css,html,svg}', { cwd: project, exclude: (path) => path.endsWith('.test.ts') }).sort();
  const loaded = importClosure(sources.filter((path) => /\.tsx?$/.test(path)).map((path) => join(project, path)))
    .map((path) => relative(project, path));
  for (const file of new Set([...sources, ...loaded, 'scripts/bundle-web.ts', 'package-lock.json'])) {
    hash.update(file).update(await readFile(join(project, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
