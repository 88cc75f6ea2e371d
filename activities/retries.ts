/**
 * Retries of all tasks in one place: an interceptor around every activity that says what kind of error it was, keeps every
 * attempt, and ends the tries of its category. No task contains retry code.
 *
 * 1. The engine keeps the last failure only. Attempts travel in the heartbeat's details from one attempt to the next, and the
 *    last failure brings the whole list to the workflow.
 * 2. An attempt whose worker died left no word: the gap is filled by the next one.
 * 3. A last try arrives in the workflow as a failure that must not be retried; the policy of the proxy is only the bound.
 * 4. A cancelled attempt is no failure, and goes through as it is.
 */
import { ApplicationFailure, CancelledFailure, type Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { fillGaps, type Attempt } from '../domain/attempts.ts';
import { classify } from '../domain/error-classification.ts';
import { retryDelayMs } from '../domain/error-category.ts';
import { evidenceOf } from '../domain/error-evidence.ts';
import { fingerprintOf, scrub } from '../domain/error-fingerprint.ts';
import type { TaskFailure } from '../domain/parked-task.ts';
import { workerName } from './worker-name.ts';

/** An attempt that failed, for the error log and metrics. */
export interface FailedTask extends Omit<TaskFailure, 'attempts'> {
  readonly task_name: string;
  readonly tenant: string;
  readonly session_id: string | null;
  readonly attempt: number;
  readonly at: number;
  /** Until the next attempt; null: there is none. */
  readonly delay_seconds: number | null;
}

export interface RetriesOptions {
  /** 'proxy': somebody waits, or it is tried for ever; its proxy in workflows/ alone says how often. */
  readonly retryOf: (taskName: string) => 'category' | 'proxy';
  readonly onFailure: (failure: FailedTask) => void;
  /** After `attempt` tries. */
  readonly onSuccess: (task: { readonly task_name: string; readonly tenant: string; readonly attempt: number }) => void;
  /** Type of the workflow in which a task runs when an operator retries it. */
  readonly retriedIn: string;
  /** An operator retries: what a breaker holds back may be probed now. */
  readonly onManualRetry: () => void;
  readonly now: () => number;
  readonly random: () => number;
  /** Of the delays between attempts; 100 unless told otherwise. */
  readonly delayPercent?: number;
}

/**
 * Well within the heartbeat timeout of the proxy. The engine tells a task that nobody wants it any more in its answer to a heartbeat,
 * so a call that somebody pays for is broken off this much later; most tasks have ended before their first one.
 */
const beatMs = 500;
const errorMax = 300;

export class Retries implements ActivityInboundCallsInterceptor {
  private readonly context: Context;
  private readonly options: RetriesOptions;

  constructor(context: Context, options: RetriesOptions) {
    this.context = context;
    this.options = options;
  }

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const { activityType: task_name, attempt, workflowType, heartbeatTimeoutMs } = this.context.info;
    const before = attempt === 1 ? [] : this.earlier();
    const at = this.options.now();
    if (workflowType === this.options.retriedIn && attempt === 1) this.options.onManualRetry();
    const beat = heartbeatTimeoutMs === undefined ? null : setInterval(() => { this.context.heartbeat(before); }, beatMs);
    try {
      const output: unknown = await next(input);
      this.options.onSuccess({ task_name, tenant: textIn(input.args[0], 'tenant') ?? '', attempt });
      return output;
    } catch (error) {
      if (error instanceof CancelledFailure) throw error;
      throw this.failed(error, input.args[0], before, at);
    } finally {
      if (beat !== null) clearInterval(beat);
    }
  }

  private failed(error: unknown, input: unknown, before: readonly Attempt[], at: number): ApplicationFailure {
    const { activityType: task_name, attempt } = this.context.info;
    const evidence = evidenceOf(error, this.options.now());
    const kind = classify(evidence);
    const { category, severity, unclassified } = kind;
    const message = scrub(evidence.message);
    // a task that names the category itself has wrapped what it met
    const exception_type = evidence.name === 'ApplicationFailure' ? evidence.cause?.name ?? evidence.name : evidence.name;
    const fingerprint = fingerprintOf({ exception_type, task_name, message });
    const byCategory = this.options.retryOf(task_name) === 'category';
    const delayMs = retryDelayMs({ ...kind, attempt, random: this.options.random, delay_percent: this.options.delayPercent });
    const delay_seconds = delayMs === null ? null : delayMs / 1_000;
    const attempts = [
      ...before,
      { number: attempt, at, category, error: `${exception_type}: ${message}`.slice(0, errorMax), delay_seconds, worker: workerName },
    ];
    const failure: TaskFailure = { category, severity, unclassified, exception_type, message, fingerprint, attempts };
    this.options.onFailure({
      task_name, tenant: textIn(input, 'tenant') ?? '', session_id: textIn(input, 'session_id'), attempt, at, delay_seconds,
      category, severity, unclassified, exception_type, message, fingerprint,
    });
    if (!byCategory) return ApplicationFailure.create({ type: category, message });
    this.context.heartbeat(attempts);
    return ApplicationFailure.create({
      type: category, message, details: [failure], nonRetryable: delayMs === null, ...(delayMs === null ? {} : { nextRetryDelay: delayMs }),
    });
  }

  /** The attempts before this one, as far as they left word. */
  private earlier(): Attempt[] {
    const { attempt, heartbeatDetails, scheduledTimestampMs } = this.context.info;
    const told = Array.isArray(heartbeatDetails) ? heartbeatDetails as Attempt[] : [];
    return fillGaps(told, attempt - 1, scheduledTimestampMs);
  }
}

function textIn(input: unknown, field: 'tenant' | 'session_id'): string | null {
  if (typeof input !== 'object' || input === null || !(field in input)) return null;
  const value = (input as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'string' ? value : null;
}
