/** A Gangway of a test's own: started as a user starts it, with its own data folder and ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { portNames } from '../../scripts/embedded/ports.ts';
import { root } from './folders.ts';
import { until } from './until.ts';

export interface InstanceAddress { readonly url: string; readonly folder: string; readonly pid: number }

export interface RunFile {
  readonly pid: number;
  readonly url: string;
  readonly pids: Readonly<Record<string, number>>;
  readonly urls: { readonly temporalAddress: string; readonly redisUrl: string; readonly databaseUrl: string };
}

export interface Instance extends InstanceAddress {
  readonly child: ChildProcess;
  /** Everything it has printed so far. */
  output(): string;
  runFile(): Promise<RunFile>;
  /** Exit code, once it has gone. */
  readonly ended: Promise<number | null>;
  /** SIGTERM, and waits until it has gone. Returns the exit code. To one that is stopping already this is a second signal. */
  stop(): Promise<number | null>;
  /** SIGKILL to the process group, as a machine that loses power would. */
  kill(): Promise<void>;
}

/** Limits a test would run into are raised, and so are time-outs that a busy machine would; everything else is as a user has it. */
const testEnvironment = {
  PORT: '0', LOG_LEVEL: 'info', GANGWAY_API_PER_MINUTE: '1000000', GANGWAY_API_PER_MINUTE_ADMIN: '1000000',
  GANGWAY_ANONYMOUS_PER_HOUR: '1000000', GANGWAY_CHECK_ANSWERS: 'true',
  GANGWAY_ENGINE_TIMEOUT_MS: '20000', GANGWAY_DATABASE_TIMEOUT_MS: '20000', GANGWAY_REDIS_TIMEOUT_MS: '2000',
};

/** For tests of what happens while a server is away, which would wait for the raised ones: an empty setting counts as absent. */
export const usersTimeouts = { GANGWAY_ENGINE_TIMEOUT_MS: '', GANGWAY_DATABASE_TIMEOUT_MS: '', GANGWAY_REDIS_TIMEOUT_MS: '' };

/** For services that a test starts by itself. */
const { GANGWAY_ENGINE_TIMEOUT_MS, GANGWAY_DATABASE_TIMEOUT_MS, GANGWAY_REDIS_TIMEOUT_MS } = testEnvironment;
export const patience = { GANGWAY_ENGINE_TIMEOUT_MS, GANGWAY_DATABASE_TIMEOUT_MS, GANGWAY_REDIS_TIMEOUT_MS };

/** Characters of its output that are kept: more than a whole run of tests makes it write. */
const outputMax = 64_000_000;

/**
 * Has servers that start in this folder for the first time begin with ports of their own, below those that the system hands
 * out: two that start at once would else both take the preferred ones, and the slower one meet the other's server there.
 */
export async function giveOwnPorts(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const ports = Object.fromEntries(portNames.map((name) => [name, randomInt(20_000, 32_000)]));
  // where there are some they are kept: `wx` writes nothing then
  await writeFile(join(folder, 'ports.json'), JSON.stringify(ports), { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

export async function startInstance(folder: string, environment: Readonly<Record<string, string>> = {}): Promise<Instance> {
  await giveOwnPorts(folder);
  const child = spawn('sh', ['scripts/run', 'scripts/up.ts'], {
    cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...testEnvironment, ...environment, GANGWAY_DATA: folder },
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    if (output.length > outputMax) output = output.slice(-outputMax / 2);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<number | null>((resolve) => { child.once('exit', (code) => { resolve(code); }); });
  const runFile = async (): Promise<RunFile> => JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as RunFile;
  await until(`the instance on ${folder} is ready`, () => {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`It ended with ${child.exitCode ?? child.signalCode}:\n${output.slice(-3_000)}`);
    }
    return /Ready in/.test(output);
  }, 180_000).catch((error: unknown) => {
    killGroup(child);
    throw error;
  });
  const { url, pid } = await runFile();
  return {
    url, folder, pid, child, output: () => output, runFile, ended,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGTERM');
      return ended;
    },
    kill: async () => {
      killGroup(child);
      await ended;
    },
  };
}

/** It and whatever it has started in its group; the servers end by themselves without it. */
export function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
}

/** SIGKILL of the service and of every server it runs. */
export async function killEverything(running: Instance): Promise<void> {
  const { pids } = await running.runFile();
  for (const pid of [running.pid, ...Object.values(pids)]) process.kill(pid, 'SIGKILL');
  await running.kill().catch(() => undefined);
}

/** Stops an instance and removes its data. */
export async function discard(instance: Instance | undefined): Promise<void> {
  if (instance === undefined) return;
  await instance.stop();
  await rm(instance.folder, { recursive: true, force: true });
}
