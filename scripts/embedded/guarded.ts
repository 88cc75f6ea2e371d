/** One embedded server under its guard (guard.sh): started, waited for until it answers, stopped for good. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlainError, systemCode } from './plain-error.ts';
import { hasEnded, notedPid, pidFile } from './processes.ts';

export type ServerName = 'temporal' | 'redis' | 'postgres';

/** Everything one server needs to be started again and again. Its command line must name the data folder, in which it is started. */
export interface EmbeddedServer {
  readonly name: ServerName;
  readonly title: string;
  readonly command: readonly [string, ...string[]];
  readonly stopSignal: 'TERM' | 'INT';
  readonly readySecondsMax: number;
  /** One attempt: resolves when the server answers, throws while it does not. */
  answers(): Promise<void>;
}

export interface RunningServer {
  readonly name: ServerName;
  readonly pid: number;
  /** Settles when the server and its guard are gone, whoever ended them. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
  kill(): void;
}

/** It ended by itself before it answered: mostly since somebody took its port in between. */
export class EndedWhileStarting extends PlainError {}

/** Seconds a server gets to stop by itself: PostgreSQL writes a checkpoint, Valkey its append-only file. */
const stopSecondsMax = 15;
const guard = join(import.meta.dirname, 'guard.sh');

/** Starts the server and waits until it answers; PlainError with the end of its log when it dies or stays silent. */
export async function startGuarded(
  server: EmbeddedServer, folder: string, signal?: AbortSignal,
): Promise<RunningServer> {
  const log = join(folder, 'logs', `${server.name}.log`);
  const guarded = spawnGuard(server, folder, log);
  const deadline = Date.now() + server.readySecondsMax * 1_000;
  for (;;) {
    const answers = server.answers().then(() => true, () => false);
    const ready = await Promise.race([answers, guarded.exited.then(() => false)]);
    const pid = await notedPid(folder, server.name);
    if (ready && pid !== undefined && !guarded.hasExited()) return running(server, guarded, pid);
    if (guarded.hasExited()) {
      throw new EndedWhileStarting(`${server.title} ended while starting; ${log} says:\n${await lastLines(log)}`);
    }
    if (signal?.aborted === true || Date.now() > deadline) {
      await guarded.stop();
      signal?.throwIfAborted();
      const silent = `${server.title} did not answer within ${server.readySecondsMax} s`;
      throw new PlainError(`${silent}; ${log} says:\n${await lastLines(log)}`);
    }
    await sleep(25);
  }
}

interface GuardProcess {
  readonly exited: Promise<void>;
  hasExited(): boolean;
  stop(): Promise<void>;
  kill(): void;
}

function spawnGuard(server: EmbeddedServer, folder: string, log: string): GuardProcess {
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  rmSync(pidFile(folder, server.name), { force: true });
  const output = openSync(log, 'w', 0o600);   // begun anew at each start: its end must be about this start
  const child = spawn('/bin/sh', [guard, pidFile(folder, server.name), server.stopSignal, ...server.command],
    { detached: true, stdio: ['ignore', output, output, 'pipe'], cwd: folder });
  closeSync(output);
  let over = false;
  const exited = new Promise<void>((resolve) => {
    const end = () => { over = true; resolve(); };
    child.once('exit', end);
    child.once('error', end);
  });
  const group = (signal: NodeJS.Signals) => {
    // The guard leads its own group: the server and the watcher are in it.
    try {
      if (!over && child.pid !== undefined) process.kill(-child.pid, signal);
    } catch (error) {
      if (systemCode(error) !== 'ESRCH') throw error;
    }
  };
  return {
    exited, hasExited: () => over, kill: () => { group('SIGKILL'); },
    async stop() {
      // A signal in the first moments can get lost: a shell starts its background programs with SIGINT ignored, until
      // PostgreSQL is up, and may itself sit between two commands. So it is asked again; one that is stopping goes on.
      const ask = () => { if (!over) child.kill('SIGTERM'); };
      ask();
      const again = setInterval(ask, server.stopSignal === 'INT' ? 1_000 : 3_000);
      const late = sleep(stopSecondsMax * 1_000, false, { ref: false });
      const stopped = await Promise.race([exited.then(() => true), late]);
      clearInterval(again);
      if (!stopped) group('SIGKILL');
      await exited;
    },
  };
}

function running(server: EmbeddedServer, guarded: GuardProcess, pid: number): RunningServer {
  return {
    name: server.name, pid, exited: guarded.exited, kill: () => { guarded.kill(); },
    async stop() {
      await guarded.stop();
      await hasEnded(pid, stopSecondsMax);
    },
  };
}

/** The end of a log, for the one message that needs it. */
async function lastLines(log: string, count = 8): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n').slice(-count).map((line) => `  ${line.slice(0, 300)}`);
  return text.trim() === '' ? '  (nothing)' : lines.join('\n');
}
