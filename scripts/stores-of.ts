/** Stores of the Gangway that runs on the data folder, or of the one that is named by URL, for commands beside it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../service/configuration.ts';
import { PlainError, systemCode } from './embedded/plain-error.ts';
import { codecKeyFile, developmentCodecKeys, postgresPassword } from './embedded/secrets.ts';

const RunFile = z.object({ urls: z.object({ databaseUrl: z.string() }) });

/** Throws PlainError when nothing runs there. */
export async function databaseUrl(configuration: Configuration, folder: string): Promise<string> {
  if (configuration.DATABASE_URL !== undefined) return configuration.DATABASE_URL;
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new PlainError(`No Gangway runs on ${configuration.GANGWAY_DATA}: start it with npm run up, or name its stores by URL.`);
  });
  const url = new URL(RunFile.parse(JSON.parse(text)).urls.databaseUrl);
  url.password = await postgresPassword(folder);
  return url.href;
}

export async function codecKeys({ GANGWAY_CODEC_KEYS: keys }: Configuration, folder: string): Promise<string> {
  if (keys !== undefined) return keys;
  // one that was made now would open nothing
  if (!existsSync(codecKeyFile(folder))) throw new PlainError(`GANGWAY_CODEC_KEYS is not set, and there is no ${codecKeyFile(folder)}.`);
  return developmentCodecKeys(folder);
}
