/** Where the project is, and folders for tests. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export async function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'gangway-test-'));
}
