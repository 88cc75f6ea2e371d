/** Composes the product from its parts: stores, worker and API, one process or one role of it. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import pino, { type Logger } from 'pino';
import { inputMistakes, inputSchema } from '../activities/tasks.ts';
import { symbolsMax } from '../analytics/history.ts';
import { userKey } from '../analytics/intake/session-row.ts';
import { Authentication } from '../api/authentication.ts';
import { frames } from '../api/error-translation.ts';
import { addressReader } from '../api/limits/address.ts';
import { IdentityKeys } from '../api/identity-keys.ts';
import { LiveReports } from '../api/live-reports.ts';
import { PeopleSeen } from '../api/people-seen.ts';
import { ReadinessCheck } from '../api/readiness.ts';
import { RedriveStreams } from '../api/redrive-streams.ts';
import { routes } from '../api/routes/index.ts';
import { ApiServer, type ServerOptions } from '../api/server.ts';
import type { Services } from '../api/services.ts';
import { readWebFiles } from '../api/web-pages.ts';
import { SessionTokens } from '../api/session-tokens.ts';
import { SessionStreams } from '../api/session-streams.ts';
import { StreamPlaces } from '../api/stream-places.ts';
import { StreamTickets } from '../api/stream-tickets.ts';
import { ConfigurationError } from '../domain/configuration-error.ts';
import type { FlowRules } from '../domain/flow.ts';
import { createChunkSealer, unsealedChunks } from '../encryption/sealed-chunks.ts';
import { codecKeysSetting, createSealer, readCodecKeys, unsealed, type CodecKeys } from '../encryption/sealer.ts';
import { connectEngine, engineAnswers, registerSearchAttributes } from '../engine/connection.ts';
import { hasRoom } from '../engine/disk-room.ts';
import { ParkedTasks } from '../engine/parked-tasks.ts';
import { SessionRevival } from '../engine/session-revival.ts';
import { sessionRuns } from '../engine/session-runs.ts';
import { Sessions } from '../engine/sessions.ts';
import { uploadNotes } from '../engine/upload-notes.ts';
import { createUploadWorkflows } from '../engine/upload-workflows.ts';
import { loadFlowFolder } from '../flows/files.ts';
import { openFlowRegistry, flowQuestions, type FlowRegistry } from '../flows/registry.ts';
import { listenForMetrics } from '../metrics/listener.ts';
import { createMetrics, type Metrics } from '../metrics/metrics.ts';
import { Breakers } from '../outside/breakers/registry.ts';
import { Outside } from '../outside/outside.ts';
import { chosenChangeTarget } from '../stores/change-target/chosen.ts';
import { migrateClickHouse, openClickHouse, type ClickHouse } from '../stores/clickhouse/client.ts';
import { DataThrough } from '../stores/data-through.ts';
import { chosenFileStore } from '../stores/files/chosen.ts';
import type { FileStore } from '../stores/files/port.ts';
import { settleCutOffAudits } from '../stores/postgres/audit.ts';
import { settleCodecKeys } from '../stores/postgres/codec-keys.ts';
import { isBoundByPolicies, openDatabase, type Database } from '../stores/postgres/database.ts';
import { forgetKeys } from '../stores/postgres/idempotency-keys.ts';
import { noteQuotas } from '../stores/postgres/limits-in-force.ts';
import { migrateDatabase } from '../stores/postgres/migrations.ts';
import { notePeople } from '../stores/postgres/people.ts';
import { forgetResumeLinks } from '../stores/postgres/resume-links.ts';
import { HistorySymbols } from '../stores/postgres/session-histories.ts';
import { openTaskCount } from '../stores/postgres/task-reports.ts';
import { openRedis } from '../stores/redis/client.ts';
import { createHotCopies } from '../stores/redis/hot-copies.ts';
import { Limiter } from '../stores/redis/limits/limiter.ts';
import { ReportCache } from '../stores/redis/reports/report-cache.ts';
import { ReportListener } from '../stores/redis/reports/report-listener.ts';
import { quotasOf, resourcesOf } from '../stores/redis/limits/policy.ts';
import { createSessionSignals, SessionListener } from '../stores/redis/session-signals.ts';
import { createTickets } from '../stores/redis/tickets.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { StuckWorkflows } from '../engine/stuck-workflows.ts';
import { resumeUrl } from '../domain/resume-link.ts';
import { judgeDeclared } from '../uploads/content/declared.ts';
import { judgeContent } from '../uploads/content/judge.ts';
import { sweepUploads } from '../uploads/sweeping.ts';
import { Uploads } from '../uploads/uploads.ts';
import { searchAttributeNames } from '../workflows/search-attributes.ts';
import type { StoreAddresses } from './addresses.ts';
import { healCommand } from './heal-command.ts';
import type { Configuration } from './configuration.ts';
import {
  allowsPrivate, breakerNumbers, changeTargetSettings, fileStoreSettings, limitSettings, lookingLimits, lostKeys, receiverSettings,
  serverSettings, sessionLimits, uploadSettings,
} from './settings.ts';
import { webBundle } from './web-bundle.ts';
import { propertySealer, pseudonymKey } from './pseudonyms.ts';
import { startWorkerRole } from './worker-role.ts';

export interface ServiceOptions {
  readonly configuration: Configuration;
  readonly urls: StoreAddresses;
  /** HS256 key of development tokens; null when JWKS_URL is set. */
  readonly developmentKey: Uint8Array | null;
  /** Keys in the form of GANGWAY_CODEC_KEYS; without them that setting counts. null: nothing is encrypted, for measuring only. */
  readonly codecKeys?: string | null;
  /** Secret in the path of the codec endpoint for the Temporal Web UI on this machine; without it there is no such path. */
  readonly codecPathKey?: string;
  readonly roles?: readonly ('api' | 'worker')[];
  readonly guards?: ServerOptions['guards'];
}

export interface Service {
  /** Of the API; '' without that role. */
  readonly url: string;
  /** Of the listener for /metrics; null without GANGWAY_METRICS_PORT. */
  readonly metricsPort: number | null;
  /** false: the worker of this process has ended by itself, and only a new process helps. */
  readonly isRunning: () => boolean;
  stop(): Promise<void>;
}

/** Resolves when the service takes requests. Rejects, with everything it had opened closed again, when it cannot. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    return { ...await compose(options, (close) => { closing.push(close); }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(options: ServiceOptions, onStop: (close: () => Promise<void>) => void): Promise<Omit<Service, 'stop'>> {
  const { configuration, urls, developmentKey, roles = ['api', 'worker'] } = options;
  const log = pino(
    { level: configuration.LOG_LEVEL, base: null, redact: ['authorization', 'token', '*.authorization', '*.token'] }, pino.destination(2),
  );
  // made, where it is not yet, while the rest starts
  const web = roles.includes('api') ? webBundle().then(readWebFiles) : Promise.resolve(new Map());
  web.catch(() => undefined);
  const metrics = createMetrics();
  const breakers = new Breakers(breakerNumbers(configuration), metrics.breakerChanged);
  metrics.watchBreakers(() => breakers.list());
  const metricsPort = await openMetrics(configuration, metrics, log, onStop);
  const outside = new Outside({ breakers, allowPrivate: allowsPrivate(configuration), now: Date.now });
  const stores = await openStores(configuration, urls, keysOf(options), log, onStop);
  metrics.watchDeadLetters(() => openTaskCount(stores.db));
  const shipped = await loadFlowFolder(fileURLToPath(new URL('../flows/', import.meta.url)));
  const flows = await openFlowRegistry({ db: stores.db, shipped, now: () => performance.now() });
  const { client, openClient, connection } = await connectEngine({
    address: urls.temporalAddress, namespace: configuration.TEMPORAL_NAMESPACE, apiKey: configuration.TEMPORAL_API_KEY,
    sealer: stores.sealer,
  });
  onStop(() => connection.close());
  await registerSearchAttributes(connection, configuration.TEMPORAL_NAMESPACE, searchAttributeNames);

  const limits = {
    limiter: limiterOf(configuration, stores.redis, { breakers, metrics, log }), resources: resourcesOf(limitSettings(configuration)),
    breakers,
  };
  if (roles.includes('api')) await noteQuotas(stores.db, quotasOf(limits.resources));
  const rulesOf = async (tenant: string, flowId: string, version: number): Promise<FlowRules> => (
    await flows.version(tenant, flowId, version)
  ).rules;
  const engine = {
    taskQueue: configuration.GANGWAY_TASK_QUEUE, timeoutMs: configuration.GANGWAY_ENGINE_TIMEOUT_MS, db: stores.db,
    sealer: stores.sealer,
  };
  const revival = new SessionRevival({
    ...engine, client, rulesOf, limits: sessionLimits(configuration), terminated: configuration.GANGWAY_TERMINATED, now: Date.now,
  });
  const stuck = new StuckWorkflows({ ...engine, client, now: () => performance.now() });
  metrics.watchStuck(() => stuck.count());
  let url = configuration.PUBLIC_URL ?? `http://${configuration.HOST}:${configuration.PORT}`;
  const changeTarget = chosenChangeTarget(changeTargetSettings(configuration), outside);
  const uploadWorkflows = createUploadWorkflows({ ...engine, client, limits: lookingLimits(configuration), newId: randomUUID });
  const worker = !roles.includes('worker') ? null : await startWorkerRole({
    configuration, temporalAddress: urls.temporalAddress, client, revival,
    engineAnswers: (patienceMs) => engineAnswers(connection, patienceMs), stuck, uploadWorkflows, stores, flows, changeTarget,
    limits, outside, metrics, developmentKey, linkKey: linkKey(keysOf(options)), publicUrl: () => url, log,
  }, onStop);
  const isRunning = worker?.isRunning ?? (() => true);
  if (!roles.includes('api')) return { url: '', metricsPort, isRunning };

  const temporalUiUrl = urls.temporalUiUrl ?? configuration.TEMPORAL_UI_URL ?? null;
  const sessions = new Sessions({
    ...engine, client: openClient, revival,
    inFlightPerSession: configuration.GANGWAY_IN_FLIGHT_PER_SESSION, limits: sessionLimits(configuration), hotCopies: stores.hotCopies,
    onChange: (session) => {
      stores.signals.publish([session]).catch(() => { log.debug('streams ask by the clock: Redis does not answer'); });
    },
  });
  const tasks = new ParkedTasks({
    ...engine, client: openClient, closedRuns: client, inFlightPerTask: configuration.GANGWAY_IN_FLIGHT_PER_SESSION,
    onRowBehind: () => { log.warn('the row of a task follows later: PostgreSQL does not answer'); },
  });
  const listener = new SessionListener(urls.redisUrl);
  onStop(() => listener.close());
  const places = new StreamPlaces({
    streamsMax: configuration.GANGWAY_STREAMS, streamsPerPersonMax: configuration.GANGWAY_STREAMS_PER_PERSON,
  });
  const streams = new SessionStreams({
    sessions, flows, signals: listener, places, pollMs: configuration.GANGWAY_STREAM_POLL_MS, now: Date.now,
  });
  const uploads = new Uploads({
    ...uploadSettings(configuration), ...stores, limiter: limits.limiter, photos: limits.resources.photo_uploads,
    judge: { judgeDeclared, judgeContent }, metrics,
    sessions: uploadNotes(sessions), inspections: uploadWorkflows,
    onLeft: (what, error) => { log.warn({ err: frames(error) }, what); },
  });
  const identity = await identityKeys(configuration, log, onStop);
  const engineFolder = urls.temporalFolder;
  const readiness = new ReadinessCheck({
    askEngine: (patienceMs) => engineAnswers(connection, patienceMs),
    engineRoom: engineFolder === undefined ? null : () => hasRoom(engineFolder),
    db: stores.db, redis: stores.redis, clickhouse: stores.clickhouse, files: stores.files,
    taskQueue: configuration.GANGWAY_TASK_QUEUE, ownWorker: worker?.isRunning ?? null, stuck: () => stuck.count(),
    identity: identity === null ? null : () => identity.state, now: Date.now,
  });
  const people = new PeopleSeen({
    store: (seen) => notePeople(stores.db, seen), retryMs: 1_000,
    onFailure: () => { log.debug('roles of people are noted later: PostgreSQL does not answer'); },
  });
  onStop(() => people.close());
  const sessionTokens = new SessionTokens({
    keys: keysOf(options), audience: configuration.JWT_AUDIENCE, ttlSeconds: configuration.GANGWAY_RESUME_TOKEN_SECONDS, now: Date.now,
  });
  const server = new ApiServer({
    services: {
      sessions, streams, uploads, flows, changes: { target: changeTarget, areTold: receiverSettings(configuration) !== null },
      deadLetters: {
        tasks, inputMistakes, inputSchema, capacity: configuration.GANGWAY_DLQ_CAPACITY,
        redrives: new RedriveStreams({ tasks, places, now: Date.now }),
      },
      reports: reportsOf(options, { stores, places, metrics, log }, onStop), limits, stores,
      intake: intakeOf(configuration, stores, developmentKey, flows),
      resumeLinks: {
        tokens: sessionTokens, seconds: configuration.GANGWAY_RESUME_TOKEN_SECONDS,
        urlOf: (secret) => resumeUrl(url, secret),
      },
      stuck,
      healCommand: healCommand({
        address: urls.temporalAddress, namespace: configuration.TEMPORAL_NAMESPACE, program: urls.temporalProgram ?? null,
      }),
      sessionRuns: (tenant, id) => sessionRuns({ client, timeoutMs: engine.timeoutMs }, tenant, id),
      temporalLink: workflowLink(temporalUiUrl, configuration.TEMPORAL_NAMESPACE), log, now: Date.now,
    },
    settings: serverSettings(configuration), routes, metrics,
    authentication: new Authentication({
      issuer: configuration.JWT_ISSUER, audience: configuration.JWT_AUDIENCE, identity, developmentKey, sessionTokens,
      db: stores.db, onVerified: (seen) => { people.note(seen); }, now: Date.now,
    }),
    tickets: new StreamTickets(createTickets(stores.redis, stores.sealer)),
    addressOf: addressReader(configuration.TRUSTED_PROXIES), health: { readiness: () => readiness.check() }, web: await web,
    codec: { pathKey: options.codecPathKey ?? null, uiOrigin: originOf(temporalUiUrl) },
    ...(options.guards === undefined ? {} : { guards: options.guards }),
  });
  const port = await server.listen(configuration.HOST, configuration.PORT);
  url = configuration.PUBLIC_URL ?? `http://${configuration.HOST}:${port}`;
  onStop(sweepLeftUploads(stores, configuration.GANGWAY_UPLOAD_SWEEP_SECONDS * 1_000, log));
  onStop(sweepKeys(stores.db, configuration.GANGWAY_IDEMPOTENCY_HOURS, log));
  onStop(async () => {
    readiness.drain();
    await server.close(unreadyMs(configuration, roles), configuration.GANGWAY_DRAIN_SECONDS * 1_000);
  });
  return { url: `http://${configuration.HOST}:${port}`, metricsPort, isRunning };
}

/** On connections of its own: a large report must not hold up what counts requests. */
function reportsOf(
  { configuration, urls }: ServiceOptions,
  { stores: { db, clickhouse, sealer }, places, metrics, log }: {
    readonly stores: Awaited<ReturnType<typeof openStores>>; readonly places: StreamPlaces; readonly metrics: Metrics; readonly log: Logger;
  },
  onStop: (close: () => Promise<void>) => void,
): Services['reports'] {
  const redis = openRedis({
    url: urls.redisUrl, timeoutMs: Math.max(configuration.GANGWAY_REDIS_TIMEOUT_MS, reportRedisMs),
    onError: () => { log.debug('reports are not kept: Redis does not answer'); },
  });
  const listener = new ReportListener(urls.redisUrl);
  onStop(async () => { redis.disconnect(); await listener.close(); });
  const cache = new ReportCache({
    redis, sealer, listener, now: Date.now, random: Math.random, onOutcome: metrics.reportAnswered, onRun: metrics.reportRun,
    onRefreshFailed: (error) => { log.debug({ err: frames(error) }, 'a kept report is refreshed later'); },
  });
  const behindMs = configuration.GANGWAY_FLUSH_SECONDS * 1_000;
  const live = new LiveReports({
    places, everyMs: liveMs, now: Date.now,
    onFailure: () => { log.debug('a report that is followed is worked out later: a store does not answer'); },
  });
  return { clickhouse, cache, live, dataThrough: new DataThrough({ db, redis, taskQueue: configuration.GANGWAY_TASK_QUEUE, behindMs }) };
}

/** Between two runs of a report that somebody follows. */
const liveMs = 2_500;
/** Eight megabytes take their time. */
const reportRedisMs = 500;

function intakeOf(
  configuration: Configuration, { db, clickhouse, sealer }: Awaited<ReturnType<typeof openStores>>, developmentKey: Uint8Array | null,
  flows: FlowRegistry,
): Services['intake'] {
  const key = pseudonymKey(configuration, developmentKey);
  return {
    db, clickhouse, symbols: new HistorySymbols(db, symbolsMax), properties: propertySealer(sealer),
    flowQuestions: (tenant, flow, version) => flowQuestions(flows, tenant, flow, version),
    userKey: key === null ? null : (tenant, user) => userKey(key, tenant, user), bodyBytes: configuration.GANGWAY_IMPORT_BYTES,
  };
}

/** First of all: it tells of a start that goes on for long, too. */
async function openMetrics(
  { HOST: host, GANGWAY_METRICS_PORT: port, GANGWAY_METRICS_TOKEN: token }: Configuration, metrics: Metrics, log: Logger,
  onStop: (close: () => Promise<void>) => void,
): Promise<number | null> {
  if (port === undefined) return null;
  const listener = await listenForMetrics({ host, port, metrics, token: token ?? null });
  onStop(() => listener.close());
  log.info({ port: listener.port }, 'metrics are answered');
  return listener.port;
}

/** A key server that is away does not stop the start: `/readyz` tells, and it is tried until it is there. */
async function identityKeys(
  { JWKS_URL: url, GANGWAY_JWKS_OUTAGE_SECONDS: outageSeconds }: Configuration, log: Logger, onStop: (close: () => Promise<void>) => void,
): Promise<IdentityKeys | null> {
  if (url === undefined) return null;
  const keys = new IdentityKeys({
    url, outageMs: outageSeconds * 1_000,
    onFailure: (error) => { log.warn({ err: frames(error) }, 'the keys of the identity provider cannot be fetched'); },
  });
  onStop(() => keys.close());
  await keys.start();
  return keys;
}

async function openStores(
  configuration: Configuration, urls: StoreAddresses, keys: CodecKeys | null, log: Logger, onStop: (close: () => Promise<void>) => void,
) {
  // migrations may wait for another process that runs them, requests may not
  const migrating = openDatabase({ url: urls.databaseUrl, timeoutMs: 60_000, connections: 1 });
  try {
    await migrateDatabase(migrating);
    if (keys !== null) await settleKeys(migrating, keys, configuration, log);
    if (!await isBoundByPolicies(migrating)) {
      log.warn(
        'DATABASE_URL names a superuser or a role with BYPASSRLS: row-level security does not bind it. Use a plain role that owns the ' +
        'tables.',
      );
    }
  } finally {
    await migrating.close();
  }
  const db = openDatabase({
    url: urls.databaseUrl, timeoutMs: configuration.GANGWAY_DATABASE_TIMEOUT_MS,
    onError: () => { log.debug('a PostgreSQL connection broke'); },
  });
  onStop(() => db.close());
  const redis = openRedis({
    url: urls.redisUrl, timeoutMs: configuration.GANGWAY_REDIS_TIMEOUT_MS, onError: () => { log.debug('Redis does not answer'); },
  });
  onStop(() => { redis.disconnect(); return Promise.resolve(); });
  const clickhouse = await openClickHouse(urls.clickhouse);
  onStop(() => clickhouse.close());
  onStop(await migrateAnalytics(clickhouse, log));
  const sealer = keys === null ? unsealed : createSealer(keys);
  const files = await chosenFileStore(fileStoreSettings(configuration), keys === null ? unsealedChunks : createChunkSealer(keys));
  onStop(() => { files.close(); return Promise.resolve(); });
  return { db, redis, clickhouse, files, sealer, hotCopies: createHotCopies(redis, sealer), signals: createSessionSignals(redis) };
}

/** Sessions run without ClickHouse, so its absence at start must not stop the service: the migration is tried until it is done. */
async function migrateAnalytics(clickhouse: ClickHouse, log: Logger): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  const once = async (): Promise<void> => {
    try {
      await migrateClickHouse(clickhouse);
      if (timer !== undefined) log.info('ClickHouse answers now');
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      // once, however long it lasts
      if (timer === undefined) log.warn('ClickHouse does not answer: reports answer 503 until it does');
      timer = setTimeout(
        () => { once().catch((again: unknown) => { log.error({ err: again }, 'ClickHouse cannot be migrated'); }); }, 5_000,
      );
    }
  };
  await once();
  return () => { clearTimeout(timer); return Promise.resolve(); };
}

/** One process with both roles has nobody beside it to take over: there is nothing to wait for, unless it is said. */
function unreadyMs({ GANGWAY_UNREADY_SECONDS: seconds }: Configuration, roles: readonly string[]): number {
  return (seconds ?? (roles.includes('worker') ? 0 : 5)) * 1_000;
}

/** Without encryption there is nothing to derive it from: links of one process. */
function linkKey(keys: CodecKeys | null): Uint8Array {
  return createHmac('sha256', keys?.byId.get(keys.primary) ?? randomBytes(32)).update('gangway reminder links').digest();
}

/** Where the Temporal Web UI shows a workflow. */
function workflowLink(uiUrl: string | null, namespace: string): (workflowId: string) => string | null {
  return (workflowId) => (uiUrl === null
    ? null : `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`);
}

function originOf(address: string | null): string | null {
  return address !== null && URL.canParse(address) ? new URL(address).origin : null;
}

/** null: nothing is sealed. */
function keysOf({ configuration, codecKeys = configuration.GANGWAY_CODEC_KEYS }: ServiceOptions): CodecKeys | null {
  if (codecKeys === null) return null;
  if (codecKeys === undefined) throw new ConfigurationError([`${codecKeysSetting}: has to be set where no development key is made`]);
  return readCodecKeys(codecKeys);
}

async function settleKeys(db: Database, keys: CodecKeys, configuration: Configuration, log: Logger): Promise<void> {
  const lost = await settleCodecKeys(db, keys, lostKeys(configuration));
  if (lost.length > 0) log.warn({ key_ids: lost }, 'what these keys sealed cannot be read: its sessions answer 503 key_unavailable');
}

function limiterOf(
  configuration: Configuration, redis: Redis, { breakers, metrics, log }: { breakers: Breakers; metrics: Metrics; log: Logger },
): Limiter {
  const now = (): number => performance.now();
  const breaker = breakers.store({ name: 'limiter', now });
  return new Limiter({
    redis, breaker, now, timeoutMs: configuration.GANGWAY_REDIS_TIMEOUT_MS, onDecision: metrics.limitDecided,
    onStoreError: () => { log.debug('the limiter counts in the process: Redis does not answer'); },
  });
}

/** Days after its end that a resume link is still told from one that never was. */
const linkKeepDays = 30;
/** Longer than any request lasts that is audited from its beginning: its entry would be there. */
const cutOffSeconds = 120;

/** What dead uploads have left goes, a bounded number at a time. */
function sweepLeftUploads(stores: { readonly db: Database; readonly files: FileStore }, everyMs: number, log: Logger): () => Promise<void> {
  let sweeping: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    sweeping = sweepUploads(stores.db, stores.files).catch(() => { log.debug('uploads are swept later: a store does not answer'); });
  }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await sweeping;
  };
}

/** Forgets old idempotency keys, and audits acts that were cut off, a bounded number every minute. */
function sweepKeys(db: Database, keepHours: number, log: Logger): () => Promise<void> {
  const timer = setInterval(() => {
    forgetResumeLinks(db, linkKeepDays).catch(() => { log.debug('resume links are swept later: PostgreSQL does not answer'); });
    forgetKeys(db, keepHours).catch(() => { log.debug('idempotency keys are swept later: PostgreSQL does not answer'); });
    settleCutOffAudits(db, cutOffSeconds).catch(() => {
      log.debug('acts that were cut off are audited later: PostgreSQL does not answer');
    });
  }, 60_000);
  timer.unref();
  return () => { clearInterval(timer); return Promise.resolve(); };
}
