/** Memory of processes and of their descendants, in bytes. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface ProcessRow { readonly pid: number; readonly parent: number; readonly rss: number }

/** All processes, by ps, which Linux and macOS have. */
export async function processes(): Promise<ProcessRow[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss=']);
  return stdout.trim().split('\n').map((line) => {
    const [pid = 0, parent = 0, kib = 0] = line.trim().split(/\s+/).map(Number);
    return { pid, parent, rss: kib * 1_024 };
  });
}

/** Each named process with all below it, but for those that are named themselves. */
export function families(
  all: readonly ProcessRow[], pids: Readonly<Record<string, number>>,
): readonly (readonly [name: string, rows: readonly ProcessRow[]])[] {
  return Object.entries(pids).map(([name, pid]) => {
    const others = new Set(Object.values(pids).filter((other) => other !== pid));
    const known = all.filter((row) => !others.has(row.pid));
    return [name, [...known.filter((row) => row.pid === pid), ...descendants(known, pid)]];
  });
}

export function descendants(all: readonly ProcessRow[], pid: number): ProcessRow[] {
  return all.filter((row) => row.parent === pid).flatMap((row) => [row, ...descendants(all, row.pid)]);
}

/**
 * What processes hold together. PostgreSQL's share most of their pages, and the sum of their RSS would count those
 * once for each: PSS counts a page by the share of it. Where there is no PSS (macOS) it is RSS, which overstates.
 */
export async function shared(rows: readonly ProcessRow[]): Promise<number> {
  const bytes = await Promise.all(rows.map(async (row) => await pss(row.pid) ?? row.rss));
  return bytes.reduce((sum, each) => sum + each, 0);
}

async function pss(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const match = /^Pss:\s+(\d+) kB$/m.exec(text);
  return match === null ? null : Number(match[1]) * 1_024;
}
