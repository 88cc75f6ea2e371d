/** A disk of a few bytes, which fills up or may become read-only. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { newFolder } from './folders.ts';

export const run = promisify(execFile);
/** Root has a small disk made; anybody else gets one in a namespace of theirs, in which the test cannot look from here. */
export const isRoot = process.getuid?.() === 0;
// said where nobody can miss it: what is skipped proves nothing
if (!isRoot) process.stderr.write('SKIPPED: files on a full and on a read-only disk. Only root can mount one.\n');

export async function withDisk(options: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await newFolder();
  await mkdir(folder, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  try {
    await work(folder);
  } finally {
    await run('umount', [folder]);
    await rm(folder, { recursive: true });
  }
}
