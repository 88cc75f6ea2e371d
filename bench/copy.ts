/**
 * A copy of the project's sources: its workflow bundle has to be built anew, while the one of the project stays. What is
 * installed (packages, the pinned Node, the servers) is borrowed by links.
 */
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..');
/** Not sources, or not needed to start. */
const leftOut = new Set(['node_modules', '.local', '.git', 'bench', 'test', 'docs', 'coverage']);
const borrowed = ['runtime', 'venv'];

export async function copyProject(copy: string): Promise<void> {
  await mkdir(join(copy, '.local'), { recursive: true });
  for (const name of await readdir(project)) {
    if (!leftOut.has(name)) await cp(join(project, name), join(copy, name), { recursive: true });
  }
  await symlink(join(project, 'node_modules'), join(copy, 'node_modules'));
  const installed = await readdir(join(project, '.local'));
  for (const name of borrowed) {
    if (installed.includes(name)) await symlink(join(project, '.local', name), join(copy, '.local', name));
  }
}
