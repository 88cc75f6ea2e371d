/** npm run up: the whole of Gangway on this machine, with the servers it needs and the configuration does not name. */
import { ConfigurationError } from '../domain/configuration-error.ts';
import type { Configuration } from '../service/configuration.ts';
import { optionsOrEnd } from './arguments.ts';
import { developmentToken } from './development-token.ts';
import { readyToStart } from './doctor/before-start.ts';
import { PlainError } from './embedded/plain-error.ts';
import { codecPathKey, developmentCodecKeys, developmentKey } from './embedded/secrets.ts';
import { startServers, type EmbeddedServers } from './embedded/servers.ts';
import { onInterruption, type Interruption } from './up/interruption.ts';
import { removeRunFile, writeRunFile } from './up/run-file.ts';
import { progress, say, sayReady } from './up/terminal.ts';

const tokenTtlSeconds = 12 * 3_600;

/** What runs, in the order it came up; stopped from the end. */
interface Up {
  servers?: EmbeddedServers;
  service?: { readonly url: string; stop(): Promise<void> };
  starting: Promise<void>;
}

async function start(up: Up, configuration: Configuration, folder: string, interruption: Interruption): Promise<void> {
  const service = import('../service/service.ts');      // read and compiled while the servers start
  service.catch(() => {});                      // reported by the await below
  const refresh = () => {
    if (up.servers && up.service) writeRunFile(folder, up.service.url, up.servers).catch(fail);
  };
  const codec = await codecSecrets(configuration, folder);
  const options = { signal: interruption.signal, onBack: refresh, temporal: uiCodec(configuration, codec.codecPathKey) };
  const servers = await startServers({ configuration, folder, log: progress, options });
  up.servers = servers;
  interruption.signal.throwIfAborted();

  const serviceBegan = performance.now();
  const key = configuration.JWKS_URL === undefined ? await developmentKey(folder) : null;
  const { startService } = await service;
  const running = await startService({ configuration, urls: servers.urls, developmentKey: key, ...codec });
  up.service = running;
  interruption.signal.throwIfAborted();
  progress(`${'Service'.padEnd(11)} ready, ${((performance.now() - serviceBegan) / 1_000).toFixed(1)} s`);

  await writeRunFile(folder, running.url, servers);
  const person = { tenant: 'acme', sub: 'ana', roles: ['user'], ttlSeconds: tokenTtlSeconds } as const;
  const token = key && await developmentToken(person, key, configuration);
  const seconds = performance.now() / 1_000;    // since the start of the process: what the person waited
  sayReady({ configuration, url: configuration.PUBLIC_URL ?? running.url, urls: servers.urls, token, seconds });
}

/** Keys of the codec; the path for the Web UI only where that is ours. */
async function codecSecrets(configuration: Configuration, folder: string): Promise<{ codecKeys: string; codecPathKey?: string }> {
  const codecKeys = configuration.GANGWAY_CODEC_KEYS ?? await developmentCodecKeys(folder);
  return configuration.TEMPORAL_ADDRESS === undefined ? { codecKeys, codecPathKey: await codecPathKey(folder) } : { codecKeys };
}

/**
 * Where the embedded Web UI has payloads decoded. It starts before the service, so it needs a port that is known by then,
 * and an address under which the browser of this machine comes from the loopback interface.
 */
function uiCodec({ HOST, PORT }: Configuration, key: string | undefined): { uiCodecEndpoint?: string } {
  const local = HOST === '0.0.0.0' || HOST === 'localhost' || HOST.startsWith('127.');
  return key === undefined || PORT === 0 || !local ? {} : {
    uiCodecEndpoint: `http://${HOST === '0.0.0.0' ? '127.0.0.1' : HOST}:${PORT}/codec/${key}`,
  };
}

/** Service first (requests and tasks finish), then the servers it needs. */
async function stop(up: Up, folder: string): Promise<void> {
  await up.starting.catch(() => {});            // interrupted while starting: it ends by itself at the next step
  await up.service?.stop();
  await up.servers?.stop();
  await removeRunFile(folder);
}

/** One plain sentence; the stack only for those who ask for it. */
function fail(error: unknown): never {
  const plain = error instanceof PlainError || error instanceof ConfigurationError;
  const detailed = /^(debug|trace)$/.test(process.env['LOG_LEVEL'] ?? '');
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${plain ? message : `Gangway could not start: ${message}`}\n`);
  if (detailed && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  process.exit(1);
}

const usage = `Usage: npm run up
  Takes no arguments. Settings are environment variables (docs/configuration.md), for example: PORT=9000 npm run up`;

async function main(): Promise<void> {
  optionsOrEnd(usage, {});
  const { configuration, folder, lock, notes } = await readyToStart(process.env);
  process.stdout.on('error', () => {});         // the terminal may be closed before we are
  say('Starting Gangway …');
  for (const note of notes) progress(note);

  const up: Up = { starting: Promise.resolve() };
  const interruption = onInterruption(
    () => {
      say('\nStopping …');
      stop(up, folder).then(() => { lock.release(); process.exit(0); }, fail);
    },
    () => {
      up.servers?.kill();
      process.exit(130);
    },
  );
  up.starting = start(up, configuration, folder, interruption);
  try {
    await up.starting;
  } catch (error) {
    if (interruption.signal.aborted) return;    // the interruption goes on to stop what had started
    await up.servers?.stop();
    throw error;
  }
}

await main().catch(fail);
