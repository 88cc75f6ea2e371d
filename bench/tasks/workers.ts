/** A worker for each side, set up alike but for what the sides differ in. Counted on neither. */
import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker, type ActivityInterceptorsFactory } from '@temporalio/worker';
import { Retries, type FailedTask, type RetriesOptions } from '../../activities/retries.ts';
import type { TaskServices } from '../../activities/task.ts';
import { retryOf } from '../../activities/tasks.ts';
import { writeTask } from '../../activities/write-task.ts';
import { createActivities } from './bare/activities.ts';
import type { Services } from './bare/attempt.ts';
import { tasks } from './ours/tasks.ts';

export interface Place { readonly connection: NativeConnection; readonly codePath: string; readonly taskQueue: string }

export interface RunningWorker {
  /** Lets running activities end, then leaves. */
  stop(): Promise<void>;
}

/** What these tasks use of all that the product's tasks have. */
export type OurServices = Pick<TaskServices, 'stores' | 'log'>;
export interface Told { readonly onFailure: (failure: FailedTask) => void; readonly onSuccess: RetriesOptions['onSuccess'] }

export function startOurs(place: Place, services: OurServices, { onFailure, onSuccess }: Told): Promise<RunningWorker> {
  const all = Object.entries({ ...tasks, writeTask }).map(([name, task]) => [name, task.with(services as TaskServices)] as const);
  return start(place, Object.fromEntries(all), [retrying(onFailure, onSuccess)]);
}

export function startBare(place: Place, services: Services): Promise<RunningWorker> {
  return start(place, createActivities(services), []);
}

/** To Temporal for workers. Quiet: activities fail here on purpose, and nobody has to read of each. */
export async function connectWorkers(address: string): Promise<NativeConnection> {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  } catch (error) {
    // one runtime serves every worker of a process
    if (!(error instanceof IllegalStateError)) throw error;
  }
  return NativeConnection.connect({ address });
}

/** The product's interceptor. */
export function retrying(
  onFailure: Told['onFailure'] = () => undefined, onSuccess: Told['onSuccess'] = () => undefined,
): ActivityInterceptorsFactory {
  const options: RetriesOptions = {
    retryOf, retriedIn: 'parkedTask', onFailure, onSuccess, onManualRetry: () => undefined, now: Date.now, random: Math.random,
  };
  return (context) => ({ inbound: new Retries(context, options) });
}

/** `interceptors`: the first is the outermost. */
export async function start(
  { connection, codePath, taskQueue }: Place, activities: object, interceptors: ActivityInterceptorsFactory[],
): Promise<RunningWorker> {
  const worker = await Worker.create({
    connection, namespace: 'default', taskQueue, workflowBundle: { codePath }, activities, maxConcurrentWorkflowTaskExecutions: 4,
    shutdownGraceTime: '1s', shutdownForceTime: '5s',
    interceptors: { activity: interceptors },
  });
  const running = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await running;
    },
  };
}
