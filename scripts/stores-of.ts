/** Stores of the Gangway that runs on the data folder, or of the one that is named by URL, for commands beside it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../service/configuration.ts';
import { PlainError, systemCode } from './embedded/plain-error.ts';
import { codecKeyFile, developmentCodecKeys, developmentKey, postgresPassword } from './embedded/secrets.ts';

const RunFile = z.object({ urls: z.object({ databaseUrl: z.string(), temporalAddress: z.string() }) });

/** Throws PlainError when nothing runs there. */
async function running(configuration: Configuration, folder: string): Promise<z.output<typeof RunFile>['urls']> {
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new PlainError(`No Gangway runs on ${configuration.GANGWAY_DATA}: start it with npm run up, or name its stores by URL.`);
  });
  return RunFile.parse(JSON.parse(text)).urls;
}

/** With its password. Throws PlainError when nothing runs there. */
export async function databaseUrl(configuration: Configuration, folder: string): Promise<string> {
  if (configuration.DATABASE_URL !== undefined) return configuration.DATABASE_URL;
  const url = new URL((await running(configuration, folder)).databaseUrl);
  url.password = await postgresPassword(folder);
  return url.href;
}

/** Throws PlainError when nothing runs there. */
export async function temporalAddress(configuration: Configuration, folder: string): Promise<string> {
  return configuration.TEMPORAL_ADDRESS ?? (await running(configuration, folder)).temporalAddress;
}

/** null: with an identity provider there is none, or none was made. */
export async function keptDevelopmentKey({ JWKS_URL: jwks }: Configuration, folder: string): Promise<Uint8Array | null> {
  return jwks === undefined && existsSync(join(folder, 'secrets', 'jwt.key')) ? developmentKey(folder) : null;
}

export async function codecKeys({ GANGWAY_CODEC_KEYS: keys }: Configuration, folder: string): Promise<string> {
  if (keys !== undefined) return keys;
  // one that was made now would open nothing
  if (!existsSync(codecKeyFile(folder))) throw new PlainError(`GANGWAY_CODEC_KEYS is not set, and there is no ${codecKeyFile(folder)}.`);
  return developmentCodecKeys(folder);
}
