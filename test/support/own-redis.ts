/**
 * A Redis by itself, set up as the embedded one is: for what freezes it, kills it or asks it much. Ends with the process that
 * started it.
 */
import { mkdir } from 'node:fs/promises';
import { choosePorts } from '../../scripts/embedded/ports.ts';
import { startGuarded } from '../../scripts/embedded/guarded.ts';
import { pidFolder } from '../../scripts/embedded/processes.ts';
import { findPrograms } from '../../scripts/embedded/python.ts';
import { redisProgram, redisServer } from '../../scripts/embedded/redis.ts';
import { giveOwnPorts } from './instance.ts';

export interface OwnRedis {
  readonly url: string;
  freeze(): void;
  thaw(): void;
  /** SIGKILL, and waits until it has gone. */
  kill(): Promise<void>;
}

/** `folder` gets its data. */
export async function startOwnRedis(folder: string): Promise<OwnRedis> {
  const [program] = await findPrograms([redisProgram], () => undefined);
  if (program === undefined) throw new Error('There is no program of Redis.');
  await mkdir(pidFolder(folder), { recursive: true });
  await giveOwnPorts(folder);
  const { redis: port } = await choosePorts(folder);
  const running = await startGuarded(await redisServer({ program, folder, port }), folder);
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => { process.kill(running.pid, 'SIGSTOP'); },
    thaw: () => { process.kill(running.pid, 'SIGCONT'); },
    kill: async () => { running.kill(); await running.exited; },
  };
}
