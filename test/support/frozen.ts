/** Servers that stop answering without going away: worse than dead ones. */
import { execFileSync } from 'node:child_process';
import { types } from 'node:util';
import type { InstanceAddress } from './instance.ts';
import { runFileOf } from './instance-stores.ts';

/** A process and all below it: the backends of PostgreSQL go on when only their parent is stopped. */
function family(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n').map(
    (line) => line.trim().split(/\s+/).map(Number),
  );
  const below = (parent: number): number[] => rows.filter(([, ppid]) => ppid === parent).flatMap(
    ([child]) => [child ?? 0, ...below(child ?? 0)],
  );
  return [pid, ...below(pid)];
}

function thaw(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    // `work` has killed it
    if (!(types.isNativeError(error) && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Stops a server of an instance by its name in run.json while `work` runs. */
export async function whileFrozen(instance: InstanceAddress, server: string, work: () => Promise<void>): Promise<void> {
  const { pids } = await runFileOf(instance);
  const pid = pids[server];
  if (pid === undefined) throw new Error(`There is no ${server} among ${Object.keys(pids).join(', ')}.`);
  const frozen = family(pid);
  for (const each of frozen) process.kill(each, 'SIGSTOP');
  try {
    await work();
  } finally {
    for (const each of frozen.reverse()) thaw(each);
  }
}
