/** The Gangway that runs on the data folder of this configuration. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../../service/configuration.ts';
import { dataFolder } from '../embedded/data-folder.ts';
import { PlainError, systemCode } from '../embedded/plain-error.ts';
import { developmentKey } from '../embedded/secrets.ts';

const RunFile = z.object({ url: z.string(), temporalUiUrl: z.string().nullable() });

export interface Running { readonly url: string; readonly temporalUiUrl: string | null; readonly key: Uint8Array }

const answerMs = 5_000;

/** Throws PlainError when nothing runs there, or when its tokens are not ours to make. */
export async function runningOn(configuration: Configuration): Promise<Running> {
  if (configuration.JWKS_URL !== undefined) {
    throw new PlainError('JWKS_URL is set: your identity provider makes the tokens, and the demo has none for its people.');
  }
  const folder = dataFolder(configuration);
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw notRunning(configuration);
    throw error;
  });
  const { url, temporalUiUrl } = RunFile.parse(JSON.parse(text));
  const alive = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(answerMs) }).then((response) => response.ok, () => false);
  if (!alive) throw notRunning(configuration);
  return { url, temporalUiUrl, key: await developmentKey(folder) };
}

function notRunning({ GANGWAY_DATA }: Configuration): PlainError {
  return new PlainError(`No Gangway runs on ${GANGWAY_DATA}: start it with npm run up, then run the demo in another terminal.`);
}
