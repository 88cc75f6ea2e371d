/**
 * npm run uploads:verify: rehashes every uploaded file and names what is missing, changed, or belongs to nobody. Ends with code 1 when
 * there is any. Of the Gangway that runs on the data folder, or on the stores that are named by URL.
 */
import { createChunkSealer } from '../encryption/sealed-chunks.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import { readConfiguration } from '../service/environment.ts';
import { fileStoreSettings } from '../service/settings.ts';
import { chosenFileStore } from '../stores/files/chosen.ts';
import { openDatabase } from '../stores/postgres/database.ts';
import { verifyUploads } from '../uploads/verifying.ts';
import { optionsOrEnd } from './arguments.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { codecKeys, databaseUrl } from './stores-of.ts';

const timeoutMs = 30_000;

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
