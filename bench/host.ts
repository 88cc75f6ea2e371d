/**
 * The measured side, in a process of its own (started by host-process.ts): the embedded servers as users have them,
 * the service (API and worker in one process, as `npm run up` has it), and in the same process a second API that
 * differs in nothing but its guards. So both APIs share one event loop, one worker and one Temporal.
 */
import { readConfiguration } from '../service/environment.ts';
import { developmentCodecKeys, developmentKey } from '../scripts/embedded/secrets.ts';
import { dataFolder } from '../scripts/embedded/data-folder.ts';
import { lockFolder } from '../scripts/embedded/lock.ts';
import { startServers, type EmbeddedServers } from '../scripts/embedded/servers.ts';
import { startService, type Service } from '../service/service.ts';
import { startUploadRoutes, type UploadRoutes } from './uploads/routes.ts';

export interface HostReady {
  readonly url: string;
  readonly unguardedUrl: string;
  /** Of the routes that uploads are measured by (uploads/routes.ts); null unless they are asked for. */
  readonly uploadsUrl: string | null;
  readonly temporalAddress: string;
  readonly databaseUrl: string;
  readonly pids: Readonly<Record<string, number>>;
}
export type HostMessage = { readonly ready: HostReady } | { readonly failed: string };

/** Nothing listens there: this API is asked for no reports, and one process opens the ClickHouse folder once. */
const noClickHouse = { url: 'http://127.0.0.1:9' };

const running: { servers?: EmbeddedServers; services: Service[]; uploads?: UploadRoutes } = { services: [] };

async function start(): Promise<HostReady> {
  const configuration = readConfiguration(process.env);
  const folder = dataFolder(configuration);
  lockFolder(folder);
  const servers = await startServers({ configuration, folder, log: () => undefined });
  running.servers = servers;
  const common = {
    configuration, urls: servers.urls, developmentKey: await developmentKey(folder),
    codecKeys: process.env['BENCH_ENCRYPTION'] === 'off' ? null : await developmentCodecKeys(folder),
  };
  const service = await startService(common);
  running.services.push(service);
  const unguarded = await startService({
    ...common, urls: { ...servers.urls, clickhouse: noClickHouse }, roles: ['api'],
    guards: { authentication: false, limits: false },
  });
  running.services.push(unguarded);
  if (process.env['BENCH_UPLOADS'] === 'on') {
    running.uploads = await startUploadRoutes({
      configuration, ...servers.urls, folder, codecKeys: await developmentCodecKeys(folder),
    });
  }
  return {
    url: service.url, unguardedUrl: unguarded.url, uploadsUrl: running.uploads?.url ?? null,
    temporalAddress: servers.urls.temporalAddress, databaseUrl: servers.urls.databaseUrl,
    pids: { service: process.pid, ...servers.pids },
  };
}

async function stop(): Promise<void> {
  await running.uploads?.close();
  for (const service of running.services.reverse()) await service.stop();
  await running.servers?.stop();
}

function tell(message: HostMessage): void {
  process.send?.(message);
}

// the bench decides when it is over, also when it was interrupted: its end closes the channel
process.on('SIGINT', () => undefined);
process.once('disconnect', () => {
  stop().then(() => process.exit(0), () => process.exit(1));
});
start().then((ready) => { tell({ ready }); }, (error: unknown) => {
  tell({ failed: error instanceof Error ? error.message : String(error) });
});
