/** From the one configuration to what each part takes: only its own settings, in the part's own units. */
import { join, resolve } from 'node:path';
import type { AlertSettings } from '../activities/alerts/alerting.ts';
import { mailAlerts } from '../activities/alerts/channels/mail.ts';
import { slackChannel } from '../activities/alerts/channels/slack.ts';
import { webhookChannel } from '../activities/alerts/channels/webhook.ts';
import type { ModelSettings } from '../activities/model/paid-model.ts';
import type { DeliverySettings } from '../activities/outbox/delivery.ts';
import type { ReceiverSettings } from '../activities/outbox/receiver.ts';
import { readOrigins } from '../api/cross-origin.ts';
import type { ServerSettings } from '../api/server.ts';
import type { UpkeepSchedule } from '../engine/schedules.ts';
import type { ReminderPlan } from '../domain/reminders.ts';
import type { BreakerNumbers } from '../outside/breakers/registry.ts';
import type { ChangeTargetSettings } from '../stores/change-target/chosen.ts';
import type { FileStoreSettings } from '../stores/files/chosen.ts';
import type { LostKeys } from '../stores/postgres/codec-keys.ts';
import type { LimitSettings } from '../stores/redis/limits/policy.ts';
import type { ProcessingSettings } from '../uploads/processing/processing.ts';
import type { ClamdSettings } from '../uploads/scanning/clamd.ts';
import type { UploadSettings } from '../uploads/uploads.ts';
import type { SessionLimits } from '../workflows/messages.ts';
import type { LookingLimits } from '../workflows/upload-messages.ts';
import type { Configuration } from './configuration.ts';
import type { WorkerSettings } from './worker.ts';

const dayMs = 86_400_000;

export function allowsPrivate(c: Configuration): boolean {
  return c.GANGWAY_ALLOW_PRIVATE_URLS === 'true';
}

/** Keys that somebody has given up; [] while nobody has. */
export function lostKeys({ GANGWAY_LOST_KEYS: lost = '' }: Configuration): LostKeys {
  return lost.trim() === 'all' ? 'all' : listOf(lost);
}

export function breakerNumbers(c: Configuration): BreakerNumbers {
  return { failures: c.GANGWAY_BREAKER_FAILURES, openMs: c.GANGWAY_BREAKER_OPEN_SECONDS * 1_000 };
}

export function limitSettings(c: Configuration): LimitSettings {
  return {
    apiPerMinute: c.GANGWAY_API_PER_MINUTE, apiPerMinuteAdmin: c.GANGWAY_API_PER_MINUTE_ADMIN,
    anonymousPerHour: c.GANGWAY_ANONYMOUS_PER_HOUR,
    fallbackPerHour: c.GANGWAY_FALLBACK_PER_HOUR,
    llmCalls: { perDay: c.GANGWAY_LLM_CALLS_PER_DAY, perHour: c.GANGWAY_LLM_CALLS_PER_HOUR },
    llmTokens: { perDay: c.GANGWAY_LLM_TOKENS_PER_DAY, perHour: c.GANGWAY_LLM_TOKENS_PER_HOUR },
    llmCentsPerDay: c.GANGWAY_LLM_CENTS_PER_DAY,
    translations: { perDay: c.GANGWAY_TRANSLATIONS_PER_DAY, perHour: c.GANGWAY_TRANSLATIONS_PER_HOUR },
    translationCharacters: { perDay: c.GANGWAY_TRANSLATION_CHARACTERS_PER_DAY, perHour: c.GANGWAY_TRANSLATION_CHARACTERS_PER_HOUR },
    knowledgeIngestionPerDay: c.GANGWAY_KNOWLEDGE_INGESTION_PER_DAY,
    knowledgeQueries: { perDay: c.GANGWAY_KNOWLEDGE_QUERIES_PER_DAY, perHour: c.GANGWAY_KNOWLEDGE_QUERIES_PER_HOUR },
    photoUploadsPerDay: c.GANGWAY_PHOTO_UPLOADS_PER_DAY, photoBurstPerMinute: c.GANGWAY_PHOTO_BURST_PER_MINUTE,
    shadowPolicies: listOf(c.GANGWAY_SHADOW_POLICIES),
  };
}

export function sessionLimits(c: Configuration): SessionLimits {
  return {
    idleAbandonedMs: c.GANGWAY_IDLE_ABANDONED_DAYS * dayMs, idleCancelMs: c.GANGWAY_IDLE_CANCEL_DAYS * dayMs,
    flushAfterMs: c.GANGWAY_FLUSH_SECONDS * 1_000, aloneAfterMs: c.GANGWAY_FLUSH_SECONDS * 1_000,
    messagesPerRun: c.GANGWAY_UPDATES_PER_RUN, proposalFallbackMs: c.GANGWAY_PROPOSAL_FALLBACK_SECONDS * 1_000,
    manualRetries: c.GANGWAY_DLQ_MANUAL_RETRIES, reminders: receiverSettings(c) === null ? null : reminderPlan(c),
  };
}

function reminderPlan(c: Configuration): ReminderPlan {
  return {
    afterMs: [c.GANGWAY_REMINDER_FIRST_HOURS, c.GANGWAY_REMINDER_SECOND_HOURS]
      .map((hours) => hours * c.GANGWAY_REMINDER_HOUR_SECONDS * 1_000).sort((a, b) => a - b),
    fromHour: c.GANGWAY_REMINDER_FROM_HOUR, toHour: c.GANGWAY_REMINDER_TO_HOUR, heldOutPercent: c.GANGWAY_REMINDER_HELD_OUT_PERCENT,
  };
}

/** For which a sender may be slower than the mean that is asked of it. */
const uploadGraceMs = 30_000;

export function uploadSettings(c: Configuration): UploadSettings {
  return {
    limits: {
      fileBytes: c.GANGWAY_UPLOAD_FILE_BYTES, voiceBytes: c.GANGWAY_UPLOAD_VOICE_BYTES, pixels: c.GANGWAY_UPLOAD_MEGAPIXELS * 1_000_000,
      sessionPhotos: c.GANGWAY_UPLOAD_SESSION_PHOTOS, sessionDocuments: c.GANGWAY_UPLOAD_SESSION_DOCUMENTS,
      sessionBytes: c.GANGWAY_UPLOAD_SESSION_BYTES, concurrent: c.GANGWAY_UPLOADS_AT_ONCE,
    },
    times: {
      placeMs: c.GANGWAY_UPLOAD_PLACE_SECONDS * 1_000, reservationMs: c.GANGWAY_UPLOAD_LEASE_SECONDS * 1_000,
      resumableMs: c.GANGWAY_UPLOAD_RESUMABLE_HOURS * 3_600_000,
    },
    pace: { idleMs: c.GANGWAY_UPLOAD_IDLE_SECONDS * 1_000, bytesPerSecond: c.GANGWAY_UPLOAD_BYTES_PER_SECOND, graceMs: uploadGraceMs },
  };
}

export function processingSettings(c: Configuration): ProcessingSettings {
  return {
    memoryBytes: c.GANGWAY_UPLOAD_PROCESSING_MEGABYTES * 1_048_576, timeMs: c.GANGWAY_UPLOAD_PROCESSING_SECONDS * 1_000,
    parallel: c.GANGWAY_UPLOADS_PROCESSED_AT_ONCE, pixels: c.GANGWAY_UPLOAD_MEGAPIXELS * 1_000_000,
  };
}

/** null: there is no scanner. */
export function scannerSettings(c: Configuration): (ClamdSettings & { readonly probeMs: number }) | null {
  if (c.CLAMD_URL === undefined) return null;
  return {
    url: c.CLAMD_URL, timeoutMs: c.GANGWAY_UPLOAD_SCAN_TIMEOUT_SECONDS * 1_000, probeMs: c.GANGWAY_UPLOAD_SCAN_PROBE_SECONDS * 1_000,
  };
}

export function lookingLimits(c: Configuration): LookingLimits {
  return {
    manualRetries: c.GANGWAY_DLQ_MANUAL_RETRIES, unknownForMs: c.GANGWAY_UPLOAD_SCAN_HOURS * 3_600_000,
    unknownPauseMs: c.GANGWAY_UPLOAD_SCAN_PAUSE_SECONDS * 1_000,
  };
}

export function serverSettings(c: Configuration): ServerSettings {
  return {
    bodyBytes: c.GANGWAY_BODY_BYTES, bodyDepth: c.GANGWAY_BODY_DEPTH, metricsToken: c.GANGWAY_METRICS_TOKEN ?? null,
    publicUrl: c.PUBLIC_URL?.replace(/\/+$/, '') ?? null, allowedOrigins: readOrigins(c.GANGWAY_ALLOWED_ORIGINS),
    idempotencyHours: c.GANGWAY_IDEMPOTENCY_HOURS, heartbeatMs: c.GANGWAY_STREAM_HEARTBEAT_MS,
    checkAnswers: c.GANGWAY_CHECK_ANSWERS === 'true',
  };
}

export function workerSettings(c: Configuration): WorkerSettings {
  return {
    namespace: c.TEMPORAL_NAMESPACE, taskQueue: c.GANGWAY_TASK_QUEUE, apiKey: c.TEMPORAL_API_KEY, cachedSessions: c.GANGWAY_CACHED_SESSIONS,
    stackTraces: c.GANGWAY_STACK_TRACES === 'true', drainSeconds: c.GANGWAY_DRAIN_SECONDS,
  };
}

export function changeTargetSettings(c: Configuration): ChangeTargetSettings {
  const { CHANGE_TARGET_URL: url, CHANGE_TARGET_SECRET: secret, GANGWAY_CHANGE_TARGET_TIMEOUT_MS: timeoutMs } = c;
  return { remote: url === undefined || secret === undefined ? null : { url, secret, timeoutMs } };
}

/** Relative folders count from the project, wherever a process was started. */
export function fileStoreSettings(c: Configuration): FileStoreSettings {
  const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = c;
  return {
    folder: resolve(import.meta.dirname, '..', c.GANGWAY_UPLOADS ?? join(c.GANGWAY_DATA, 'uploads')),
    s3: bucket === undefined ? null : {
      bucket, region: c.S3_REGION, endpoint: c.S3_ENDPOINT ?? null, forcePathStyle: c.S3_FORCE_PATH_STYLE === 'true',
      checksums: c.S3_CHECKSUMS,
      credentials: accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey },
    },
  };
}

/** null without CHAT_MODEL. */
export function modelSettings(c: Configuration): ModelSettings | null {
  if (c.CHAT_MODEL === undefined) return null;
  return {
    model: c.CHAT_MODEL, baseUrl: c.OPENAI_BASE_URL ?? 'https://api.openai.com/v1', apiKey: c.OPENAI_API_KEY ?? null,
    proposalTimeoutMs: c.GANGWAY_MODEL_TIMEOUT_MS, readingTimeoutMs: c.GANGWAY_READING_TIMEOUT_MS,
    prices: { input: c.GANGWAY_LLM_INPUT_PRICE, output: c.GANGWAY_LLM_OUTPUT_PRICE },
  };
}

/** null without EVENT_WEBHOOK_URL: events are told to nobody. */
export function receiverSettings(c: Configuration): ReceiverSettings | null {
  const { EVENT_WEBHOOK_URL: url, EVENT_WEBHOOK_SECRET: secret, GANGWAY_EVENT_TIMEOUT_MS: timeoutMs } = c;
  return url === undefined || secret === undefined ? null : { url, secret, timeoutMs };
}

export function deliverySettings(c: Configuration): DeliverySettings {
  return {
    timeoutMs: c.GANGWAY_EVENT_TIMEOUT_MS, parallel: c.GANGWAY_EVENT_PARALLEL, pollMs: c.GANGWAY_EVENT_POLL_MS,
    keepDays: c.GANGWAY_EVENT_KEEP_DAYS,
    tries: c.GANGWAY_EVENT_TRIES, firstDelayMs: c.GANGWAY_EVENT_FIRST_DELAY_MS, capMs: c.GANGWAY_EVENT_DELAY_CAP_SECONDS * 1_000,
    retryAfterCapMs: c.GANGWAY_EVENT_RETRY_AFTER_SECONDS * 1_000,
  };
}

/** A worker that has missed so many looks, and the time of a scan that takes long, has gone. */
const [sightsPerProbe, sightMarginMs] = [2, 120_000];

export function alertSettings(c: Configuration): AlertSettings {
  const { ALERT_WEBHOOK_URL: webhook, ALERT_WEBHOOK_SECRET: secret, SLACK_WEBHOOK_URL: slack } = c;
  const { SMTP_URL: smtp, GANGWAY_ALERT_MAIL_TO: to, GANGWAY_ALERT_MAIL_FROM: from } = c;
  return {
    thresholds: { capacity: c.GANGWAY_DLQ_CAPACITY, sharePercent: c.GANGWAY_DLQ_ALERT_SHARE, ageHours: c.GANGWAY_DLQ_ALERT_AGE_HOURS },
    channels: [
      ...(webhook === undefined || secret === undefined ? [] : [webhookChannel({ url: webhook, secret })]),
      ...(slack === undefined ? [] : [slackChannel({ url: slack })]),
      ...(smtp === undefined || to === undefined || from === undefined ? [] : [mailAlerts({ url: smtp, from, to: listOf(to) })]),
    ],
    publicUrl: c.PUBLIC_URL ?? null,
    scannerSightMs: c.CLAMD_URL === undefined ? null : sightsPerProbe * c.GANGWAY_UPLOAD_SCAN_PROBE_SECONDS * 1_000 + sightMarginMs,
    keepDays: c.GANGWAY_DLQ_KEEP_DAYS,
  };
}

/** What the service does for itself, and how often. */
export function upkeepSchedules(c: Configuration): UpkeepSchedule[] {
  const every = (seconds: number): UpkeepSchedule['spec'] => ({ intervals: [{ every: seconds * 1_000 }] });
  return [
    { name: 'alerts', spec: every(c.GANGWAY_DLQ_ALERT_SECONDS), input: { task: 'raiseAlerts' }, note: 'Alerts of the dead letter queue' },
    {
      name: 'reconcile', spec: every(c.GANGWAY_DLQ_RECONCILE_SECONDS), input: { task: 'reconcileParkedTasks' },
      note: 'Parked tasks: list and engine brought together',
    },
    {
      name: 'sessions', spec: every(c.GANGWAY_STOPPED_SECONDS), input: { task: 'reconcileStoppedSessions' },
      note: 'Sessions whose workflow was ended from outside are taken up',
    },
    {
      name: 'uploads', spec: every(c.GANGWAY_UPLOAD_RECONCILE_SECONDS), input: { task: 'reconcileUploads' },
      note: 'Uploads that nobody looks into are looked into',
    },
    {
      name: 'steps', spec: every(c.GANGWAY_WATCH_SECONDS), input: { task: 'watchSteps' },
      note: 'Steps of flows that fewer people make than before are alerted',
    },
    {
      name: 'upload-cleanup', spec: { calendars: [{ hour: 4 }] }, input: { task: 'cleanUpUploads' },
      note: 'Uploads that nobody needs go, and files that belong to none',
    },
    {
      name: 'cleanup', spec: { calendars: [{ hour: 3 }] }, input: { task: 'cleanUpEndedTasks' },
      note: 'Completed and discarded tasks leave the list',
    },
  ];
}

/** Comma-separated, without blanks and empty parts. */
function listOf(text: string): string[] {
  return text.split(',').map((part) => part.trim()).filter((part) => part !== '');
}
