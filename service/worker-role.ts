/** The worker role as a whole: tasks with all they work with, schedules, and the delivery of events. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { startAnalyticsUpkeep } from '../activities/analytics-upkeep.ts';
import { alertingOf } from '../activities/alerts/alerting.ts';
import { createCopyWriter } from '../activities/copy-writer.ts';
import type { PaidModel } from '../activities/model/chat-model.ts';
import { paidModel } from '../activities/model/paid-model.ts';
import { startDelivery } from '../activities/outbox/delivery.ts';
import { parkEvent } from '../activities/outbox/park-event.ts';
import { reminders } from '../activities/outbox/reminder.ts';
import { eventReceiver } from '../activities/outbox/receiver.ts';
import type { RetriesOptions } from '../activities/retries.ts';
import { createTasks, retryOf } from '../activities/tasks.ts';
import { workerName } from '../activities/worker-name.ts';
import type { UploadWorkflows } from '../activities/upload-workflows.ts';
import { notedFlushes } from '../activities/waiting-flushes.ts';
import { symbolsMax } from '../analytics/history.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { keepSchedules } from '../engine/schedules.ts';
import type { SessionRevival } from '../engine/session-revival.ts';
import { createSessionWorkflows } from '../engine/session-workflows.ts';
import type { StuckWorkflows } from '../engine/stuck-workflows.ts';
import { workflowIdOf } from '../engine/failing-tasks.ts';
import { createTaskWorkflows } from '../engine/task-workflows.ts';
import { flowQuestions, type FlowRegistry } from '../flows/registry.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Outside } from '../outside/outside.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import { DataThrough } from '../stores/data-through.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { ErrorLog } from '../stores/postgres/error-log.ts';
import { HistorySymbols } from '../stores/postgres/session-histories.ts';
import { noteSight } from '../stores/postgres/scanner-sights.ts';
import { RecoveryLog } from '../stores/postgres/task-recoveries.ts';
import type { HotCopies } from '../stores/redis/hot-copies.ts';
import type { Limiter } from '../stores/redis/limits/limiter.ts';
import type { Resources } from '../stores/redis/limits/policy.ts';
import type { SessionSignals } from '../stores/redis/session-signals.ts';
import { keepFlushClock } from '../stores/redis/flush-clock.ts';
import { beat } from '../stores/redis/worker-heartbeat.ts';
import { Inspecting } from '../uploads/inspecting.ts';
import { createProcessing } from '../uploads/processing/processing.ts';
import { clamdScanner } from '../uploads/scanning/clamd.ts';
import { noScanner, type Scanner } from '../uploads/scanning/scanner.ts';
import { watchedScanner } from '../uploads/scanning/watched-scanner.ts';
import { parkedTaskWorkflow } from '../workflows/task-messages.ts';
import type { Configuration } from './configuration.ts';
import { propertySealer, pseudonymKey } from './pseudonyms.ts';
import {
  alertSettings, deliverySettings, modelSettings, processingSettings, receiverSettings, scannerSettings, upkeepSchedules, workerSettings,
} from './settings.ts';
import { startWorker, type RunningWorker } from './worker.ts';

export interface WorkerRoleOptions {
  readonly configuration: Configuration;
  readonly temporalAddress: string;
  readonly client: Client;
  /** Rejects when it does not answer in time. */
  readonly engineAnswers: (patienceMs: number) => Promise<boolean>;
  readonly revival: SessionRevival;
  readonly stuck: StuckWorkflows;
  readonly uploadWorkflows: UploadWorkflows;
  readonly stores: {
    readonly db: Database;
    readonly redis: Redis;
    readonly clickhouse: ClickHouse;
    readonly hotCopies: HotCopies;
    readonly files: FileStore;
    readonly signals: SessionSignals;
    readonly sealer: Sealer;
  };
  readonly flows: FlowRegistry;
  readonly changeTarget: ChangeTarget;
  readonly limits: { readonly limiter: Limiter; readonly resources: Resources };
  readonly outside: Outside;
  readonly metrics: Metrics;
  /** HS256 key of development tokens; null when JWKS_URL is set. */
  readonly developmentKey: Uint8Array | null;
  /** Makes the secrets of reminders' links. */
  readonly linkKey: Uint8Array;
  /** Where people reach the API. */
  readonly publicUrl: () => string;
  readonly log: Logger;
}

/** A flush takes less than a second where nothing is amiss, and fails after 15 s. */
const longFlushMs = 3_000;
const enginePatienceMs = 1_500;
/** A week, as a link that is asked for. */
const reminderLinkSeconds = 604_800;

type OnStop = (close: () => Promise<void>) => void;

export async function startWorkerRole(options: WorkerRoleOptions, onStop: OnStop): Promise<RunningWorker> {
  const { configuration, client, revival, stuck, uploadWorkflows, stores, flows, changeTarget, outside, log } = options;
  const settings = workerSettings(configuration);
  const { taskQueue } = settings;
  const receiver = receiverSettings(configuration);
  const rows = {
    ...stores, symbols: new HistorySymbols(stores.db, symbolsMax), pseudonymKey: requiredPseudonymKey(options),
    rulesOf: (tenant: string, flow: { readonly id: string; readonly version: number }) => (
      flows.find(tenant, flow.id, flow.version).then((found) => found?.rules ?? null)
    ),
  };
  const copies = notedFlushes(createCopyWriter({
    ...rows, log, waitMs: configuration.GANGWAY_FLUSH_BATCH_MS, maxRows: configuration.GANGWAY_FLUSH_BATCH_ROWS,
    keepEvents: receiver !== null,
  }), { db: stores.db, log, longMs: longFlushMs });
  const atEngine = { client, taskQueue, timeoutMs: configuration.GANGWAY_ENGINE_TIMEOUT_MS * 5 };
  const taskWorkflows = createTaskWorkflows(atEngine);
  const events = receiver === null ? null : eventReceiver(receiver, outside, reminders({
    db: stores.db, key: options.linkKey, publicUrl: options.publicUrl, linkSeconds: reminderLinkSeconds,
  }));
  const tasks = createTasks({
    stores, flows, copies, changeTarget, model: modelOf(options), eventReceiver: events, log,
    sessionWorkflows: createSessionWorkflows({ ...atEngine, revival }), stuck,
    reports: {
      clickhouse: stores.clickhouse,
      dataThrough: new DataThrough({ ...stores, taskQueue, behindMs: configuration.GANGWAY_FLUSH_SECONDS * 1_000 }),
    },
    uploads: {
      inspecting: new Inspecting({
        ...stores, scanner: scannerOf(options, onStop), processing: createProcessing(processingSettings(configuration)),
      }),
      files: stores.files, workflows: uploadWorkflows, keepDays: configuration.GANGWAY_UPLOAD_KEEP_DAYS,
    },
    deadLetters: {
      workflows: taskWorkflows, alerting: alertingOf(alertSettings(configuration), outside, Math.random),
      keepDays: configuration.GANGWAY_DLQ_KEEP_DAYS,
    },
  });
  const worker = await startWorker({
    settings, address: options.temporalAddress, tasks, retries: retriesOf(options, onStop), sealer: stores.sealer, log,
    failingTasks: {
      workflowIdOf: (runId) => workflowIdOf(client, runId, atEngine.timeoutMs), onFailedTask: options.metrics.workflowTaskFailed,
    },
  });
  onStop(() => worker.stop());
  await keepSchedules(client, taskQueue, upkeepSchedules(configuration));
  const reports = startAnalyticsUpkeep({
    ...rows, properties: propertySealer(stores.sealer),
    flowQuestions: (tenant, flow, version) => flowQuestions(flows, tenant, flow, version),
    keepDays: configuration.GANGWAY_HISTORY_KEEP_DAYS, log, now: Date.now,
    newId: randomUUID,
  });
  onStop(() => reports.stop());
  onStop(beat(stores.redis, taskQueue, () => worker.isRunning()));
  onStop(keepFlushClock(stores.redis, taskQueue, async () => worker.isRunning() && await options.engineAnswers(enginePatienceMs)));
  if (events !== null) {
    const park = parkEvent({ workflows: taskWorkflows, maxRetries: configuration.GANGWAY_DLQ_MANUAL_RETRIES, now: Date.now });
    const delivery = startDelivery({
      ...deliverySettings(configuration), db: stores.db, url: events.url, post: events.post, prepare: events.prepare,
      isPaused: events.isShut, park, log,
      now: Date.now, random: Math.random,
    });
    onStop(() => delivery.stop());
  }
  return worker;
}

/** Without CLAMD_URL nobody scans. One that is blind is an error of whoever runs it, and told as one. */
function scannerOf({ configuration, stores: { db }, metrics, log }: WorkerRoleOptions, onStop: OnStop): Scanner {
  const settings = scannerSettings(configuration);
  if (settings === null) return noScanner;
  const scanner = watchedScanner(clamdScanner(settings), {
    everyMs: settings.probeMs,
    onSight: (sight, why) => {
      if (sight === 'seeing') log.info('the scanner finds the EICAR text');
      else log.error({ sight, why }, 'the scanner does not find the EICAR text: uploads wait in quarantine');
    },
    onLook: (sight) => {
      noteSight(db, workerName, sight === 'unknown' ? null : sight === 'seeing').catch(() => {
        log.debug('what the scanner sees is noted with the next look: PostgreSQL does not answer');
      });
    },
  });
  metrics.watchScanner(() => scanner.sight() === 'seeing');
  onStop(() => {
    scanner.close();
    return Promise.resolve();
  });
  return scanner;
}

/** null: without CHAT_MODEL the scripted readings and the rules do everything. */
function modelOf({ configuration, limits: { limiter, resources }, outside: { breakers }, log }: WorkerRoleOptions): PaidModel | null {
  const settings = modelSettings(configuration);
  if (settings !== null) return paidModel(settings, { log, now: Date.now, limiter, resource: resources.llm_calls, breakers });
  if (configuration.OPENAI_BASE_URL !== undefined || configuration.OPENAI_API_KEY !== undefined) {
    log.info('OPENAI_BASE_URL or OPENAI_API_KEY is set but CHAT_MODEL is not: no model is used');
  }
  return null;
}

/** Retries of this worker's tasks, with what is counted and kept of their failures. */
function retriesOf(
  { configuration, stores: { db }, log, metrics, outside: { breakers } }: WorkerRoleOptions, onStop: OnStop,
): RetriesOptions {
  const errorLog = new ErrorLog({ db, log, now: Date.now });
  const recoveryLog = new RecoveryLog(db);
  onStop(async () => { await Promise.all([errorLog.close(), recoveryLog.close()]); });
  return {
    retryOf, retriedIn: parkedTaskWorkflow, now: Date.now, random: Math.random, delayPercent: configuration.GANGWAY_RETRY_DELAY_PERCENT,
    onFailure: (failure) => {
      errorLog.record(failure);
      metrics.taskAttempted(failure.task_name, failure.delay_seconds === null ? 'exhausted' : 'retried', failure.category);
    },
    onSuccess: ({ task_name, tenant, attempt }) => {
      if (attempt > 1) recoveryLog.record({ tenant, task_name, at: Date.now() });
      metrics.taskAttempted(task_name, 'succeeded', '');
    },
    onManualRetry: () => { breakers.probeEarly(); },
  };
}

/** Keys the pseudonyms of people in ClickHouse. */
function requiredPseudonymKey({ developmentKey, configuration }: WorkerRoleOptions): Uint8Array {
  const key = pseudonymKey(configuration, developmentKey);
  if (key === null) {
    throw new Error(
      'GANGWAY_PSEUDONYM_KEY is needed where JWKS_URL is set: a secret text that keys the pseudonyms of people in ClickHouse.',
    );
  }
  return key;
}
