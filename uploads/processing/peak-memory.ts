/** The most resident memory that a process ever had, in bytes; where the system does not keep it, what it has now. null: it is gone. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export async function peakMemory(pid: number): Promise<number | null> {
  return process.platform === 'linux' ? peakByProc(pid) : currentByPs(pid);
}

async function peakByProc(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1_024;
}

async function currentByPs(pid: number): Promise<number | null> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)], { timeout: 1_000 }).catch(() => ({ stdout: '' }));
  const kilobytes = Number(stdout.trim());
  return kilobytes > 0 ? kilobytes * 1_024 : null;
}
