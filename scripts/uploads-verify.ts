/**
 * npm run uploads:verify: rehashes every uploaded file and names what is missing, changed, or belongs to nobody. Ends with code 1 when
 * there is any. Of the Gangway that runs on the data folder, or on the stores that are named by URL.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createChunkSealer } from '../encryption/sealed-chunks.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import type { Configuration } from '../service/configuration.ts';
import { readConfiguration } from '../service/environment.ts';
import { fileStoreSettings } from '../service/settings.ts';
import { chosenFileStore } from '../stores/files/chosen.ts';
import { openDatabase } from '../stores/postgres/database.ts';
import { verifyUploads } from '../uploads/verifying.ts';
import { optionsOrEnd } from './arguments.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { PlainError, systemCode } from './embedded/plain-error.ts';
import { codecKeyFile, developmentCodecKeys, postgresPassword } from './embedded/secrets.ts';

const RunFile = z.object({ urls: z.object({ databaseUrl: z.string() }) });
const timeoutMs = 30_000;

/** Throws PlainError when nothing runs there. */
async function databaseUrl(configuration: Configuration, folder: string): Promise<string> {
  if (configuration.DATABASE_URL !== undefined) return configuration.DATABASE_URL;
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new PlainError(`No Gangway runs on ${configuration.GANGWAY_DATA}: start it with npm run up, or name its stores by URL.`);
  });
  const url = new URL(RunFile.parse(JSON.parse(text)).urls.databaseUrl);
  url.password = await postgresPassword(folder);
  return url.href;
}

async function codecKeys({ GANGWAY_CODEC_KEYS: keys }: Configuration, folder: string): Promise<string> {
  if (keys !== undefined) return keys;
  // one that was made now would open nothing
  if (!existsSync(codecKeyFile(folder))) throw new PlainError(`GANGWAY_CODEC_KEYS is not set, and there is no ${codecKeyFile(folder)}.`);
  return developmentCodecKeys(folder);
}

optionsOrEnd('Usage: npm run uploads:verify\n  Takes no arguments. Settings are those of the Gangway whose files they are.', {});
try {
  const configuration = readConfiguration(process.env);
  const folder = dataFolder(configuration);
  const db = openDatabase({ url: await databaseUrl(configuration, folder), timeoutMs, connections: 1 });
  const sealer = createChunkSealer(readCodecKeys(await codecKeys(configuration, folder)));
  const files = await chosenFileStore(fileStoreSettings(configuration), sealer);
  try {
    let [whole, faults] = [0, 0];
    for await (const { kind, key } of verifyUploads(db, files, Date.now())) {
      if (kind === 'ok') whole += 1;
      else {
        faults += 1;
        process.stdout.write(`${kind} ${key}\n`);
      }
    }
    process.stdout.write(`${whole} files are what they were, ${faults} are not\n`);
    if (faults > 0) process.exitCode = 1;
  } finally {
    files.close();
    await db.close();
  }
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
