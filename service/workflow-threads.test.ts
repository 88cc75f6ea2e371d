import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import threads from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startThreads } from './workflow-threads.ts';

const program = `
  const { parentPort } = require('node:worker_threads');
  let promises = 0;
  const stop = require('node:v8').promiseHooks.createHook({ init: () => { promises += 1; } });
  Promise.resolve(1).then(() => 2);
  stop();
  parentPort.postMessage(promises);`;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gangway-threads-'));
  await writeFile(join(folder, 'program.cjs'), program);
});
afterAll(() => rm(folder, { recursive: true }));

/** How many promises a hook sees in a thread that is started so. */
async function seen(stackTraces: boolean): Promise<number> {
  const thread = await startThreads(() => Promise.resolve(new threads.Worker(join(folder, 'program.cjs'))), { stackTraces });
  const [[promises]] = await Promise.all([once(thread, 'message'), once(thread, 'exit')]);
  return promises as number;
}

test('threads of workflows note no promises unless their stacks are wanted, and other threads are as they were', async () => {
  const { Worker: plain } = threads;
  expect(await seen(false)).toBe(0);
  expect(threads.Worker).toBe(plain);
  expect(await seen(true)).toBeGreaterThan(1);
  await expect(startThreads(() => Promise.reject(new Error('no engine')), { stackTraces: false })).rejects.toThrow('no engine');
  expect(threads.Worker).toBe(plain);
});
