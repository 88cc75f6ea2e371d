/** A Gangway of a test's own: started as a user starts it, with its own data folder and ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));

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
  /** SIGTERM, and waits until it has gone. Returns the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL to the process group, as a machine that loses power would. */
  kill(): Promise<void>;
}

/** Limits a test would run into are raised; everything else is as a user has it. */
const testEnvironment = { PORT: '0', LOG_LEVEL: 'info', GANGWAY_API_PER_MINUTE: '1000000', GANGWAY_API_PER_MINUTE_ADMIN: '1000000', GANGWAY_ANONYMOUS_PER_HOUR: '1000000', GANGWAY_CHECK_ANSWERS: 'true' };

export async function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'gangway-test-'));
}

export async function startInstance(folder: string, environment: Readonly<Record<string, string>> = {}): Promise<Instance> {
  const child = spawn('sh', ['scripts/run', 'scripts/up.ts'], {
    cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...testEnvironment, ...environment, GANGWAY_DATA: folder },
  });
  let output = '';
  const keep = (chunk: Buffer): void => { output = (output + chunk.toString('utf8')).slice(-4_000_000); };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<number | null>((resolve) => { child.once('exit', (code) => { resolve(code); }); });
  const runFile = async (): Promise<RunFile> => JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as RunFile;
  await until(`the instance on ${folder} is ready`, () => {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${output.slice(-3_000)}`);
    return /Ready in/.test(output);
  }, 120_000);
  const { url, pid } = await runFile();
  return {
    url, folder, pid, child, output: () => output, runFile,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGTERM');
      return ended;
    },
    kill: async () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
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
