/** Which test files there are, and which of them need servers. Worked out from what they import, so that nobody has to keep it. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { importClosure, type KnownImports } from '../../service/import-closure.ts';
import { root } from './folders.ts';

/** What starts servers, or finds those that run. A test that loads none of it cannot have any. */
const toServers = ['test/support/instance.ts', 'test/support/shared.ts', 'scripts/embedded/guarded.ts'];

export interface TestFiles {
  /** Runs anywhere, at once. */
  readonly pure: readonly string[];
  readonly servers: readonly string[];
}

/** Paths below the project. A test beside its code, in any folder, is one. */
export function testFiles(project = root): TestFiles {
  const known: KnownImports = new Map();
  const servers = toServers.map((path) => join(project, path));
  const needsServers = (path: string): boolean => importClosure([join(project, path)], known).some((loaded) => servers.includes(loaded));
  const all = globSync('**/*.test.ts', { cwd: project, exclude: ['node_modules', '.git', '.local', 'coverage', 'test/planted'] }).sort();
  return { pure: all.filter((path) => !needsServers(path)), servers: all.filter(needsServers) };
}
