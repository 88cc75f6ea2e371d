/** Servers that stop answering without going away: worse than dead ones. */
import { execFileSync } from 'node:child_process';
import { types } from 'node:util';
import type { InstanceAddress } from './instance.ts';
import { runFileOf } from './instance-stores.ts';

/** All below a process: the backends of PostgreSQL go on when only their parent is stopped. */
function descendants(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n').map(
    (line) => line.trim().split(/\s+/).map(Number),
  );
  const below = (parent: number): number[] => rows.filter(([, ppid]) => ppid === parent).flatMap(
    ([child]) => [child ?? 0, ...below(child ?? 0)],
  );
  return below(pid);
}

/** To a process that may have ended meanwhile: by itself, or because `work` has killed it. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(types.isNativeError(error) && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Stops a server of an instance by its name in run.json while `work` runs. */
export async function whileFrozen(instance: InstanceAddress, server: string, work: () => Promise<void>): Promise<void> {
  const { pids } = await runFileOf(instance);
  const pid = pids[server];
  if (pid === undefined) throw new Error(`There is no ${server} among ${Object.keys(pids).join(', ')}.`);
  process.kill(pid, 'SIGSTOP');
  // from here on it begets none
  const below = descendants(pid);
  for (const each of below) signal(each, 'SIGSTOP');
  try {
    await work();
  } finally {
    for (const each of [...below.reverse(), pid]) signal(each, 'SIGCONT');
  }
}
