/** All settings with their forms, bounds and defaults. docs/configuration.md is generated from this schema. */
import { z } from 'zod';
import { address, count, days, digits, flag, hours, milliseconds, oneOf, seconds, secret, text } from './setting.ts';

const mailAddress = /^[^\s@,;<>"]+@[^\s@,;<>"]+$/;

export const configurationSchema = z.object({
  PORT: count(8_080, { min: 0, max: 65_535 }, 'Port of the API. 0 takes any free one'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address the API listens on'),
  GANGWAY_DATA: z.string().min(1).default('.local/data').describe("Folder of the embedded servers' data and of the development secrets"),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').describe(
    'Least severity that is logged',
  ),
  PUBLIC_URL: address(['https', 'http'], 'Address under which people reach the API, when it is not http://HOST:PORT'),

  TEMPORAL_ADDRESS: z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/@]+):\d{1,5}$/, 'must be host:port, without http:// and without a path')
    .optional().describe('host:port of a Temporal server; without it the embedded one is started'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default').describe('Temporal namespace'),
  TEMPORAL_API_KEY: text('API key for Temporal Cloud'),
  TEMPORAL_UI_URL: address(
    ['http', 'https'],
    'Address of the Temporal Web UI of such a server, whose browser page may then use the codec endpoint; the embedded one is known',
  ),
  REDIS_URL: address(['redis', 'rediss'], 'redis:// address; without it the embedded server is started'),
  DATABASE_URL: address(['postgres', 'postgresql'], 'postgres:// address; without it the embedded server is started'),
  CLICKHOUSE_URL: address(
    ['http', 'https', 'file'],
    'http:// address of a ClickHouse server; without it ClickHouse runs inside the service. One role alone also takes file:///folder, ' +
    'which only that process may use',
  ),

  JWT_ISSUER: z.string().min(1).default('gangway').describe('Required `iss` of a token'),
  JWT_AUDIENCE: z.string().min(1).default('gangway').describe('Required `aud` of a token'),
  JWKS_URL: address(
    ['https', 'http'], 'Key set of the identity provider (RS256, ES256, EdDSA); without it the development key (HS256) counts',
  ),
  GANGWAY_JWKS_OUTAGE_SECONDS: seconds(
    3_600, { max: 86_400 }, 'Seconds that keys fetched from JWKS_URL go on counting while it does not answer',
  ),
  CHAT_MODEL: text(
    'Name of the language model, as its server knows it; without it no model is used and the scripted readings and rules do everything',
  ),
  OPENAI_BASE_URL: address(
    ['https', 'http'], 'Address of any server that speaks chat completions, up to and with /v1; used only with CHAT_MODEL',
  ),
  OPENAI_API_KEY: text('API key for the language model; used only with CHAT_MODEL'),
  GANGWAY_ALLOWED_ORIGINS: z.string().default('').describe(
    'Comma-separated origins, such as https://app.example.com, whose pages may use the API from a browser; none by default',
  ),
  TRUSTED_PROXIES: z.string().default('').describe('Comma-separated CIDRs whose X-Forwarded-For is believed'),

  CHANGE_TARGET_URL: text(
    'Address of your own system that approved changes are applied to (docs/change-target.md); without it the built-in tables',
  ),
  CHANGE_TARGET_SECRET: secret('Signs requests to CHANGE_TARGET_URL; at least 16 characters'),
  EVENT_WEBHOOK_URL: text(
    'Address that events are posted to: states of sessions, decisions, changesets applied and rolled back, reminders that are due',
  ),
  EVENT_WEBHOOK_SECRET: secret('Signs events to EVENT_WEBHOOK_URL; at least 16 characters'),
  ALERT_WEBHOOK_URL: text('Address that alerts of the dead letter queue are posted to (docs/alerts.md)'),
  ALERT_WEBHOOK_SECRET: secret('Signs alerts to ALERT_WEBHOOK_URL; at least 16 characters'),
  SLACK_WEBHOOK_URL: text('Address of an incoming webhook of Slack, or of a chat that takes the same form, for alerts'),
  SMTP_URL: z.string().refine(isMailServer, 'must be smtp:// or smtps://, with user:password where needed, and without ?options').optional()
    .describe(
      'smtp:// or smtps:// address of a mail server for alerts. Over smtp:// a password is sent only after STARTTLS, unless ' +
      'GANGWAY_ALLOW_PRIVATE_URLS=true',
    ),

  GANGWAY_UPLOADS: text('Folder of uploaded files; GANGWAY_DATA/uploads by default. With S3_BUCKET files only pass through it'),
  S3_BUCKET: text('Bucket of S3, or of a server that speaks its language, for uploaded files; without it they are in GANGWAY_UPLOADS'),
  S3_REGION: z.string().min(1).default('us-east-1').describe('Region of the bucket'),
  S3_ENDPOINT: address(['https', 'http'], "Address of such a server; without it Amazon's own"),
  S3_ACCESS_KEY_ID: text('Access key for the bucket; without it what the machine has (environment, role of the instance)'),
  S3_SECRET_ACCESS_KEY: text('Secret of S3_ACCESS_KEY_ID'),
  S3_FORCE_PATH_STYLE: flag('Puts the bucket into the path and not into the host name, as most servers other than Amazon\'s want it'),
  S3_CHECKSUMS: oneOf(['WHEN_REQUIRED', 'WHEN_SUPPORTED']).default('WHEN_REQUIRED').describe(
    'When the client adds checksums of its own and checks those of answers. Stored bytes carry a SHA-256 when they are sent, and are ' +
    'authenticated when they are read, either way',
  ),

  GANGWAY_CODEC_KEYS: z.string().refine(
    (keys) => keys.split(',').every((key) => /^\s*[A-Za-z0-9._-]{1,64}:[A-Za-z0-9+/_-]{43}=?\s*$/.test(key)),
    'must be id:base64 of 32 bytes, comma-separated',
  ).optional().describe(
    'Keys that encrypt what people say, as id:base64 of 32 bytes, comma-separated; the first encrypts, all decrypt. Without it a key is ' +
    'made in GANGWAY_DATA/secrets',
  ),
  GANGWAY_LOST_KEYS: z.string().regex(/^\s*[\w.-]{1,64}(\s*,\s*[\w.-]{1,64})*\s*$/, 'must be ids of keys, comma-separated, or all')
    .optional().describe(
      'Ids of encryption keys that are lost for good, comma-separated, or `all`: without them a start is refused, with it their sessions ' +
      'answer 503 key_unavailable. Needed at one start only',
    ),
  GANGWAY_PSEUDONYM_KEY: text(
    'Secret that keys the pseudonyms of people in ClickHouse; needed with JWKS_URL, else derived from the development key',
  ),
  GANGWAY_TASK_QUEUE: z.string().min(1).default('gangway').describe('Temporal task queue of the sessions'),
  GANGWAY_API_PER_MINUTE: count(300, { max: 1_000_000_000 }, 'Requests a minute for one user'),
  GANGWAY_API_PER_MINUTE_ADMIN: count(1_000, { max: 1_000_000_000 }, 'Requests a minute for one admin'),
  GANGWAY_ANONYMOUS_PER_HOUR: count(60, { max: 1_000_000_000 }, 'Requests an hour without a valid credential, for one address'),
  GANGWAY_FALLBACK_PER_HOUR: count(
    50, { max: 1_000_000_000 }, 'Requests an hour for one subject on a non-critical resource while Redis is away',
  ),
  GANGWAY_LLM_CALLS_PER_DAY: count(100, { max: 1_000_000_000 }, 'Calls of the language model a day for one user'),
  GANGWAY_LLM_CALLS_PER_HOUR: count(20, { max: 1_000_000_000 }, 'Calls of the language model an hour for one user'),
  GANGWAY_LLM_TOKENS_PER_DAY: count(
    50_000, { max: 1_000_000_000 }, 'Tokens of the language model a day for one user, of prompts and answers together',
  ),
  GANGWAY_LLM_TOKENS_PER_HOUR: count(10_000, { max: 1_000_000_000 }, 'Tokens of the language model an hour for one user'),
  GANGWAY_LLM_CENTS_PER_DAY: count(1_000, { max: 1_000_000_000 }, 'Cost of the language model a day for one user, cents'),
  GANGWAY_LLM_INPUT_PRICE: count(250, { min: 0, max: 1_000_000_000 }, 'Price of 1,000 tokens of a prompt, thousandths of a cent'),
  GANGWAY_LLM_OUTPUT_PRICE: count(1_000, { min: 0, max: 1_000_000_000 }, 'Price of 1,000 tokens of an answer, thousandths of a cent'),
  GANGWAY_TRANSLATIONS_PER_DAY: count(500, { max: 1_000_000_000 }, 'Translations a day for one user'),
  GANGWAY_TRANSLATIONS_PER_HOUR: count(100, { max: 1_000_000_000 }, 'Translations an hour for one user'),
  GANGWAY_TRANSLATION_CHARACTERS_PER_DAY: count(100_000, { max: 1_000_000_000 }, 'Translated characters a day for one user'),
  GANGWAY_TRANSLATION_CHARACTERS_PER_HOUR: count(20_000, { max: 1_000_000_000 }, 'Translated characters an hour for one user'),
  GANGWAY_KNOWLEDGE_INGESTION_PER_DAY: count(100, { max: 1_000_000_000 }, 'Documents taken into the knowledge base a day for one user'),
  GANGWAY_KNOWLEDGE_QUERIES_PER_DAY: count(200, { max: 1_000_000_000 }, 'Questions to the knowledge base a day for one user'),
  GANGWAY_KNOWLEDGE_QUERIES_PER_HOUR: count(50, { max: 1_000_000_000 }, 'Questions to the knowledge base an hour for one user'),
  GANGWAY_PHOTO_UPLOADS_PER_DAY: count(100, { max: 1_000_000_000 }, 'Photos a day for one user'),
  GANGWAY_PHOTO_BURST_PER_MINUTE: count(10, { max: 1_000_000_000 }, 'Photos within any minute for one user'),
  GANGWAY_UPLOAD_FILE_BYTES: count(10_485_760, { max: 1_073_741_824 }, 'Largest photo or document, bytes'),
  GANGWAY_UPLOAD_VOICE_BYTES: count(5_242_880, { max: 1_073_741_824 }, 'Largest voice recording, bytes'),
  GANGWAY_UPLOAD_MEGAPIXELS: count(50, { max: 1_000 }, 'Largest decoded picture, million pixels'),
  GANGWAY_UPLOAD_SESSION_PHOTOS: count(50, { max: 1_000 }, 'Photos of one session'),
  GANGWAY_UPLOAD_SESSION_DOCUMENTS: count(20, { max: 1_000 }, 'Documents of one session'),
  GANGWAY_UPLOAD_SESSION_BYTES: count(104_857_600, { max: 1_000_000_000_000 }, 'Bytes of all files of one session'),
  GANGWAY_UPLOADS_AT_ONCE: count(3, { max: 100 }, 'Uploads of one user under way at once'),
  GANGWAY_UPLOAD_PLACE_SECONDS: seconds(
    4, { max: 3_600 }, 'Seconds of silence after which an upload no longer counts among those at once',
  ),
  GANGWAY_UPLOAD_IDLE_SECONDS: seconds(10, { max: 3_600 }, 'Seconds of silence after which an upload is ended (408)'),
  GANGWAY_UPLOAD_BYTES_PER_SECOND: count(
    1_024, { max: 1_000_000_000 }, 'Bytes a second that an upload reaches in the mean after its first half minute, or is ended (408)',
  ),
  GANGWAY_UPLOAD_LEASE_SECONDS: seconds(
    60, { max: 86_400 }, 'Seconds after its last bytes for which an upload whose process died counts on the quotas of its session',
  ),
  GANGWAY_UPLOAD_RESUMABLE_HOURS: hours(24, { max: 720 }, 'Hours that a resumable upload may take from its beginning'),
  CLAMD_URL: address(
    ['tcp', 'unix'], 'Address of a clamd that scans uploaded files, tcp://host:port or unix:///path; without it nobody scans them',
  ),
  GANGWAY_UPLOAD_SCAN_TIMEOUT_SECONDS: seconds(60, { max: 120 }, 'Longest wait for the scanner with one file, seconds'),
  GANGWAY_UPLOAD_SCAN_PROBE_SECONDS: seconds(
    600, { max: 86_400 }, 'Seconds between two looks whether the scanner finds what everybody finds',
  ),
  GANGWAY_UPLOADS_PROCESSED_AT_ONCE: count(2, { max: 64 }, 'Pictures that one worker processes at once, each in a process of its own'),
  GANGWAY_UPLOAD_PROCESSING_MEGABYTES: count(512, { max: 65_536 }, 'Memory that such a process may take, MB'),
  GANGWAY_UPLOAD_PROCESSING_SECONDS: seconds(60, { max: 240 }, 'Seconds that it may take'),
  GANGWAY_UPLOAD_RECONCILE_SECONDS: seconds(
    60, { max: 86_400 }, 'Seconds between two looks for uploads that wait for their verdict and that nobody looks into',
  ),
  GANGWAY_UPLOAD_SCAN_HOURS: hours(24, { max: 720 }, 'Hours that an upload is scanned again while the scanner cannot say anything of it'),
  GANGWAY_UPLOAD_SCAN_PAUSE_SECONDS: seconds(600, { max: 86_400 }, 'Seconds between two such scans'),
  GANGWAY_UPLOAD_KEEP_DAYS: days(30, { max: 3_650 }, 'Days after the end of its session that an upload stays which no answer names'),
  GANGWAY_UPLOAD_SWEEP_SECONDS: seconds(30, { max: 86_400 }, 'Seconds between two looks for what dead uploads have left'),
  GANGWAY_SHADOW_POLICIES: z.string().default('').describe(
    'Comma-separated policies that count and report but refuse nobody (docs/limits.md)',
  ),
  GANGWAY_METRICS_PORT: digits('', { min: 0, max: 65_535 }).optional().meta({ unit: '' }).describe(
    'Port on which this process answers /metrics beside the API, on HOST; a worker has no other. 0 takes any free one; without it there ' +
    'is none',
  ),
  GANGWAY_METRICS_TOKEN: secret(
    'Bearer token that may read /metrics from anywhere; at least 16 characters. Without it only this machine may',
  ),
  GANGWAY_BREAKER_FAILURES: count(5, { max: 1_000 }, 'Failures in a row that open a breaker'),
  GANGWAY_BREAKER_OPEN_SECONDS: seconds(300, { max: 86_400 }, 'Seconds a breaker stays open before one probe'),
  GANGWAY_REDIS_TIMEOUT_MS: milliseconds(25, { max: 10_000 }, 'Longest wait for a Redis command, milliseconds'),
  GANGWAY_ENGINE_TIMEOUT_MS: milliseconds(2_000, { max: 30_000 }, 'Deadline of one call to Temporal, milliseconds'),
  GANGWAY_DATABASE_TIMEOUT_MS: milliseconds(2_000, { max: 30_000 }, 'Longest wait for PostgreSQL inside a request, milliseconds'),
  GANGWAY_MODEL_TIMEOUT_MS: milliseconds(20_000, { max: 28_000 }, 'Longest wait for a proposal of the model, milliseconds'),
  GANGWAY_READING_TIMEOUT_MS: milliseconds(8_000, { max: 9_000 }, 'Longest wait for the model to read free text, milliseconds'),
  GANGWAY_BODY_BYTES: count(1_048_576, { max: 16_777_216 }, 'Largest JSON body, bytes'),
  GANGWAY_IMPORT_BYTES: count(
    268_435_456, { max: 4_294_967_296 }, 'Largest file of events that an import takes at once, bytes when unpacked',
  ),
  GANGWAY_BODY_DEPTH: count(32, { max: 1_000 }, 'Deepest nesting of a JSON body'),
  GANGWAY_IDLE_ABANDONED_DAYS: days(7, { max: 3_650 }, 'Idle days after which a session counts as abandoned'),
  GANGWAY_IDLE_CANCEL_DAYS: days(90, { max: 3_650 }, 'Idle days after which a session is cancelled'),
  GANGWAY_FLUSH_SECONDS: seconds(
    30, { max: 3_600 }, 'Seconds within which a session is flushed after its first unsaved answer; not before half of them',
  ),
  GANGWAY_FLUSH_BATCH_MS: milliseconds(500, { max: 10_000 }, 'Milliseconds the worker gathers rows for ClickHouse'),
  GANGWAY_FLUSH_BATCH_ROWS: count(1_000, { max: 100_000 }, 'Rows after which a batch is stored at once'),
  GANGWAY_UPDATES_PER_RUN: count(25, { max: 100 }, 'Messages after which a session continues as a new run, so that a replay stays short'),
  GANGWAY_PROPOSAL_FALLBACK_SECONDS: seconds(
    900, { max: 604_800 }, 'Seconds after which the rules of the flow propose when the model has not, counted from when it was first asked',
  ),
  GANGWAY_RETRY_DELAY_PERCENT: count(
    100, { max: 100 },
    'Length of the pauses between the tries of a task, percent of those of its category (docs/errors.md); less is for tests',
  ),
  GANGWAY_DLQ_MANUAL_RETRIES: count(3, { max: 1_000 }, 'Times a parked task may be retried by hand without force'),
  GANGWAY_DLQ_CAPACITY: count(
    1_000, { max: 1_000_000_000 }, 'Parked tasks of a tenant that its operators are expected to have an eye on; nothing is dropped beyond',
  ),
  GANGWAY_DLQ_ALERT_SECONDS: seconds(60, { max: 86_400 }, 'Seconds between two looks at what has to be alerted'),
  GANGWAY_WATCH_SECONDS: seconds(
    3_600, { max: 86_400 }, 'Seconds between two looks for steps that fewer people make than before; two within one hour count as one',
  ),
  GANGWAY_DLQ_RECONCILE_SECONDS: seconds(
    300, { max: 86_400 }, 'Seconds between two comparisons of the list of parked tasks with the engine',
  ),
  GANGWAY_TERMINATED: oneOf(['restore', 'end']).default('restore').describe(
    'What becomes of a session whose workflow was ended from outside, as by Terminate in Temporal: it goes on from where it stood, or it ' +
    'is cancelled for everybody (docs/operations.md)',
  ),
  GANGWAY_STOPPED_SECONDS: seconds(60, { max: 86_400 }, 'Seconds between two looks for such sessions'),
  GANGWAY_DLQ_KEEP_DAYS: days(90, { max: 3_650 }, 'Days that a completed or discarded task stays in the list'),
  GANGWAY_DLQ_ALERT_SHARE: count(80, { max: 100 }, 'Share of GANGWAY_DLQ_CAPACITY that is open in a tenant when an alert begins, percent'),
  GANGWAY_DLQ_ALERT_AGE_HOURS: hours(24, { max: 87_600 }, 'Hours a task may be open before an alert begins'),
  GANGWAY_ALERT_MAIL_TO: z.string()
    .refine((list) => list.split(',').every((address) => mailAddress.test(address.trim())), 'must be mail addresses, comma-separated')
      .optional()
    .describe('Comma-separated addresses that alerts are mailed to; needs SMTP_URL'),
  GANGWAY_ALERT_MAIL_FROM: z.string().regex(mailAddress, 'must be a mail address').optional().describe('Sender of those mails'),
  GANGWAY_CACHED_SESSIONS: count(1_000, { max: 1_000_000 }, 'Sessions a worker keeps in memory (about 310 KiB each)'),
  GANGWAY_STACK_TRACES: flag(
    "Keeps the stack of each promise of a workflow, for the Web UI's tab Stack Trace; it makes a session twice as heavy and slow",
  ),
  GANGWAY_IN_FLIGHT_PER_SESSION: count(8, { max: 10 }, 'Messages of one session under way at once in one API process'),
  GANGWAY_STREAMS: count(1_000, { max: 1_000_000 }, 'Event streams open at once in one API process'),
  GANGWAY_STREAMS_PER_PERSON: count(5, { max: 1_000_000 }, 'Event streams of one person open at once in one API process'),
  GANGWAY_STREAM_HEARTBEAT_MS: milliseconds(
    15_000, { min: 100, max: 60_000 }, 'Pause between signs of life on an event stream, milliseconds',
  ),
  GANGWAY_STREAM_POLL_MS: milliseconds(
    3_000, { min: 100, max: 60_000 }, 'Pause before an event stream asks its session again while Redis is away, milliseconds',
  ),
  GANGWAY_IDEMPOTENCY_HOURS: hours(24, { max: 8_760 }, 'Hours an Idempotency-Key is remembered'),
  GANGWAY_ALLOW_PRIVATE_URLS: flag('Lets outgoing requests go to http:// and to private addresses'),
  GANGWAY_CHANGE_TARGET_TIMEOUT_MS: milliseconds(10_000, { max: 15_000 }, 'Deadline of one request to the change target, milliseconds'),
  GANGWAY_EVENT_TRIES: count(3, { max: 1_000 }, 'Tries of an event before it is parked'),
  GANGWAY_EVENT_FIRST_DELAY_MS: milliseconds(
    5_000, { max: 3_600_000 }, 'Pause after the first failed try of an event, milliseconds; each further one is twice as long, ±20 %',
  ),
  GANGWAY_EVENT_DELAY_CAP_SECONDS: seconds(90, { max: 86_400 }, 'Longest pause between tries of an event, seconds'),
  GANGWAY_EVENT_RETRY_AFTER_SECONDS: seconds(
    3_600, { max: 604_800 }, 'Longest pause that a Retry-After of the receiver is honoured for, seconds',
  ),
  GANGWAY_EVENT_TIMEOUT_MS: milliseconds(10_000, { max: 60_000 }, 'Deadline of one try, milliseconds'),
  GANGWAY_EVENT_PARALLEL: count(8, { max: 32 }, 'Events under way at once in one worker, each of another session'),
  GANGWAY_EVENT_POLL_MS: milliseconds(500, { max: 60_000 }, 'Pause before looking for due events again, milliseconds'),
  GANGWAY_HISTORY_KEEP_DAYS: days(
    400, { max: 36_500 },
    'Days that single events of sessions are kept, for replay and funnels by event; longer reports than these lose some',
  ),
  GANGWAY_EVENT_KEEP_DAYS: days(7, { max: 3_650 }, 'Days a delivered event is kept'),
  GANGWAY_REMINDER_FIRST_HOURS: hours(24, { max: 8_760 }, 'Hours of silence after which a person is reminded, with EVENT_WEBHOOK_URL'),
  GANGWAY_REMINDER_SECOND_HOURS: hours(72, { max: 8_760 }, 'Hours of silence after which a person is reminded once more'),
  GANGWAY_REMINDER_HOUR_SECONDS: seconds(
    3_600, { max: 3_600 }, 'Seconds that an hour of silence lasts for both of these: fewer to try reminders out, as the demo does',
  ),
  GANGWAY_REMINDER_FROM_HOUR: count(8, { min: 0, max: 23 }, "Hour of the person's clock from which reminders are sent"),
  GANGWAY_REMINDER_TO_HOUR: count(20, { min: 1, max: 24 }, "Hour of the person's clock from which they wait for the next day"),
  GANGWAY_REMINDER_HELD_OUT_PERCENT: count(
    10, { min: 0, max: 90 }, 'People who get no reminder, by hash, so that the effect is measured, percent',
  ),
  GANGWAY_RESUME_TOKEN_SECONDS: seconds(3_600, { max: 86_400 }, 'Seconds that the token of a spent resume link counts'),
  GANGWAY_CHECK_ANSWERS: flag('Checks every answer against its documented schema; for tests'),
  GANGWAY_UNREADY_SECONDS: digits('seconds', { min: 0, max: 300 }).optional().meta({
    unit: 'seconds', description: 'Seconds that /readyz says 503 at shutdown before the port closes, so that a load balancer turns away ' +
    'first. Without it 5 for an API alone, and 0 for npm run up, which has nobody beside it',
  }),
  GANGWAY_DRAIN_SECONDS: seconds(15, { max: 300 }, 'Seconds running requests and tasks get at shutdown; the longest answer takes 14'),
});

export type Configuration = z.infer<typeof configurationSchema>;

/** Options in the address could undo the time-outs. */
function isMailServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  return /^smtps?:$/.test(protocol) && hostname !== '' && /^\/?$/.test(pathname) && search === '' && hash === '';
}
