/**
 * Servers that outlived everything: when Gangway and its guards are killed together (SIGKILL, out of memory), the
 * servers stay. A new start on the same folder, holding the folder's lock, ends them and goes on.
 * Only a process whose pid we noted *and* whose command line still carries our mark is ours; nothing else is touched.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PlainError, systemCode } from './plain-error.ts';

export const pidFolder = (folder: string) => join(folder, 'pids');
export const pidFile = (folder: string, name: string) => join(pidFolder(folder), `${name}.pid`);

/** Seconds an orphan gets to stop by itself before SIGKILL. */
const graceSecondsMax = 10;
/** Seconds a killed one gets to let go of what it holds. */
const dyingSecondsMax = 2;

/** Ends every server a former start left behind in this folder; answers their names. */
export async function endOrphans(folder: string): Promise<string[]> {
  await mkdir(pidFolder(folder), { recursive: true, mode: 0o700 });
  const files = (await readdir(pidFolder(folder))).filter((file) => file.endsWith('.pid'));
  const names = files.map((file) => file.slice(0, -'.pid'.length));
  const ended = await Promise.all(names.map(async (name) => ((await endOrphan(folder, name)) ? name : undefined)));
  return ended.filter((name) => name !== undefined);
}

/** Ends the server noted under `name`, if it lives and is ours. */
export async function endOrphan(folder: string, name: string): Promise<boolean> {
  const pid = await notedPid(folder, name);
  // one that was just killed has lost its command line and still holds its port, for a moment
  if (pid !== undefined && (await commandLine(pid)) === undefined) await hasEnded(pid, dyingSecondsMax);
  const ours = pid !== undefined && (await isOurs(pid, folder));
  if (ours) {
    send(pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');   // PostgreSQL waits for its clients on SIGTERM
    if (!(await hasEnded(pid, graceSecondsMax))) send(pid, 'SIGKILL');
    if (!(await hasEnded(pid, graceSecondsMax))) {
      throw new PlainError(`Process ${pid} (${name} of ${folder}) does not end: end it and start again.`);
    }
  }
  await rm(pidFile(folder, name), { force: true });
  return ours;
}

/** The pid its guard noted for a server, or undefined when there is none (yet). */
export async function notedPid(folder: string, name: string): Promise<number | undefined> {
  const text = await readFile(pidFile(folder, name), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** Whether `pid` is one of our programs at work on this very folder, and not on one whose name only begins alike. */
async function isOurs(pid: number, folder: string): Promise<boolean> {
  const command = await commandLine(pid);
  if (command === undefined || !/temporal|redis|valkey|postgres/.test(command)) return false;
  if (process.platform !== 'linux') return command.includes(` ${folder}/`);
  return command.split('\0').some((argument) => argument.startsWith(`${folder}/`));
}

/** The command line of a living process; undefined for a dead one and for one that only waits to be collected. */
export async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text === '' ? undefined : text;
  }
  const listed = await promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => undefined);
  return listed?.stdout.trim() || undefined;
}

/** Whether the process still holds files, ports or locks. A zombie does not, unless other threads of it still run. */
async function lives(pid: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const state = text.slice(text.lastIndexOf(')') + 2).charAt(0);     // the name before it may hold anything
    if (state === 'Z' || state === 'X') return (await readdir(`/proc/${pid}/task`).catch(() => [])).length > 1;
    return state !== '';
  }
  const listed = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => undefined);
  return listed !== undefined && !/^\s*(Z|$)/.test(listed.stdout);
}

/** Waits until the process is gone; false when it still lives after `secondsMax`. */
export async function hasEnded(pid: number, secondsMax: number): Promise<boolean> {
  const deadline = Date.now() + secondsMax * 1_000;
  while (await lives(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
