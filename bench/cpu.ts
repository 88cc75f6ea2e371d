/** Processor time of processes. On a busy machine it is steadier than any clock on the wall. */
import { readFile } from 'node:fs/promises';
import { families, processes } from './process-memory.ts';

/** Linux counts for its readers in hundredths of a second, whatever the kernel's own clock. */
const msPerTick = 10;

/** Milliseconds of user and system time by process with all below it, or null where there is no /proc. */
export async function cpuMs(pids: Readonly<Record<string, number>>): Promise<Readonly<Record<string, number>> | null> {
  if (process.platform !== 'linux') return null;
  const entries = await Promise.all(families(await processes(), pids).map(async ([name, rows]) => {
    const each = await Promise.all(rows.map((row) => cpuMsOf(row.pid)));
    return [name, each.reduce((sum, ms) => sum + ms, 0)] as const;
  }));
  return Object.fromEntries(entries);
}

/** Of one that has ended meanwhile 0. */
async function cpuMsOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (line === null) return 0;
  // the name stands in brackets and may hold blanks; utime and stime are the 12th and 13th field after it
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}
