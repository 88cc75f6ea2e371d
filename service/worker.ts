/** The worker role: runs sessions and tasks. */
import { fileURLToPath } from 'node:url';
import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { Retries, type RetriesOptions } from '../activities/retries.ts';
import type { Tasks } from '../activities/tasks.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { createPayloadCodec } from '../engine/payload-codec.ts';
import { sdkLog, type SdkLogOptions } from './sdk-log.ts';
import { workflowBundle } from './workflow-bundle.ts';
import { startThreads } from './workflow-threads.ts';

/**
 * Slots x replay of the longest history must stay below the workflow task time-out of 2 s: 4 x 38 answers x 2-4 ms (25 messages a run
 * and half as many again while a store is away; of the longest runs that can be set 150).
 */
export const workflowTaskSlots = 4;
const failureConverterPath = fileURLToPath(new URL('../engine/failure-converter.ts', import.meta.url));

export interface WorkerSettings {
  readonly namespace: string;
  readonly taskQueue: string;
  /** Of Temporal Cloud. */
  readonly apiKey: string | undefined;
  /** Sessions kept in memory. */
  readonly cachedSessions: number;
  /** Of each promise that a workflow waits for, as the Web UI can ask for them. */
  readonly stackTraces: boolean;
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
  /** What is made of workflow tasks that fail here. */
  readonly failingTasks: Omit<SdkLogOptions, 'log'>;
}

export interface RunningWorker {
  readonly isRunning: () => boolean;
  /** Lets running tasks end, then leaves. */
  stop(): Promise<void>;
}

/** Signals stay with the service, which drains in its own order. */
function installRuntime(options: SdkLogOptions): void {
  const logger = new DefaultLogger('WARN', sdkLog(options));
  try {
    Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging: { forward: {}, filter: 'WARN' } } });
  } catch (error) {
    // one runtime serves every worker of a process
    if (!(error instanceof IllegalStateError)) throw error;
  }
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { settings, log } = options;
  installRuntime({ log, ...options.failingTasks });
  const [codePath, connection] = await Promise.all([workflowBundle(), NativeConnection.connect({
    address: options.address, ...(settings.apiKey === undefined ? {} : { apiKey: settings.apiKey, tls: true }),
  })]);
  const worker = await startThreads(() => Worker.create({
    connection, namespace: settings.namespace, taskQueue: settings.taskQueue, workflowBundle: { codePath },
    dataConverter: { failureConverterPath, payloadCodecs: [createPayloadCodec(options.sealer)] },
    activities: options.tasks, interceptors: { activity: [(context) => ({ inbound: new Retries(context, options.retries) })] },
    maxCachedWorkflows: settings.cachedSessions,
    // below the time between two heartbeats (activities/retries.ts), so that each goes out; the SDK's own would be 8 s
    maxHeartbeatThrottleInterval: '400ms',
    maxConcurrentWorkflowTaskExecutions: workflowTaskSlots,
    // what a killed worker had in its cache goes to another one after this; with the SDK's 10 s the silence was once 10.1 s
    stickyQueueScheduleToStartTimeout: '2s',
    shutdownGraceTime: `${settings.drainSeconds}s`, shutdownForceTime: `${settings.drainSeconds + 5}s`,
  }), settings);
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
