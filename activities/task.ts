/**
 * A task: its name, the shape of its input and its work. Everything that runs in the background is one. The definition
 * checks the input, carries the correlation id into every log line and gives the activity its name.
 */
import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { ClickHouse } from '../stores/clickhouse.ts';
import type { FlowRegistry } from '../stores/flow-registry.ts';
import type { HotCopies } from '../stores/hot-copies.ts';
import type { Database } from '../stores/postgres.ts';
import type { CopyWriter } from './copy-writer.ts';
import type { PaidModel } from './model/chat-model.ts';

/** What tasks work with; handed in, never imported. */
export interface TaskServices {
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly hotCopies: HotCopies;
  readonly flows: FlowRegistry;
  readonly copies: CopyWriter;
  readonly changeTarget: ChangeTarget;
  /** null: no model is configured. */
  readonly model: PaidModel | null;
  readonly log: Logger;
}

interface TaskDefinition<Input extends z.ZodType, Output> {
  readonly name: string;
  readonly input: Input;
  readonly run: (input: z.output<Input>, services: TaskServices) => Promise<Output>;
}

export type Task<Input, Output> = (services: TaskServices) => (input: Input) => Promise<Output>;

/** An input that breaks the schema fails at once: no retry would mend it. */
export function defineTask<Input extends z.ZodType, Output>(definition: TaskDefinition<Input, Output>): Task<z.input<Input>, Output> {
  return (services) => async (raw) => {
    const input = definition.input.safeParse(raw);
    if (!input.success) {
      const where = input.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
      throw ApplicationFailure.create({ type: 'validation', nonRetryable: true, message: `${definition.name} refuses its input: ${where}` });
    }
    const { attempt, workflowExecution } = activityInfo();
    const log = services.log.child({ task: definition.name, attempt, workflow_id: workflowExecution?.workflowId, correlation_id: correlationOf(raw) });
    const began = performance.now();
    try {
      const output = await definition.run(input.data, { ...services, log });
      log.debug({ duration_ms: Math.round(performance.now() - began) }, 'task done');
      return output;
    } catch (error) {
      log.warn({ err: describe(error) }, 'task failed');
      throw error;
    }
  };
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
