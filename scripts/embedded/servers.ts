/** Starts the servers the configuration does not name by URL, keeps them running, and stops them. */
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreAddresses } from '../../service/addresses.ts';
import type { Configuration } from '../../service/configuration.ts';
import { EndedWhileStarting, startGuarded, type EmbeddedServer, type RunningServer, type ServerName } from './guarded.ts';
import { choosePorts, type Ports } from './ports.ts';
import { postgresServer, postgresUrl, provision, type PostgresOptions } from './postgres.ts';
import { endOrphans } from './processes.ts';
import { findPrograms } from './python.ts';
import { redisProgram, redisServer } from './redis.ts';
import { postgresPassword } from './secrets.ts';
import { keepRunning, type Kept } from './supervision.ts';
import { temporalProgram, temporalServer, type TemporalOptions } from './temporal.ts';

export interface StartOptions {
  readonly configuration: Configuration;
  /** The data folder; its lock is held by the caller. */
  readonly folder: string;
  /** One line of progress in plain words. */
  readonly log: (line: string) => void;
  readonly options?: {
    readonly temporal?: TemporalOptions;
    readonly postgres?: PostgresOptions;
    /** false: a server that dies stays dead (tests). Default true: started again on the same port, a few times. */
    readonly restart?: boolean;
    /** Told each time a server died during operation, and each time one is back. */
    readonly onExit?: (name: ServerName) => void;
    readonly onBack?: (name: ServerName) => void;
    readonly signal?: AbortSignal;
  };
}

export interface EmbeddedServers {
  readonly urls: StoreAddresses;
  /** Pids of the servers themselves (not their guards), as they are now. */
  readonly pids: Readonly<Record<string, number>>;
  /** Stops them cleanly, each within 15 s, and waits until they are gone. */
  stop(): Promise<void>;
  /** SIGKILL to all, for the second Ctrl-C. */
  kill(): void;
}

export async function startServers(start: StartOptions): Promise<EmbeddedServers> {
  await mkdir(start.folder, { recursive: true, mode: 0o700 });
  const folder = await realpath(start.folder);     // the name under which a later start recognises its processes
  const orphans = await endOrphans(folder);
  if (orphans.length > 0) start.log(`Ended what a former start left running: ${orphans.join(', ')}`);
  const password = start.configuration.DATABASE_URL === undefined ? await postgresPassword(folder) : '';
  const { running, ports } = await startAll(start, folder, password).catch((error: unknown) => {
    // a port that was free a moment ago may be somebody's now: once more, with ports that are free then
    if (error instanceof EndedWhileStarting) return startAll(start, folder, password);
    throw error;
  });
  const { restart = true, onExit, onBack } = start.options ?? {};
  const kept = running.map((server) => keepRunning(server, folder, { log: start.log, restart, onExit, onBack }));
  const [program] = running.find((server) => server.name === 'temporal')?.definition.command ?? [];
  const temporal = program === undefined ? {} : { temporalProgram: program, temporalFolder: folder };
  return embedded(kept, { ...urlsOf(start, folder, ports, password), ...temporal });
}

/** All of them on ports that are free now, or none. */
async function startAll(start: StartOptions, folder: string, password: string): Promise<{ running: Launched[]; ports: Ports }> {
  const ports = await choosePorts(folder);
  const starting = definitions(start, folder, ports, password).map(
    async (defined) => launch(await defined, start, folder, ports, password),
  );
  const results = await Promise.allSettled(starting);
  const running = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    await Promise.all(running.map((server) => server.stop()));
    throw failed.reason;
  }
  return { running, ports };
}

function embedded(kept: readonly Kept[], urls: StoreAddresses): EmbeddedServers {
  return {
    urls,
    get pids() {
      return Object.fromEntries(kept.map((server) => [server.name, server.pid()]));
    },
    async stop() {
      await Promise.all(kept.map((server) => server.stop()));
    },
    kill() {
      for (const server of kept) server.kill();
    },
  };
}

/** What has to be started, each prepared on its own so that they start side by side. */
function definitions(start: StartOptions, folder: string, ports: Ports, password: string): Promise<EmbeddedServer>[] {
  const { configuration, options, log } = start;
  const wanted = [
    ...(configuration.TEMPORAL_ADDRESS === undefined ? [temporalProgram] : []),
    ...(configuration.REDIS_URL === undefined ? [redisProgram] : []),
  ];
  const programs = findPrograms(wanted, log, options?.signal);
  const program = async (which: typeof temporalProgram) => (await programs)[wanted.indexOf(which)] ?? '';
  const servers: Promise<EmbeddedServer>[] = [];
  if (wanted.includes(temporalProgram)) {
    const namespace = configuration.TEMPORAL_NAMESPACE;
    const place = { ...options?.temporal, folder, port: ports.temporal, uiPort: ports.temporalUi, namespace };
    servers.push(program(temporalProgram).then((path) => temporalServer({ ...place, program: path })));
  }
  if (wanted.includes(redisProgram)) {
    servers.push(program(redisProgram).then((path) => redisServer({ program: path, folder, port: ports.redis })));
  }
  if (configuration.DATABASE_URL === undefined) {
    servers.push(postgresServer({ ...options?.postgres, folder, port: ports.postgres, password }));
  }
  return servers;
}

export interface Launched extends RunningServer {
  readonly definition: EmbeddedServer;
}

async function launch(
  definition: EmbeddedServer, start: StartOptions, folder: string, ports: Ports, password: string,
): Promise<Launched> {
  const began = Date.now();
  const server = await startGuarded(definition, folder, start.options?.signal);
  try {
    if (definition.name === 'postgres') await provision(folder, ports.postgres, password);
  } catch (error) {
    await server.stop();
    throw error;
  }
  start.log(`${definition.title.padEnd(11)} ready, ${((Date.now() - began) / 1_000).toFixed(1)} s`);
  return { ...server, definition };
}

function urlsOf({ configuration, options }: StartOptions, folder: string, ports: Ports, password: string): StoreAddresses {
  const ownUi = configuration.TEMPORAL_ADDRESS === undefined && options?.temporal?.ui !== false;
  return {
    temporalAddress: configuration.TEMPORAL_ADDRESS ?? `127.0.0.1:${ports.temporal}`,
    temporalUiUrl: ownUi ? `http://127.0.0.1:${ports.temporalUi}` : null,
    redisUrl: configuration.REDIS_URL ?? `redis://127.0.0.1:${ports.redis}`,
    databaseUrl: configuration.DATABASE_URL ?? postgresUrl(ports.postgres, password),
    clickhouse: configuration.CLICKHOUSE_URL === undefined
      ? { path: join(folder, 'clickhouse') } : { url: configuration.CLICKHOUSE_URL },
  };
}
