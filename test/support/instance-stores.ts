/** The stores of a running instance, for tests that look behind the API. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgresPassword } from '../../scripts/embedded/secrets.ts';
import { openDatabase, type Database } from '../../stores/postgres/database.ts';
import type { StoreAddresses } from '../../service/addresses.ts';
import type { InstanceAddress, RunFile } from './instance.ts';

/** How the names of schemas begin that tests make: the service knows nothing of them. */
export const testSchemas = 'test_';

export async function runFileOf(instance: InstanceAddress): Promise<RunFile> {
  return JSON.parse(await readFile(join(instance.folder, 'run.json'), 'utf8')) as RunFile;
}

/** Addresses with the password; ClickHouse in a folder of the caller's, since one process owns a folder. */
export async function storesOf(instance: InstanceAddress, clickhousePath: string): Promise<StoreAddresses> {
  const { urls } = await runFileOf(instance);
  const databaseUrl = new URL(urls.databaseUrl);
  databaseUrl.password = await postgresPassword(instance.folder);
  return {
    temporalAddress: urls.temporalAddress, temporalUiUrl: null, redisUrl: urls.redisUrl, databaseUrl: databaseUrl.href,
    clickhouse: { path: clickhousePath },
  };
}

export async function databaseOf(instance: InstanceAddress): Promise<Database> {
  const { databaseUrl } = await storesOf(instance, '');
  // some fill tables with ten thousands of rows
  return openDatabase({ url: databaseUrl, timeoutMs: 120_000, connections: 2 });
}
