/** The same work through a task of the product, through an activity alone and through BullMQ; one process, one call at a time or many. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { Queue, QueueEvents, Worker } from 'bullmq';
import pino from 'pino';
import type { TaskServices } from '../../activities/task.ts';
import { bareNothing, nothing, type NothingInput } from './measured/nothing.ts';
import { retrying, start } from './workers.ts';

export const names = ['ours', 'bare', 'bullmq'] as const;
export type Name = (typeof names)[number];
/** `options`: the bare one with the time-outs, retries and priority of ours. */
export const onTemporal = ['ours', 'bare', 'options'] as const;
export type OnTemporal = (typeof onTemporal)[number];

export interface Contender {
  /** Begins one and waits for its result. Returns the id of its workflow or job. */
  readonly once: (number: number) => Promise<string>;
  /** Milliseconds from the activity's beginning to its end in the worker, since the last call. BullMQ: none. */
  readonly inWorker: () => number[];
  readonly stop: () => Promise<void>;
}

const workflows: Readonly<Record<OnTemporal, string>> = { ours: 'throughTask', bare: 'throughActivity', options: 'throughOptions' };

export const concurrency = 32;
const resultMs = 30_000;

export const inputOf = (number: number): NothingInput => ({
  correlation_id: `c${number}`, tenant: 'bench', session_id: '00000000-0000-4000-8000-000000000000', number,
});

export async function temporalContender(
  name: OnTemporal, place: { readonly client: Client; readonly connection: NativeConnection; readonly codePath: string },
): Promise<Contender> {
  const taskQueue = `bench-${name}`;
  const times: number[] = [];
  const log = pino({ level: 'info', base: null }, pino.destination({ dest: '/dev/null', sync: false }));
  const activity = name === 'ours' ? nothing.with({ log } as TaskServices) : bareNothing;
  const worker = await start({ ...place, taskQueue }, { nothing: activity }, [
    () => ({
      inbound: {
        execute: async (input, next) => {
          const began = performance.now();
          try {
            return await next(input) as unknown;
          } finally {
            times.push(performance.now() - began);
          }
        },
      },
    }),
    ...(name === 'ours' ? [retrying()] : []),
  ]);
  return {
    once: async (number) => {
      const workflowId = randomUUID();
      await place.client.workflow.execute(workflows[name], { taskQueue, workflowId, args: [inputOf(number)] });
      return workflowId;
    },
    inWorker: () => times.splice(0),
    stop: () => worker.stop(),
  };
}

/** Tried three times and kept after its end, as far as BullMQ keeps: the job, not what happened to it. */
export const jobOptions = { attempts: 3, backoff: { type: 'exponential', delay: 1_000 }, removeOnComplete: { count: 10_000 } } as const;

export async function bullContender(redisUrl: string): Promise<Contender> {
  const connection = { url: redisUrl, maxRetriesPerRequest: null };
  const queue = new Queue<NothingInput>('bench', { connection, defaultJobOptions: jobOptions });
  const events = new QueueEvents('bench', { connection });
  const worker = new Worker<NothingInput>('bench', (job) => bareNothing(job.data), { connection, concurrency });
  // each call that waits listens to both for their end
  for (const each of [queue, events]) each.setMaxListeners(concurrency + 10);
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]);
  return {
    once: async (number) => {
      const job = await queue.add('nothing', inputOf(number));
      await job.waitUntilFinished(events, resultMs);
      return job.id ?? '';
    },
    inWorker: () => [],
    stop: async () => {
      await worker.close();
      await events.close();
      await queue.close();
    },
  };
}
