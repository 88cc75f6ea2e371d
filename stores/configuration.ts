/**
 * All configuration, read once from the environment and checked as a whole: every problem is reported at once,
 * values are never printed. docs/configuration.md is generated from this schema.
 */
import { z } from 'zod';

const whole = (fallback: number, description: string, range: { min?: number; max?: number } = {}) =>
  z.coerce.number().int().min(range.min ?? 1).max(range.max ?? Number.MAX_SAFE_INTEGER).default(fallback).describe(description);
const text = (description: string) => z.string().min(1).optional().describe(description);
const port = z.coerce.number().int().min(0).max(65_535);

export const configurationSchema = z.object({
  PORT: port.default(8080).describe('Port of the API. 0 takes any free one'),
  HOST: z.string().default('127.0.0.1').describe('Address the API listens on'),
  GANGWAY_DATA: z.string().min(1).default('.local/data').describe("Folder of the embedded servers' data and of the development secrets"),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info').describe('Least severity that is logged'),
  PUBLIC_URL: text('Address under which people reach the API, when it is not http://HOST:PORT'),

  TEMPORAL_ADDRESS: text('host:port of a Temporal server; without it the embedded one is started'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default').describe('Temporal namespace'),
  TEMPORAL_API_KEY: text('API key for Temporal Cloud'),
  REDIS_URL: text('redis:// address; without it the embedded server is started'),
  DATABASE_URL: text('postgres:// address; without it the embedded server is started'),
  CLICKHOUSE_URL: text('http:// address of a ClickHouse server; without it ClickHouse runs inside the service'),

  JWT_ISSUER: z.string().min(1).default('gangway').describe('Required `iss` of a token'),
  JWT_AUDIENCE: z.string().min(1).default('gangway').describe('Required `aud` of a token'),
  JWKS_URL: text('Key set of the identity provider (RS256, ES256, EdDSA); without it the development key (HS256) counts'),
  TRUSTED_PROXIES: z.string().default('').describe('Comma-separated CIDRs whose X-Forwarded-For is believed'),

  GANGWAY_PSEUDONYM_KEY: text('Secret that keys the pseudonyms of people in ClickHouse; needed with JWKS_URL, else derived from the development key'),
  GANGWAY_TASK_QUEUE: z.string().min(1).default('gangway').describe('Temporal task queue of the sessions'),
  GANGWAY_API_PER_MINUTE: whole(300, 'Requests a minute for one user'),
  GANGWAY_API_PER_MINUTE_ADMIN: whole(1_000, 'Requests a minute for one admin'),
  GANGWAY_ANONYMOUS_PER_HOUR: whole(60, 'Requests an hour without a valid credential, for one address'),
  GANGWAY_FALLBACK_PER_HOUR: whole(50, 'Requests an hour for one subject on a non-critical resource while Redis is away'),
  GANGWAY_BREAKER_FAILURES: whole(5, 'Consecutive store failures that open the limiter breaker'),
  GANGWAY_BREAKER_OPEN_SECONDS: whole(300, 'Seconds the limiter breaker stays open before one probe'),
  GANGWAY_REDIS_TIMEOUT_MS: whole(25, 'Longest wait for a Redis command, milliseconds'),
  GANGWAY_ENGINE_TIMEOUT_MS: whole(2_000, 'Deadline of one call to Temporal, milliseconds'),
  GANGWAY_DATABASE_TIMEOUT_MS: whole(2_000, 'Longest wait for PostgreSQL inside a request, milliseconds'),
  GANGWAY_BODY_BYTES: whole(1_048_576, 'Largest JSON body, bytes'),
  GANGWAY_BODY_DEPTH: whole(32, 'Deepest nesting of a JSON body'),
  GANGWAY_IDLE_ABANDONED_DAYS: whole(7, 'Idle days after which a session counts as abandoned'),
  GANGWAY_IDLE_CANCEL_DAYS: whole(90, 'Idle days after which a session is cancelled'),
  GANGWAY_FLUSH_SECONDS: whole(30, 'Seconds after the first unsaved answer until the session is flushed'),
  GANGWAY_FLUSH_BATCH_MS: whole(100, 'Milliseconds the worker gathers rows for ClickHouse'),
  GANGWAY_FLUSH_BATCH_ROWS: whole(1_000, 'Rows after which a batch is stored at once'),
  GANGWAY_UPDATES_PER_RUN: whole(150, 'Messages after which a session continues as a new run'),
  GANGWAY_CACHED_SESSIONS: whole(1_000, 'Sessions a worker keeps in memory (about 300 KiB each)'),
  GANGWAY_IN_FLIGHT_PER_SESSION: whole(8, 'Messages of one session under way at once in one API process', { max: 10 }),
  GANGWAY_IDEMPOTENCY_HOURS: whole(24, 'Hours an Idempotency-Key is remembered'),
  GANGWAY_CHECK_ANSWERS: z.enum(['true', 'false']).default('false').describe('Checks every answer against its documented schema; for tests'),
  GANGWAY_DRAIN_SECONDS: whole(10, 'Seconds running requests and tasks get at shutdown'),
});

export type Configuration = z.infer<typeof configurationSchema>;

/** Raised at start with every problem of the environment, one a line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Reads and checks the environment. Empty values count as absent. Throws ConfigurationError naming every bad setting. */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''));
  const result = configurationSchema.safeParse(present);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigurationError(`The configuration cannot be used:\n  ${lines.join('\n  ')}`);
}
