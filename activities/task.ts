/**
 * A task: its name, the shape of its input and its work. Everything that runs in the background is one. The definition
 * checks the input, bounds the time, carries the correlation id into every log line and gives the activity its name; retries
 * and the history of attempts come with the interceptor (retries.ts), parking with workflows/tasks.ts.
 */
import { activityInfo, ApplicationFailure, cancellationSignal } from '@temporalio/activity';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Json } from '../domain/json.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { Sealer } from '../encryption/sealer.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { ClickHouse } from '../stores/clickhouse/client.ts';
import type { DataThrough } from '../stores/data-through.ts';
import type { Database } from '../stores/postgres/database.ts';
import type { Inspecting } from '../uploads/inspecting.ts';
import type { Alerting } from './alerts/alerting.ts';
import type { EventReceiver } from './outbox/receiver.ts';
import type { PaidModel } from './model/chat-model.ts';
import type { SessionWorkflows } from './session-workflows.ts';
import type { Stuck } from './stuck.ts';
import type { TaskWorkflows } from './task-workflows.ts';
import type { UploadWorkflows } from './upload-workflows.ts';
import type { FlushWriter } from './waiting-flushes.ts';

/** What tasks work with; handed in, never imported. */
export interface TaskServices {
  readonly stores: {
    readonly db: Database;
    /** For copies outside Temporal. */
    readonly sealer: Sealer;
  };
  readonly flows: FlowRegistry;
  readonly copies: FlushWriter;
  readonly changeTarget: ChangeTarget;
  /** null: no model is configured. */
  readonly model: PaidModel | null;
  /** null: events are told to nobody. */
  readonly eventReceiver: EventReceiver | null;
  readonly deadLetters: {
    readonly workflows: TaskWorkflows;
    readonly alerting: Alerting;
    /** Days that an ended task stays in the list. */
    readonly keepDays: number;
  };
  readonly sessionWorkflows: SessionWorkflows;
  readonly uploads: {
    readonly inspecting: Pick<Inspecting, 'inspect'>;
    readonly files: FileStore;
    readonly workflows: UploadWorkflows;
    /** Days after the end of its session that an upload stays which no answer names. */
    readonly keepDays: number;
  };
  readonly stuck: Stuck;
  readonly reports: { readonly clickhouse: ClickHouse; readonly dataThrough: Pick<DataThrough, 'of'> };
  readonly log: Logger;
}

interface TaskDefinition<Input extends z.ZodType, Output> {
  readonly name: string;
  readonly input: Input;
  /** Longest time of one attempt. */
  readonly timeoutMs: number;
  /** 'category' (default): as the kind of its error has it. 'proxy': as its proxy in workflows/tasks.ts has it. */
  readonly retry?: 'category' | 'proxy';
  /** `signal` fires when the time is over, or when nobody wants the result any more. */
  readonly run: (input: z.output<Input>, services: TaskServices & { readonly signal: AbortSignal }) => Promise<Output>;
}

export interface Task<Input, Output> extends Pick<TaskDefinition<z.ZodType, Output>, 'name' | 'retry'> {
  /** The activity. */
  readonly with: (services: TaskServices) => (input: Input) => Promise<Output>;
  /** What is wrong with an input: a place and words each. Empty: nothing. */
  readonly mistakes: (input: unknown) => readonly { readonly pointer: string; readonly message: string }[];
  /** What an input looks like, as JSON Schema: for the form of an operator, who is judged by `mistakes` all the same. */
  readonly schema: () => Json;
}

/** An input that breaks the schema fails at once: no retry would mend it. */
export function defineTask<Input extends z.ZodType, Output>(definition: TaskDefinition<Input, Output>): Task<z.input<Input>, Output> {
  const { name, retry = 'category' } = definition;
  return {
    name, retry, with: (services) => (raw) => runAttempt(definition, raw, services),
    mistakes: (input) => mistakesOf(definition.input.safeParse(input)),
    schema: () => z.toJSONSchema(definition.input, { io: 'input', unrepresentable: 'any' }) as Json,
  };
}

async function runAttempt<Input extends z.ZodType, Output>(
  definition: TaskDefinition<Input, Output>, raw: unknown, services: TaskServices,
): Promise<Output> {
  const { name, input: schema, timeoutMs } = definition;
  const input = schema.safeParse(raw);
  if (!input.success) {
    const where = mistakesOf(input).map(({ pointer, message }) => `${pointer}: ${message}`).join('; ');
    throw ApplicationFailure.create({ type: 'validation', nonRetryable: true, message: `${name} refuses its input: ${where}` });
  }
  const { attempt, workflowExecution } = activityInfo();
  const log = services.log.child({ task: name, attempt, workflow_id: workflowExecution?.workflowId, correlation_id: correlationOf(raw) });
  const began = performance.now();
  try {
    const output = await within(timeoutMs, (signal) => definition.run(input.data, { ...services, log, signal }));
    log.debug({ duration_ms: Math.round(performance.now() - began) }, 'task done');
    return output;
  } catch (error) {
    log.warn({ err: describe(error) }, 'task failed');
    throw error;
  }
}

/** The attempt's time is over. Its code is what the classifier goes by. */
class TaskTimeoutError extends Error {
  override readonly name = 'TaskTimeoutError';
  readonly code = 'ETIMEDOUT';
}

async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new TaskTimeoutError(`It did not end within ${timeoutMs} ms.`);
      over.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(AbortSignal.any([cancellationSignal(), over.signal])), late]);
  } finally {
    clearTimeout(timer);
  }
}

function mistakesOf(parsed: z.ZodSafeParseResult<unknown>): { pointer: string; message: string }[] {
  return (parsed.error?.issues ?? []).map(({ path, message }) => ({ pointer: ['', ...path.map(String)].join('/'), message }));
}

function correlationOf(raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null || !('correlation_id' in raw)) return undefined;
  return typeof raw.correlation_id === 'string' ? raw.correlation_id : undefined;
}

/** Class and code only: a driver's message can quote the values it was given. */
function describe(error: unknown): { type: string; code?: string } {
  if (!(error instanceof Error)) return { type: typeof error };
  return 'code' in error && typeof error.code === 'string' ? { type: error.name, code: error.code } : { type: error.name };
}
