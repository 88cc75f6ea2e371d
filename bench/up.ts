/** A Gangway started by the command that users type. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Place { readonly url: string; readonly pid: number; readonly pids: Readonly<Record<string, number>> }

export interface Up extends Place {
  /** performance.now() of the moment the command was given. */
  readonly began: number;
  stop(): Promise<void>;
}

const readySecondsMax = 180;

/** `npm run up` in `project` on `folder`; resolves as soon as it takes requests. */
export async function up(project: string, folder: string): Promise<Up> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const logFile = `${folder}.log`;
  const log = openSync(logFile, 'a');
  const began = performance.now();
  const child = spawn('npm', ['run', 'up'], {
    cwd: project, stdio: ['ignore', log, log], env: { ...process.env, PORT: '0', GANGWAY_DATA: folder },
  });
  closeSync(log);
  let over = false;
  const exited = new Promise<void>((resolve) => {
    const end = (): void => { over = true; resolve(); };
    child.once('exit', end);
    child.once('error', end);
  });
  for (;;) {
    const ready = await runFile(folder);
    if (ready !== null) return { began, ...ready, stop: () => stop(ready.pid, exited) };
    if (over) throw new Error(`npm run up ended while starting:\n${(await readFile(logFile, 'utf8')).slice(-2_000)}`);
    if (performance.now() - began > readySecondsMax * 1_000) {
      child.kill('SIGTERM');
      throw new Error(`npm run up was not ready after ${readySecondsMax} s.`);
    }
    await sleep(10);
  }
}

async function stop(pid: number, exited: Promise<void>): Promise<void> {
  process.kill(pid, 'SIGTERM');
  await exited;
}

/** Where it runs; null while it is not ready. The file goes at every clean stop. */
async function runFile(folder: string): Promise<Place | null> {
  try {
    const { url, pid, pids } = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as Place;
    return { url, pid, pids };
  } catch {
    return null;      // not there yet, or being written
  }
}
