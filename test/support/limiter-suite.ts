/** For the test files of the limiter: one Redis of a file's own, and limiters on it that end with their test. */
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { newFolder } from './folders.ts';
import { limitingOn, type Limiting, type LimitingOptions } from './limiting.ts';
import { startOwnRedis, type OwnRedis } from './own-redis.ts';

export interface LimiterSuite {
  url(): string;
  /** The time-out is generous, since tests share a machine; those about the time-out give their own. */
  limiting(more?: LimitingOptions): Promise<Limiting>;
  whileFrozen(work: () => Promise<void>): Promise<void>;
  /** Redis is killed and started again. */
  restart(): Promise<void>;
}

export function limiterSuite(): LimiterSuite {
  let folder: string;
  let server: OwnRedis;
  const open: Limiting[] = [];
  beforeAll(async () => {
    folder = await newFolder();
    server = await startOwnRedis(folder);
  });
  afterEach(() => { for (const { redis } of open.splice(0)) redis.disconnect(); });
  afterAll(async () => {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    url: () => server.url,
    limiting: async (more = {}) => {
      const made = await limitingOn(server.url, { timeoutMs: 2_000, ...more });
      open.push(made);
      return made;
    },
    whileFrozen: async (work) => {
      server.freeze();
      try {
        await work();
      } finally {
        server.thaw();
      }
    },
    restart: async () => {
      await server.kill();
      server = await startOwnRedis(folder);
    },
  };
}
