/** The worker role as a whole: tasks with all they work with, schedules, and the delivery of events. */
import { createHmac } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { configuredAlerting } from '../activities/alerts/alerting.ts';
import { createCopyWriter } from '../activities/copy-writer.ts';
import { configuredModel } from '../activities/model/configured-model.ts';
import { configuredReceiver, startConfiguredDelivery } from '../activities/outbox/configured-delivery.ts';
import { parkEvent } from '../activities/outbox/park-event.ts';
import type { RetriesOptions } from '../activities/retries.ts';
import { createTasks, retryOf } from '../activities/tasks.ts';
import type { Breakers } from '../outside/breakers/registry.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { Configuration } from './configuration.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { ErrorLog } from '../stores/postgres/error-log.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { HotCopies } from '../stores/redis/hot-copies.ts';
import type { Limiter } from '../stores/redis/limits/limiter.ts';
import type { Resources } from '../stores/redis/limits/policy.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { createTaskWorkflows } from '../engine/task-workflows.ts';
import type { Database } from '../stores/postgres/database.ts';
import { RecoveryLog } from '../stores/postgres/task-recoveries.ts';
import { keepSchedules, type UpkeepSchedule } from '../engine/schedules.ts';
import type { SessionSignals } from '../stores/redis/session-signals.ts';
import { beat } from '../stores/redis/worker-heartbeat.ts';
import { startWorker, type RunningWorker } from './worker.ts';

export interface WorkerRoleOptions {
  readonly configuration: Configuration;
  readonly temporalAddress: string;
  readonly client: Client;
  readonly stores: { readonly db: Database; readonly redis: Redis; readonly clickhouse: ClickHouse; readonly hotCopies: HotCopies; readonly signals: SessionSignals };
  readonly flows: FlowRegistry;
  readonly changeTarget: ChangeTarget;
  readonly limiter: Limiter;
  readonly resources: Resources;
  readonly breakers: Breakers;
  readonly metrics: Metrics;
  readonly sealer: Sealer;
  /** HS256 key of development tokens; null when JWKS_URL is set. */
  readonly developmentKey: Uint8Array | null;
  readonly log: Logger;
}

type OnStop = (close: () => Promise<void>) => void;

export async function startWorkerRole(options: WorkerRoleOptions, onStop: OnStop): Promise<RunningWorker> {
  const { configuration, client, stores, flows, changeTarget, limiter, resources, breakers, sealer, log } = options;
  const taskQueue = configuration.GANGWAY_TASK_QUEUE;
  const copies = createCopyWriter({
    ...stores, sealer, log, waitMs: configuration.GANGWAY_FLUSH_BATCH_MS, maxRows: configuration.GANGWAY_FLUSH_BATCH_ROWS,
    pseudonymKey: pseudonymKey(options), keepEvents: configuration.EVENT_WEBHOOK_URL !== undefined,
  });
  const alerts = configuredAlerting(configuration, { breakers, now: Date.now, random: Math.random });
  const model = configuredModel(configuration, { log, now: Date.now, limiter, resources, breakers });
  const eventReceiver = configuredReceiver(configuration, { breakers, now: Date.now });
  const taskWorkflows = createTaskWorkflows({ client, taskQueue, timeoutMs: configuration.GANGWAY_ENGINE_TIMEOUT_MS * 5 });
  const tasks = createTasks({
    ...stores, flows, copies, changeTarget, model, sealer, alerts, eventReceiver, taskWorkflows, keepTasksDays: configuration.GANGWAY_DLQ_KEEP_DAYS, log,
  });
  const worker = await startWorker({ configuration, address: options.temporalAddress, tasks, retries: retriesOf(options, onStop), sealer, log });
  onStop(() => worker.stop());
  await keepSchedules(client, taskQueue, upkeepSchedules(configuration));
  onStop(beat(stores.redis, taskQueue, () => worker.isRunning()));
  if (eventReceiver !== null) {
    const park = parkEvent({ workflows: taskWorkflows, maxRetries: configuration.GANGWAY_DLQ_MANUAL_RETRIES, now: Date.now });
    const delivery = startConfiguredDelivery(configuration, eventReceiver, { db: stores.db, log, now: Date.now, park });
    onStop(() => delivery.stop());
  }
  return worker;
}

/** Retries of this worker's tasks, with what is counted and kept of their failures. */
function retriesOf({ configuration, stores: { db }, log, metrics, breakers }: WorkerRoleOptions, onStop: OnStop): RetriesOptions {
  const errorLog = new ErrorLog({ db, log, now: Date.now });
  const recoveryLog = new RecoveryLog(db);
  onStop(async () => { await Promise.all([errorLog.close(), recoveryLog.close()]); });
  return {
    retryOf, now: Date.now, random: Math.random, delayPercent: configuration.GANGWAY_RETRY_DELAY_PERCENT,
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

/** What the service does for itself, and how often. */
function upkeepSchedules(configuration: Configuration): UpkeepSchedule[] {
  const every = (seconds: number): UpkeepSchedule['spec'] => ({ intervals: [{ every: seconds * 1_000 }] });
  return [
    { name: 'alerts', spec: every(configuration.GANGWAY_DLQ_ALERT_SECONDS), input: { task: 'raiseAlerts' }, note: 'Alerts of the dead letter queue' },
    { name: 'reconcile', spec: every(configuration.GANGWAY_DLQ_RECONCILE_SECONDS), input: { task: 'reconcileParkedTasks' }, note: 'Parked tasks: list and engine brought together' },
    { name: 'cleanup', spec: { calendars: [{ hour: 3 }] }, input: { task: 'cleanUpEndedTasks' }, note: 'Completed and discarded tasks leave the list' },
  ];
}

/** Keys the pseudonyms of people in ClickHouse. */
function pseudonymKey({ developmentKey, configuration }: WorkerRoleOptions): Uint8Array {
  const secret = configuration.GANGWAY_PSEUDONYM_KEY ?? developmentKey;
  if (secret === null) throw new Error('GANGWAY_PSEUDONYM_KEY is needed where JWKS_URL is set: a secret text that keys the pseudonyms of people in ClickHouse.');
  return createHmac('sha256', secret).update('gangway pseudonyms').digest();
}
