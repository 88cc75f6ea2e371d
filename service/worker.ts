/** The worker role: runs sessions and tasks. */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker, type LogLevel } from '@temporalio/worker';
import type { Logger } from 'pino';
import { Retries, type RetriesOptions } from '../activities/retries.ts';
import type { Tasks } from '../activities/tasks.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { createPayloadCodec } from '../engine/payload-codec.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const failureConverterPath = join(root, 'engine', 'failure-converter.ts');

export interface WorkerSettings {
  readonly namespace: string;
  readonly taskQueue: string;
  /** Of Temporal Cloud. */
  readonly apiKey: string | undefined;
  /** Sessions kept in memory. */
  readonly cachedSessions: number;
  /** That running tasks get at shutdown. */
  readonly drainSeconds: number;
}

export interface WorkerOptions {
  readonly settings: WorkerSettings;
  readonly address: string;
  readonly tasks: Tasks;
  readonly retries: RetriesOptions;
  readonly sealer: Sealer;
  readonly log: Logger;
}

export interface RunningWorker {
  readonly isRunning: () => boolean;
  /** Lets running tasks end, then leaves. */
  stop(): Promise<void>;
}

/** The SDK's own log lines, in ours. Signals stay with the service, which drains in its own order. */
function installRuntime(log: Logger): void {
  const levels: Readonly<Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
    TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error',
  };
  // what the SDK logs about a failure can quote its message, which is not ours to print: ids and types only
  const logger = new DefaultLogger('WARN', ({ level, message, meta }) => {
    const error = meta?.['error'] instanceof Error ? meta['error'].name : undefined;
    log[levels[level]]({ workflow_id: meta?.['workflowId'], activity: meta?.['activityType'], error }, message);
  });
  try {
    Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging: { forward: {}, filter: 'WARN' } } });
  } catch (error) {
    // one runtime serves every worker of a process
    if (!(error instanceof IllegalStateError)) throw error;
  }
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { settings, log } = options;
  installRuntime(log);
  const [codePath, connection] = await Promise.all([workflowBundle(), NativeConnection.connect({
    address: options.address, ...(settings.apiKey === undefined ? {} : { apiKey: settings.apiKey, tls: true }),
  })]);
  const worker = await Worker.create({
    connection, namespace: settings.namespace, taskQueue: settings.taskQueue, workflowBundle: { codePath },
    dataConverter: { failureConverterPath, payloadCodecs: [createPayloadCodec(options.sealer)] },
    activities: options.tasks, interceptors: { activity: [(context) => ({ inbound: new Retries(context, options.retries) })] },
    maxCachedWorkflows: settings.cachedSessions,
    // slots x replay of the longest history must stay below the workflow task time-out of 2 s: 4 x 100 answers x 2-4 ms
    maxConcurrentWorkflowTaskExecutions: 4,
    // what a killed worker had in its cache goes to another one after this; with the SDK's 10 s the silence was once 10.1 s
    stickyQueueScheduleToStartTimeout: '2s',
    shutdownGraceTime: `${settings.drainSeconds}s`, shutdownForceTime: `${settings.drainSeconds + 5}s`,
  });
  const running = worker.run();
  let stopped = false;
  running.catch((error: unknown) => { log.error({ err: error }, 'the worker ended'); })
    .finally(() => { stopped = true; }).catch(() => undefined);
  return {
    isRunning: () => !stopped,
    stop: async () => {
      if (!stopped) worker.shutdown();
      await running.catch(() => undefined);
      await connection.close();
    },
  };
}

/**
 * The workflow code as one prebuilt bundle, keyed by a hash of its sources: a start costs half a second and half the memory
 * of bundling in the process.
 */
export async function workflowBundle(): Promise<string> {
  const path = join(root, '.local', 'bundles', `workflows-${await sourcesHash()}.js`);
  if (await stat(path).then(() => true, () => false)) return path;
  await mkdir(join(root, '.local', 'bundles'), { recursive: true });
  // in a process of its own: bundling leaves 140 MB behind that this one would keep for good
  await underPlainName((project) => promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning', '--preserve-symlinks', '--preserve-symlinks-main',
    join(project, 'scripts', 'bundle-workflows.ts'), path,
  ]));
  return path;
}

/** The bundler takes ! # ? in a path for marks of its own: a project below such a folder is given another name for it. */
async function underPlainName(work: (project: string) => Promise<unknown>): Promise<void> {
  if (!/[!#?]/.test(root)) return void await work(root);
  const folder = await mkdtemp(join(tmpdir(), 'gangway-bundle-'));
  const project = join(folder, 'project');
  try {
    await symlink(root, project);
    await work(project);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sourcesHash(): Promise<string> {
  const folders = await Promise.all(['domain', 'workflows'].map(async (folder) => {
    const names = (await readdir(join(root, folder))).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort();
    return names.map((name) => join(root, folder, name));
  }));
  const hash = createHash('sha256');
  for (const file of [...folders.flat(), failureConverterPath, join(root, 'package-lock.json')]) {
    hash.update(file.slice(root.length)).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}
