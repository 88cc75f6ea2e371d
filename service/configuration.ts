/** All settings with their forms, bounds and defaults. docs/configuration.md is generated from this schema. */
import { z } from 'zod';

const whole = (fallback: number, description: string, range: { min?: number; max?: number } = {}) =>
  z.coerce.number().int().min(range.min ?? 1).max(range.max ?? Number.MAX_SAFE_INTEGER).default(fallback).describe(description);
const text = (description: string) => z.string().min(1).optional().describe(description);
const secret = (description: string) => z.string().min(16).optional().describe(description);
const mailAddress = /^[^\s@,;<>"]+@[^\s@,;<>"]+$/;
const port = z.coerce.number().int().min(0).max(65_535);

export const configurationSchema = z.object({
  PORT: port.default(8080).describe('Port of the API. 0 takes any free one'),
  HOST: z.string().default('127.0.0.1').describe('Address the API listens on'),
  GANGWAY_DATA: z.string().min(1).default('.local/data').describe("Folder of the embedded servers' data and of the development secrets"),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').describe(
    'Least severity that is logged',
  ),
  PUBLIC_URL: text('Address under which people reach the API, when it is not http://HOST:PORT'),

  TEMPORAL_ADDRESS: text('host:port of a Temporal server; without it the embedded one is started'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default').describe('Temporal namespace'),
  TEMPORAL_API_KEY: text('API key for Temporal Cloud'),
  TEMPORAL_UI_URL: text(
    'Address of the Temporal Web UI of such a server, whose browser page may then use the codec endpoint; the embedded one is known',
  ),
  REDIS_URL: text('redis:// address; without it the embedded server is started'),
  DATABASE_URL: text('postgres:// address; without it the embedded server is started'),
  CLICKHOUSE_URL: text(
    'http:// address of a ClickHouse server; without it ClickHouse runs inside the service. One role alone also takes file:///folder, ' +
    'which only that process may use',
  ),

  JWT_ISSUER: z.string().min(1).default('gangway').describe('Required `iss` of a token'),
  JWT_AUDIENCE: z.string().min(1).default('gangway').describe('Required `aud` of a token'),
  JWKS_URL: text('Key set of the identity provider (RS256, ES256, EdDSA); without it the development key (HS256) counts'),
  CHAT_MODEL: text(
    'Name of the language model, as its server knows it; without it no model is used and the scripted readings and rules do everything',
  ),
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional().describe(
    'Address of any server that speaks chat completions, up to and with /v1; used only with CHAT_MODEL',
  ),
  OPENAI_API_KEY: text('API key for the language model; used only with CHAT_MODEL'),
  TRUSTED_PROXIES: z.string().default('').describe('Comma-separated CIDRs whose X-Forwarded-For is believed'),

  CHANGE_TARGET_URL: text(
    'Address of your own system that approved changes are applied to (docs/change-target.md); without it the built-in tables',
  ),
  CHANGE_TARGET_SECRET: secret('Signs requests to CHANGE_TARGET_URL; at least 16 characters'),
  EVENT_WEBHOOK_URL: text('Address that events are posted to: states of sessions, decisions, changesets applied and rolled back'),
  EVENT_WEBHOOK_SECRET: secret('Signs events to EVENT_WEBHOOK_URL; at least 16 characters'),
  ALERT_WEBHOOK_URL: text('Address that alerts of the dead letter queue are posted to (docs/alerts.md)'),
  ALERT_WEBHOOK_SECRET: secret('Signs alerts to ALERT_WEBHOOK_URL; at least 16 characters'),
  SLACK_WEBHOOK_URL: text('Address of an incoming webhook of Slack, or of a chat that takes the same form, for alerts'),
  SMTP_URL: z.string().refine(isMailServer, 'must be smtp:// or smtps://, with user:password where needed, and without ?options').optional()
    .describe(
      'smtp:// or smtps:// address of a mail server for alerts. Over smtp:// a password is sent only after STARTTLS, unless ' +
      'GANGWAY_ALLOW_PRIVATE_URLS=true',
    ),

  GANGWAY_CODEC_KEYS: z.string().refine(
    (keys) => keys.split(',').every((key) => /^\s*[A-Za-z0-9._-]{1,64}:[A-Za-z0-9+/_-]{43}=?\s*$/.test(key)),
    'must be id:base64 of 32 bytes, comma-separated',
  ).optional().describe(
    'Keys that encrypt what people say, as id:base64 of 32 bytes, comma-separated; the first encrypts, all decrypt. Without it a key is ' +
    'made in GANGWAY_DATA/secrets',
  ),
  GANGWAY_LOST_KEYS: z.string().regex(/^\s*[A-Za-z0-9._-]{1,64}(\s*,\s*[A-Za-z0-9._-]{1,64})*\s*$/, 'must be ids of keys, comma-separated, or all')
    .optional().describe(
      'Ids of encryption keys that are lost for good, comma-separated, or `all`: without them a start is refused, with it their sessions ' +
      'answer 503 key_unavailable. Needed at one start only',
    ),
  GANGWAY_PSEUDONYM_KEY: text(
    'Secret that keys the pseudonyms of people in ClickHouse; needed with JWKS_URL, else derived from the development key',
  ),
  GANGWAY_TASK_QUEUE: z.string().min(1).default('gangway').describe('Temporal task queue of the sessions'),
  GANGWAY_API_PER_MINUTE: whole(300, 'Requests a minute for one user'),
  GANGWAY_API_PER_MINUTE_ADMIN: whole(1_000, 'Requests a minute for one admin'),
  GANGWAY_ANONYMOUS_PER_HOUR: whole(60, 'Requests an hour without a valid credential, for one address'),
  GANGWAY_FALLBACK_PER_HOUR: whole(50, 'Requests an hour for one subject on a non-critical resource while Redis is away'),
  GANGWAY_LLM_CALLS_PER_DAY: whole(100, 'Calls of the language model a day for one user'),
  GANGWAY_LLM_CALLS_PER_HOUR: whole(20, 'Calls of the language model an hour for one user'),
  GANGWAY_LLM_TOKENS_PER_DAY: whole(50_000, 'Tokens of the language model a day for one user, of prompts and answers together'),
  GANGWAY_LLM_TOKENS_PER_HOUR: whole(10_000, 'Tokens of the language model an hour for one user'),
  GANGWAY_LLM_CENTS_PER_DAY: whole(1_000, 'Cost of the language model a day for one user, cents'),
  GANGWAY_LLM_INPUT_PRICE: whole(250, 'Price of 1,000 tokens of a prompt, thousandths of a cent', { min: 0 }),
  GANGWAY_LLM_OUTPUT_PRICE: whole(1_000, 'Price of 1,000 tokens of an answer, thousandths of a cent', { min: 0 }),
  GANGWAY_TRANSLATIONS_PER_DAY: whole(500, 'Translations a day for one user'),
  GANGWAY_TRANSLATIONS_PER_HOUR: whole(100, 'Translations an hour for one user'),
  GANGWAY_TRANSLATION_CHARACTERS_PER_DAY: whole(100_000, 'Translated characters a day for one user'),
  GANGWAY_TRANSLATION_CHARACTERS_PER_HOUR: whole(20_000, 'Translated characters an hour for one user'),
  GANGWAY_KNOWLEDGE_INGESTION_PER_DAY: whole(100, 'Documents taken into the knowledge base a day for one user'),
  GANGWAY_KNOWLEDGE_QUERIES_PER_DAY: whole(200, 'Questions to the knowledge base a day for one user'),
  GANGWAY_KNOWLEDGE_QUERIES_PER_HOUR: whole(50, 'Questions to the knowledge base an hour for one user'),
  GANGWAY_PHOTO_UPLOADS_PER_DAY: whole(100, 'Photos a day for one user'),
  GANGWAY_PHOTO_BURST_PER_MINUTE: whole(10, 'Photos within any minute for one user'),
  GANGWAY_SHADOW_POLICIES: z.string().default('').describe(
    'Comma-separated policies that count and report but refuse nobody (docs/limits.md)',
  ),
  GANGWAY_METRICS_TOKEN: secret(
    'Bearer token that may read /metrics from anywhere; at least 16 characters. Without it only this machine may',
  ),
  GANGWAY_BREAKER_FAILURES: whole(5, 'Failures in a row that open a breaker'),
  GANGWAY_BREAKER_OPEN_SECONDS: whole(300, 'Seconds a breaker stays open before one probe'),
  GANGWAY_REDIS_TIMEOUT_MS: whole(25, 'Longest wait for a Redis command, milliseconds'),
  GANGWAY_ENGINE_TIMEOUT_MS: whole(2_000, 'Deadline of one call to Temporal, milliseconds'),
  GANGWAY_DATABASE_TIMEOUT_MS: whole(2_000, 'Longest wait for PostgreSQL inside a request, milliseconds'),
  GANGWAY_MODEL_TIMEOUT_MS: whole(20_000, 'Longest wait for a proposal of the model, milliseconds', { max: 28_000 }),
  GANGWAY_READING_TIMEOUT_MS: whole(8_000, 'Longest wait for the model to read free text, milliseconds', { max: 9_000 }),
  GANGWAY_BODY_BYTES: whole(1_048_576, 'Largest JSON body, bytes'),
  GANGWAY_BODY_DEPTH: whole(32, 'Deepest nesting of a JSON body'),
  GANGWAY_IDLE_ABANDONED_DAYS: whole(7, 'Idle days after which a session counts as abandoned'),
  GANGWAY_IDLE_CANCEL_DAYS: whole(90, 'Idle days after which a session is cancelled'),
  GANGWAY_FLUSH_SECONDS: whole(30, 'Seconds after the first unsaved answer until the session is flushed'),
  GANGWAY_FLUSH_BATCH_MS: whole(100, 'Milliseconds the worker gathers rows for ClickHouse'),
  GANGWAY_FLUSH_BATCH_ROWS: whole(1_000, 'Rows after which a batch is stored at once'),
  GANGWAY_UPDATES_PER_RUN: whole(100, 'Messages after which a session continues as a new run'),
  GANGWAY_PROPOSAL_FALLBACK_SECONDS: whole(900, 'Seconds after which the rules of the flow propose when the model has not'),
  GANGWAY_DLQ_MANUAL_RETRIES: whole(3, 'Times a parked task may be retried by hand without force'),
  GANGWAY_DLQ_CAPACITY: whole(
    1_000, 'Parked tasks of a tenant that its operators are expected to have an eye on; nothing is dropped beyond',
  ),
  GANGWAY_DLQ_ALERT_SECONDS: whole(60, 'Seconds between two looks at what has to be alerted'),
  GANGWAY_DLQ_RECONCILE_SECONDS: whole(300, 'Seconds between two comparisons of the list of parked tasks with the engine'),
  GANGWAY_DLQ_KEEP_DAYS: whole(90, 'Days that a completed or discarded task stays in the list'),
  GANGWAY_DLQ_ALERT_SHARE: whole(80, 'Share of GANGWAY_DLQ_CAPACITY that is open in a tenant when an alert begins, percent', { max: 100 }),
  GANGWAY_DLQ_ALERT_AGE_HOURS: whole(24, 'Hours a task may be open before an alert begins', { max: 87_600 }),
  GANGWAY_ALERT_MAIL_TO: z.string()
    .refine((list) => list.split(',').every((address) => mailAddress.test(address.trim())), 'must be mail addresses, comma-separated')
      .optional()
    .describe('Comma-separated addresses that alerts are mailed to; needs SMTP_URL'),
  GANGWAY_ALERT_MAIL_FROM: z.string().regex(mailAddress, 'must be a mail address').optional().describe('Sender of those mails'),
  GANGWAY_CACHED_SESSIONS: whole(1_000, 'Sessions a worker keeps in memory (about 520 KiB each)'),
  GANGWAY_IN_FLIGHT_PER_SESSION: whole(8, 'Messages of one session under way at once in one API process', { max: 10 }),
  GANGWAY_STREAMS: whole(1_000, 'Event streams open at once in one API process'),
  GANGWAY_STREAMS_PER_PERSON: whole(5, 'Event streams of one person open at once in one API process'),
  GANGWAY_STREAM_HEARTBEAT_MS: whole(15_000, 'Pause between signs of life on an event stream, milliseconds', { min: 100, max: 60_000 }),
  GANGWAY_STREAM_POLL_MS: whole(
    3_000, 'Pause before an event stream asks its session again while Redis is away, milliseconds', { min: 100 },
  ),
  GANGWAY_IDEMPOTENCY_HOURS: whole(24, 'Hours an Idempotency-Key is remembered'),
  GANGWAY_ALLOW_PRIVATE_URLS: z.enum(['true', 'false']).default('false').describe(
    'Lets outgoing requests go to http:// and to private addresses',
  ),
  GANGWAY_CHANGE_TARGET_TIMEOUT_MS: whole(10_000, 'Deadline of one request to the change target, milliseconds', { max: 15_000 }),
  GANGWAY_EVENT_TRIES: whole(3, 'Tries of an event before it is parked'),
  GANGWAY_EVENT_FIRST_DELAY_MS: whole(
    5_000, 'Pause after the first failed try of an event, milliseconds; each further one is twice as long, ±20 %',
  ),
  GANGWAY_EVENT_DELAY_CAP_SECONDS: whole(90, 'Longest pause between tries of an event, seconds'),
  GANGWAY_EVENT_RETRY_AFTER_SECONDS: whole(3_600, 'Longest pause that a Retry-After of the receiver is honoured for, seconds'),
  GANGWAY_EVENT_TIMEOUT_MS: whole(10_000, 'Deadline of one try, milliseconds'),
  GANGWAY_EVENT_PARALLEL: whole(8, 'Events under way at once in one worker, each of another session', { max: 32 }),
  GANGWAY_EVENT_POLL_MS: whole(500, 'Pause before looking for due events again, milliseconds'),
  GANGWAY_EVENT_KEEP_DAYS: whole(7, 'Days a delivered event is kept'),
  GANGWAY_CHECK_ANSWERS: z.enum(['true', 'false']).default('false').describe(
    'Checks every answer against its documented schema; for tests',
  ),
  GANGWAY_UNREADY_SECONDS: z.coerce.number().int().min(0).max(300).optional().describe(
    'Seconds that /readyz says 503 at shutdown before the port closes, so that a load balancer turns away first. Without it 5 for an API ' +
    'alone, and 0 for npm run up, which has nobody beside it',
  ),
  GANGWAY_DRAIN_SECONDS: whole(15, 'Seconds running requests and tasks get at shutdown; the longest answer takes 14'),
});

export type Configuration = z.infer<typeof configurationSchema>;

/** Options in the address could undo the time-outs. */
function isMailServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  return /^smtps?:$/.test(protocol) && hostname !== '' && /^\/?$/.test(pathname) && search === '' && hash === '';
}
