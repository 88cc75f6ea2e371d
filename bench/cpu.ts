/** Processor time of processes. On a busy machine it is steadier than any clock on the wall. */
import { readFile } from 'node:fs/promises';

/** Linux counts for its readers in hundredths of a second, whatever the kernel's own clock. */
const msPerTick = 10;

/** Milliseconds of user and system time by process, or null where there is no /proc. */
export async function cpuMs(pids: Readonly<Record<string, number>>): Promise<Readonly<Record<string, number>> | null> {
  if (process.platform !== 'linux') return null;
  const entries = await Promise.all(Object.entries(pids).map(async ([name, pid]) => [name, await cpuMsOf(pid)] as const));
  return Object.fromEntries(entries);
}

async function cpuMsOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  // the name stands in brackets and may hold blanks; utime and stime are the 12th and 13th field after it
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}
