/**
 * npm run --silent temporal -- workflow list …: Temporal's command line on the Gangway that runs on the data folder: its program, its
 * address, and the codec endpoint by which payloads are shown and arguments sealed.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../service/configuration.ts';
import { readConfiguration } from '../service/environment.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { PlainError, systemCode } from './embedded/plain-error.ts';
import { codecPathKey } from './embedded/secrets.ts';

const RunFile = z.object({
  url: z.string(), urls: z.object({ temporalAddress: z.string(), temporalProgram: z.string().optional() }),
});

interface CommandLine { readonly program: string; readonly env: Readonly<Record<string, string>> }

/** Throws PlainError when nothing runs there. */
async function commandLine(configuration: Configuration): Promise<CommandLine> {
  const folder = dataFolder(configuration);
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw new PlainError(`No Gangway runs on ${configuration.GANGWAY_DATA}: start it with npm run up.`);
    throw error;
  });
  const { url, urls } = RunFile.parse(JSON.parse(text));
  const env = { TEMPORAL_ADDRESS: urls.temporalAddress, TEMPORAL_NAMESPACE: configuration.TEMPORAL_NAMESPACE };
  // of a Temporal of your own the program is on PATH, and its codec endpoint wants a credential
  if (urls.temporalProgram === undefined) return { program: 'temporal', env };
  return { program: urls.temporalProgram, env: { ...env, TEMPORAL_CODEC_ENDPOINT: `${url}/codec/${await codecPathKey(folder)}` } };
}

try {
  const { program, env } = await commandLine(readConfiguration(process.env));
  const running = spawn(program, process.argv.slice(2), { stdio: 'inherit', env: { ...process.env, ...env } });
  running.once('error', () => { fail(new PlainError(`The program ${program} cannot be started: put Temporal's command line on PATH.`)); });
  running.once('exit', (code) => { process.exitCode = code ?? 1; });
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
