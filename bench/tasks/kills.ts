/** What is lost of acknowledged work when its server is killed: begun with nobody to do it, SIGKILL, and counted when it is back. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { Queue } from 'bullmq';
import type { EmbeddedServers } from '../../scripts/embedded/servers.ts';
import { concurrency, inputOf, jobOptions } from './contenders.ts';

export interface Kept { readonly acknowledged: number; readonly lost: number }

const many = 500;
const backMs = 60_000;

export async function killTemporal(servers: EmbeddedServers, client: Client): Promise<Kept> {
  const ids = Array.from({ length: many }, () => randomUUID());
  await atOnce(ids, (workflowId, number) => client.workflow.start('throughActivity', {
    taskQueue: 'nobody', workflowId, args: [inputOf(number)],
  }));
  await killed(servers, 'temporal');
  await answering(() => client.workflow.getHandle(ids[0] ?? '').describe().catch((error: unknown) => {
    if (!String(error).includes('not found')) throw error;
  }));
  let lost = 0;
  await atOnce(ids, async (workflowId) => {
    const running = await client.workflow.getHandle(workflowId).describe().then(({ status }) => status.name === 'RUNNING', () => false);
    if (!running) lost += 1;
  });
  return { acknowledged: many, lost };
}

export async function killRedis(servers: EmbeddedServers): Promise<Kept> {
  const queue = new Queue('nobody', {
    connection: { url: servers.urls.redisUrl, maxRetriesPerRequest: null }, defaultJobOptions: jobOptions,
  });
  queue.on('error', () => undefined);
  try {
    await atOnce(Array.from({ length: many }, (_, number) => number), (number) => queue.add('nothing', inputOf(number)));
    await killed(servers, 'redis');
    let waiting = 0;
    await answering(async () => { waiting = await queue.getWaitingCount(); });
    return { acknowledged: many, lost: many - waiting };
  } finally {
    await queue.close();
  }
}

async function killed(servers: EmbeddedServers, name: 'temporal' | 'redis'): Promise<void> {
  const { [name]: pid } = servers.pids;
  if (pid === undefined) throw new Error(`There is no ${name} to kill.`);
  process.kill(pid, 'SIGKILL');
  // its supervisor starts it again on the same port
  await answering(() => (servers.pids[name] === pid ? Promise.reject(new Error('still the old one')) : Promise.resolve()));
}

async function answering(ask: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + backMs;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function atOnce<T>(items: readonly T[], work: (item: T, at: number) => Promise<unknown>): Promise<void> {
  const left = items.entries();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (const [at, item] of left) await work(item, at);
  }));
}
