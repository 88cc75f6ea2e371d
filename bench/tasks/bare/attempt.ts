/** What the three activities share: one attempt with everything around its work, and the retries of its kind of error. */
import { hostname } from 'node:os';
import { activityInfo, ApplicationFailure, CancelledFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { z } from 'zod';
import type { Database } from './database.ts';
import type { Attempt, TaskFailure } from './parked-task.ts';

export interface FailedTask extends Omit<TaskFailure, 'attempts'> {
  readonly task: string;
  readonly tenant: string;
  readonly session_id: string | null;
  readonly attempt: number;
  readonly at: number;
  readonly delay_seconds: number | null;
}

export interface Services {
  readonly database: Database;
  readonly log: Logger;
  readonly errorLog: { record(failure: FailedTask): void };
  readonly attempted: Counter<'task' | 'outcome' | 'category'>;
}

interface Definition<Schema extends z.ZodType> {
  readonly name: string;
  readonly schema: Schema;
  /** Longest time of one attempt. */
  readonly timeoutMs: number;
  readonly services: Services;
  readonly raw: unknown;
}

export const sessionTask = z.object({ correlation_id: z.string(), tenant: z.string(), session_id: z.uuid() });

export class HttpError extends Error {
  readonly status: number;
  readonly headers: Headers;
  constructor({ status, headers }: Response) {
    super(`The server answered ${status}.`);
    this.status = status;
    this.headers = headers;
  }
}

class TimeoutError extends Error {
  readonly code = 'ETIMEDOUT';
}

const once = { tries: 1, firstDelayMs: 0, factor: 1, capMs: 0 };
const policies = {
  database: { tries: 3, firstDelayMs: 1_000, factor: 2, capMs: 30_000 },
  network: { tries: 5, firstDelayMs: 2_000, factor: 2, capMs: 60_000 },
  external_api: { tries: 3, firstDelayMs: 5_000, factor: 2, capMs: 90_000 },
  validation: once, authorization: once, data_integrity: once,
};
export type Category = keyof typeof policies;

const worker = `${process.pid}@${hostname()}`;
const beatMs = 3_000;
const longestRetryAfterMs = 300_000;

export async function attempt<Schema extends z.ZodType, Output>(
  definition: Definition<Schema>, work: (input: z.output<Schema>, services: Services & { readonly signal: AbortSignal }) => Promise<Output>,
): Promise<Output> {
  const { name, schema, timeoutMs, services, raw } = definition;
  const { attempt: number, workflowExecution } = activityInfo();
  const { tenant, session_id, correlation_id } = (raw ?? {}) as Readonly<Record<string, string | undefined>>;
  const log = services.log.child({ task: name, attempt: number, workflow_id: workflowExecution?.workflowId, correlation_id });
  const at = Date.now();
  const before = earlier();
  const beat = setInterval(() => { heartbeat(before); }, beatMs);
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new TimeoutError(`It did not end within ${timeoutMs} ms.`);
      over.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    const signal = AbortSignal.any([cancellationSignal(), over.signal]);
    const output = await Promise.race([work(schema.parse(raw), { ...services, log, signal }), late]);
    log.debug({ duration_ms: Date.now() - at }, 'task done');
    services.attempted.inc({ task: name, outcome: 'succeeded', category: '' });
    return output;
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    const category = categoryOf(error);
    const delayMs = retryDelayMs(category, number, error);
    const delay_seconds = delayMs === null ? null : delayMs / 1_000;
    const { exception_type, code, message } = described(error);
    log.warn({ err: { type: exception_type, code } }, 'task failed');
    services.errorLog.record({
      task: name, tenant: tenant ?? '', session_id: session_id ?? null, attempt: number, at, category, exception_type, message,
      delay_seconds,
    });
    services.attempted.inc({ task: name, outcome: delayMs === null ? 'exhausted' : 'retried', category });
    const attempts = [...before, { number, at, category, error: `${exception_type}: ${message}`.slice(0, 300), delay_seconds, worker }];
    // the engine keeps the last failure only: the list travels to the next attempt in the heartbeat's details
    heartbeat(attempts);
    const failure: TaskFailure = { category, exception_type, message, attempts };
    throw ApplicationFailure.create({
      type: category, message, details: [failure], nonRetryable: delayMs === null, ...(delayMs === null ? {} : { nextRetryDelay: delayMs }),
    });
  } finally {
    clearTimeout(timer);
    clearInterval(beat);
  }
}

/** The attempts before this one. Those that left no word timed out, or their worker was lost. */
function earlier(): Attempt[] {
  const { attempt: number, heartbeatDetails, scheduledTimestampMs } = activityInfo();
  const told = new Map((Array.isArray(heartbeatDetails) ? heartbeatDetails as Attempt[] : []).map((item) => [item.number, item]));
  let at = scheduledTimestampMs;
  return Array.from({ length: number - 1 }, (_, index) => {
    const found = told.get(index + 1) ?? {
      number: index + 1, at, category: 'network', error: 'It ran out of time, or its worker was lost.', delay_seconds: null, worker: null,
    } as const;
    at = found.at + (found.delay_seconds ?? 0) * 1_000;
    return found;
  });
}

/** By SQLSTATE, HTTP status and the codes of a connection; what nobody knows is tried as often as another system. */
function categoryOf(error: unknown): Category {
  if (error instanceof z.ZodError) return 'validation';
  if (error instanceof HttpError) {
    if (error.status === 401 || error.status === 403) return 'authorization';
    return error.status >= 500 || [408, 409, 425, 429].includes(error.status) ? 'external_api' : 'validation';
  }
  const { code } = described(error);
  if (code === undefined) return 'external_api';
  if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code)) {
    if (/^(?:08|25|40|53|55|57|58)/.test(code)) return 'database';
    if (/^28|^42501/.test(code)) return 'authorization';
    return code.startsWith('22') ? 'validation' : 'data_integrity';
  }
  return /^(?:E[A-Z_]+|UND_ERR_\w+)$/.test(code) ? 'network' : 'external_api';
}

/** Milliseconds until the next attempt; null: there is none. What the server asks for wins. */
function retryDelayMs(category: Category, number: number, error: unknown): number | null {
  const { tries, firstDelayMs, factor, capMs } = policies[category];
  if (number >= tries) return null;
  const asked = error instanceof HttpError ? retryAfterMs(error.headers) : 0;
  if (asked > 0) return Math.min(asked, longestRetryAfterMs);
  return Math.min(Math.round(firstDelayMs * factor ** (number - 1) * (0.8 + 0.4 * Math.random())), capMs);
}

/** Seconds or an HTTP date; milliseconds where the server has them. 0: nothing that can be read. */
function retryAfterMs(headers: Headers): number {
  const ms = headers.get('retry-after-ms') ?? '';
  if (/^\d{1,9}$/.test(ms)) return Number(ms);
  const after = headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(after) ? Number(after) * 1_000 : (Date.parse(after) || 0) - Date.now();
}

/** fetch and pg wrap what they met. */
function described(error: unknown): { exception_type: string; code: string | undefined; message: string } {
  if (!(error instanceof Error)) return { exception_type: typeof error, code: undefined, message: String(error) };
  const cause = error.cause instanceof Error ? described(error.cause).code : undefined;
  return {
    exception_type: error.constructor.name, code: 'code' in error && typeof error.code === 'string' ? error.code : cause,
    message: error.message.slice(0, 500),
  };
}
