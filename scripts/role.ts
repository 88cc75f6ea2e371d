/**
 * npm run api, npm run worker: one role of Gangway against stores that are named by URL, as many processes of each as it
 * takes. Nothing is started beside it, and no secret is made: what one process made up the others would not know.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startService, type Service } from '../service/service.ts';
import { clickhouseAt, type StoreAddresses } from '../service/addresses.ts';
import { ConfigurationError } from '../domain/configuration-error.ts';
import type { Configuration } from '../service/configuration.ts';
import { examineEnvironment } from '../service/environment.ts';
import { endWithUsage, UsageError } from './arguments.ts';
import { namedStoreFindings, parted, refusal } from './doctor/before-start.ts';
import { portFinding } from './doctor/port.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { PlainError } from './embedded/plain-error.ts';
import { developmentKey } from './embedded/secrets.ts';
import { onInterruption } from './up/interruption.ts';

type RoleName = 'api' | 'worker';

const addresses = ['TEMPORAL_ADDRESS', 'REDIS_URL', 'DATABASE_URL', 'CLICKHOUSE_URL'] as const;

const usage = `Usage: npm run api, or npm run worker
  Takes no arguments. Settings are environment variables (docs/deployment.md).`;

function roleName([given, ...more]: readonly string[]): RoleName {
  if ((given === 'api' || given === 'worker') && more.length === 0) return given;
  endWithUsage(new UsageError(more.length > 0 ? `${more.join(' ')} is not known here.` : 'The role is missing.'), usage);
}

/** Where the stores are, or one sentence that names everything that is missing. */
function addressesOf(role: RoleName, configuration: Configuration, keyFile: string): StoreAddresses | string {
  const { TEMPORAL_ADDRESS: temporalAddress, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, CLICKHOUSE_URL: clickhouse } = configuration;
  const named = role === 'api' ? 'JWKS_URL' : 'GANGWAY_PSEUDONYM_KEY';
  const missing: string[] = [...addresses, 'GANGWAY_CODEC_KEYS' as const].filter((name) => configuration[name] === undefined);
  if (configuration[named] === undefined && !existsSync(keyFile)) {
    missing.push(`${named} (or the development key ${keyFile}, which npm run token makes)`);
  }
  if (
    missing.length === 0 && temporalAddress !== undefined && redisUrl !== undefined && databaseUrl !== undefined
      && clickhouse !== undefined
  ) {
    return { temporalAddress, temporalUiUrl: null, redisUrl, databaseUrl, clickhouse: clickhouseAt(clickhouse) };
  }
  return `npm run ${role} needs ${missing.join(', ')}. Set what is missing (docs/deployment.md), or start everything on this machine by ` +
    'npm run up.';
}

/** Throws one PlainError with all that is wrong; returns what is missing and keeps nothing from starting as well. */
async function checked(role: RoleName, keyFile: (folder: string) => string) {
  const { configuration, faults } = examineEnvironment(process.env);
  const folder = dataFolder(configuration);
  const urls = addressesOf(role, configuration, keyFile(folder));
  const findings = [...role === 'api' ? [await portFinding(configuration)] : [], ...await namedStoreFindings(configuration)];
  const { wrong, notes } = parted(findings);
  if (faults.length > 0 || wrong.length > 0 || typeof urls === 'string') {
    throw new PlainError([refusal(faults, wrong), ...(typeof urls === 'string' ? [urls] : [])].filter((part) => part !== '').join('\n'));
  }
  return { configuration, folder, urls, notes };
}

const aliveMs = 2_000;

/**
 * A worker has no port that could be asked: it touches a file while it runs (for a container's health check), and when it
 * has ended by itself the process ends too, for whatever starts it again. Returns the stopper.
 */
function keepAlive(service: Service, file: string): () => Promise<void> {
  const touch = (): void => {
    if (!service.isRunning()) fail(new PlainError('The worker has ended by itself.'));
    writeFile(file, '').catch(() => undefined);
  };
  touch();
  const timer = setInterval(touch, aliveMs);
  return async () => {
    clearInterval(timer);
    await rm(file, { force: true });
  };
}

function fail(error: unknown): never {
  const plain = error instanceof PlainError || error instanceof ConfigurationError;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${plain ? message : `Gangway could not start: ${message}`}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const role = roleName(process.argv.slice(2));
  const developmentKeyFile = (folder: string): string => join(folder, 'secrets', 'jwt.key');
  const { configuration, folder, urls, notes } = await checked(role, developmentKeyFile);
  for (const note of notes) process.stderr.write(`${note}\n`);
  const keyFile = developmentKeyFile(folder);
  const key = configuration.JWKS_URL === undefined && existsSync(keyFile) ? await developmentKey(folder) : null;

  const up: { service?: Service; stopTouching?: () => Promise<void> } = {};
  const starting = startService({ configuration, urls, developmentKey: key, roles: [role] });
  const stop = async (): Promise<void> => {
    await starting.catch(() => undefined);      // interrupted while starting: it is stopped as soon as it has started
    await up.stopTouching?.();
    await up.service?.stop();
  };
  onInterruption(() => { stop().then(() => { process.exit(0); }, fail); }, () => { process.exit(130); });
  up.service = await starting;
  if (role === 'worker') {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    up.stopTouching = keepAlive(up.service, join(folder, `worker-${process.pid}.alive`));
  }
  process.stdout.write(role === 'api' ? `API ready on ${up.service.url}\n` : 'Worker ready\n');
  if (up.service.metricsPort !== null) process.stdout.write(`Metrics on http://${configuration.HOST}:${up.service.metricsPort}/metrics\n`);
}

await main().catch(fail);
