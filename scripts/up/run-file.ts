/** DATA/run.json: where the running Gangway is, for tests, benches and people's scripts. No passwords in it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedServers } from '../embedded/servers.ts';

export async function writeRunFile(folder: string, url: string, servers: EmbeddedServers): Promise<void> {
  const { temporalAddress, temporalProgram, temporalUiUrl, redisUrl, databaseUrl, clickhouse } = servers.urls;
  const content = {
    pid: process.pid, url, temporalUiUrl,
    urls: {
      temporalAddress, temporalProgram, redisUrl: withoutPassword(redisUrl), databaseUrl: withoutPassword(databaseUrl),
      clickhouse: 'url' in clickhouse ? { url: withoutPassword(clickhouse.url) } : clickhouse,
    },
    pids: servers.pids,
  };
  await writeFile(join(folder, 'run.json'), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

export async function removeRunFile(folder: string): Promise<void> {
  await rm(join(folder, 'run.json'), { force: true });
}

function withoutPassword(address: string): string {
  if (!URL.canParse(address)) return '';
  const url = new URL(address);
  url.password = '';
  for (const name of [...url.searchParams.keys()]) if (/pass/i.test(name)) url.searchParams.delete(name);
  return url.href;
}
