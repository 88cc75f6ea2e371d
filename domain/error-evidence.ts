/**
 * What an error says of itself, as plain data: read once where it was caught, by fields that drivers set and never by
 * `instanceof`, so that it can be judged anywhere and kept. Never throws: getters that do, circles and things that are no
 * errors are all read.
 */
import { askedOf, cut, fieldsOf, textOf, type Fields } from './error-fields.ts';
import { placeOf, type ErrorPlace } from './error-places.ts';

export interface ErrorEvidence {
  /**
   * Of the class; of an ApplicationFailure that names a class, that one. 'null', 'string' … of what is no error. At most 200
   * characters.
   */
  readonly name: string;
  /** As it was thrown, at most 2,000 characters: it can quote what people said, so scrub() it before it is shown or kept. */
  readonly message: string;
  /** SQLSTATE, errno, Node's or undici's code, ClickHouse's number, Redis' first word, gRPC's status as digits. */
  readonly code?: string;
  /** HTTP. */
  readonly status?: number;
  /** A second word that its class has: a failure's type, a reason, a limit, `smtp 450`. */
  readonly kind?: string;
  readonly at?: ErrorPlace;
  /** An ApplicationFailure that its thrower wants not to be tried again. */
  readonly non_retryable?: boolean;
  readonly retry_after_ms?: number;
  readonly cause?: ErrorEvidence;
}

/** Errors of a chain that are read, the first included. */
export const maxCauses = 8;
const maxMessage = 2_000;
/** Of an AggregateError: the addresses of one name. */
const maxErrorsOfMany = 8;

interface Reading { readonly seen: Set<unknown>; readonly nowMs: number | undefined }

/** `error`: whatever a catch clause caught. `nowMs`: epoch time, for a Retry-After that is a date; without it such a date says nothing. */
export function evidenceOf(error: unknown, nowMs?: number): ErrorEvidence {
  return read(error, { seen: new Set(), nowMs }, 1);
}

function read(error: unknown, reading: Reading, depth: number): ErrorEvidence {
  if (error === null || error === undefined) return { name: String(error), message: '' };
  if (typeof error !== 'object' && typeof error !== 'function') return { name: typeof error, message: cut(textOf(error), maxMessage) };
  reading.seen.add(error);
  const fields = fieldsOf(error);
  const name = nameOf(error, fields);
  const message = fields.text('message', maxMessage) ?? fields.in('error').text('message', maxMessage) ?? '';
  const at = placeOf({ name, fields, message });
  const kind = kindOf(name, fields);
  const [code, status] = [codeOf(name, at, message, fields), statusOf(fields)];
  const wait = name === 'BreakerOpenError' || kind === 'breaker_open' ? undefined : retryAfterOf(fields, reading.nowMs);
  const cause = depth < maxCauses ? causeOf(fields, reading, depth) : undefined;
  return {
    name, message,
    ...(code !== undefined && { code }), ...(status !== undefined && { status }), ...(kind !== undefined && { kind }),
    ...(at !== undefined && { at }),
    ...(fields.get('nonRetryable') === true && { non_retryable: true }), ...(wait !== undefined && { retry_after_ms: wait }),
    ...(cause !== undefined && { cause }),
  };
}

/**
 * Drivers that leave the name as it is (`Error`, pg's `error`) are known by their constructor, failures of Temporal by the class
 * they name.
 */
function nameOf(error: object, fields: Fields): string {
  const name = fields.text('name');
  const failed = name === 'ApplicationFailure' ? fields.text('type') ?? '' : '';
  if (/^[A-Z][A-Za-z]{1,80}$/.test(failed)) return failed;
  if (name !== undefined && !/^(?:error|AggregateError)$/i.test(name)) return name;
  return fields.in('constructor').text('name') ?? name ?? typeof error;
}

function kindOf(name: string, fields: Fields): string | undefined {
  const smtp = fields.integer('responseCode');
  if (smtp !== undefined) return `smtp ${smtp}`;
  if (name === 'ChangeTargetError') return fields.text('kind');
  // Temporal's and ours, by the field that their classes have; then OpenAI's, in the error or in the body it carries
  return fields.text('type') ?? fields.text('failure') ?? fields.text('reason') ?? fields.text('limit') ?? fields.text('timeoutType')
    ?? fields.text('breaker')
    ?? fields.in('error').text('type') ?? fields.in('error').in('error').text('type');
}

function codeOf(name: string, at: ErrorPlace | undefined, message: string, fields: Fields): string | undefined {
  if (name === 'ReplyError') return replyCode(message);
  const number = fields.integer('code');
  // a DOMException's number is its name said otherwise
  if (number !== undefined) return name === 'AbortError' || name === 'TimeoutError' ? undefined : String(number);
  const text = fields.text('code') ?? fields.in('error').text('code') ?? fields.in('error').in('error').text('code');
  return text ?? (at === 'clickhouse' ? /^Code: (\d{1,4})\. /.exec(message)?.[1] : undefined);
}

/** Redis begins a reply with its code, except for what it says under `ERR`. */
function replyCode(message: string): string | undefined {
  if (/^ERR max number of clients/i.test(message)) return 'MAXCLIENTS';
  if (/^ERR (?:invalid password|AUTH |Client sent AUTH)/i.test(message)) return 'NOAUTH';
  return /^-?([A-Z]{2,20})\b/.exec(message)?.[1];
}

function statusOf(fields: Fields): number | undefined {
  for (const status of [fields.integer('status'), fields.integer('statusCode'), fields.in('response').integer('status')]) {
    if (status !== undefined && status >= 300 && status <= 599) return status;
  }
  return undefined;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** In milliseconds, seconds, a Temporal duration or a header. */
function retryAfterOf(fields: Fields, nowMs: number | undefined): number | undefined {
  const [, count, unit = ''] = /^(\d{1,9}) ?(ms|s|m|h)/.exec(fields.text('nextRetryDelay') ?? '') ?? [];
  const seconds = fields.get('retryAfterSeconds');
  const asked = [
    fields.get('retryAfterMs'), fields.get('nextRetryDelay'), count === undefined ? undefined : Number(count) * (units[unit] ?? 1),
    typeof seconds === 'number' ? seconds * 1_000 : undefined,
    headerOf(fields.get('headers'), nowMs), headerOf(fields.in('response').get('headers'), nowMs),
  ];
  return asked.find((ms): ms is number => typeof ms === 'number' && Number.isFinite(ms) && ms > 0);
}

/** Of plain objects and of fetch's Headers. */
function headerOf(headers: unknown, nowMs: number | undefined): number | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const value = (name: string): string => {
    const found = fieldsOf(headers).get(name) ?? askedOf(headers, 'get', name);
    return typeof found === 'string' ? found.trim() : '';
  };
  const ms = value('retry-after-ms');
  if (/^\d{1,9}$/.test(ms)) return Number(ms);
  const after = value('retry-after');
  if (/^\d{1,9}$/.test(after)) return Number(after) * 1_000;
  return nowMs === undefined || after === '' ? undefined : Date.parse(cut(after, 40)) - nowMs;
}

function causeOf(fields: Fields, reading: Reading, depth: number): ErrorEvidence | undefined {
  const cause = fields.get('cause') ?? oneOfMany(fields.get('errors')) ?? fields.get('lastNodeError');
  return cause === undefined || cause === null || reading.seen.has(cause) ? undefined : read(cause, reading, depth + 1);
}

/** Node tries every address of a name, and throws all that went wrong: the first that has a code stands for them. */
function oneOfMany(errors: unknown): unknown {
  if (!Array.isArray(errors)) return undefined;
  const few: unknown[] = errors.slice(0, maxErrorsOfMany);
  return few.find((error) => fieldsOf(error).text('code') !== undefined) ?? few[0];
}
