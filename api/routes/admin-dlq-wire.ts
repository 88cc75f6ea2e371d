/** Parked tasks as the contract shows and filters them. */
import { z } from 'zod';
import { errorCategories, errorSeverities } from '../../domain/error-category.ts';
import { taskStatuses, type ParkedTaskState } from '../../domain/parked-task.ts';
import type { TaskFilter, TaskRow } from '../../stores/postgres/tasks.ts';
import { iso } from '../presentation.ts';
import type { Services } from '../services.ts';
import { json, moment, time, uuid } from '../wire.ts';
import { maskedInput } from '../task-input.ts';
import { taskWorkflowId } from '../../workflows/workflow-ids.ts';

export const TaskWire = z.object({
  task_id: uuid, task_name: z.string(), status: z.enum(taskStatuses), category: z.enum(errorCategories), severity: z.enum(errorSeverities),
  exception_type: z.string(), exception_message: z.string().meta({ description: 'Scrubbed of personal data' }),
  fingerprint: z.string(), attempts: z.number().int().meta({ description: 'In all rounds' }), manual_retries: z.number().int(),
  correlation_id: z.string(), session_id: uuid.nullable(), parked_at: time, age_seconds: z.number().int(),
}).meta({ id: 'Task' });

export const TaskWithHistory = TaskWire.extend({
  input: json.meta({ description: 'Personal data is masked. In an amended input a mask stands for what it masks' }),
  input_schema: json.meta({ description: 'What an input has to look like, as JSON Schema; null: there is no such task any more' }),
  amended: z.boolean(), max_retries: z.number().int(),
  context: z.object({ session_id: uuid.nullable(), user: z.string().nullable(), correlation_id: z.string() }),
  retry_history: z.array(z.object({
    round: z.number().int().meta({ description: '0: by itself; each later one was asked for' }),
    attempt: z.number().int(), at: time, category: z.enum(errorCategories),
    error: z.string(), delay_seconds: z.number().nullable(), worker: z.string().nullable(), actor: z.string().nullable(),
    reason: z.string().nullable(), input: z.enum(['original', 'amended']),
  })),
  unclassified: z.boolean(), updated_at: time, ended_at: time.nullable(),
  discarded: z.object({ actor: z.string(), reason: z.string().nullable() }).nullable(),
  succeeded_late_at: time.nullable().meta({ description: 'It went well when nobody waited any more; nothing was done with the result' }),
  workflow_id: z.string(), links: z.object({ temporal_ui: z.string().nullable() }),
  stale: z.boolean().meta({ description: 'true: a copy that may be behind, while the workflow cannot be asked' }),
}).meta({ id: 'TaskWithHistory' });

/** What a list, a clear or a redrive may be narrowed to. An empty text is refused: it is no filter, and was left empty by mistake. */
const name = z.string().min(1).max(200).optional();
export const narrowing = { task_name: name, category: z.enum(errorCategories).optional(), exception_type: name };
export const taskFilters = {
  ...narrowing, fingerprint: name, correlation_id: name, session_id: uuid.optional(),
  parked_after: moment.optional().meta({ description: 'That moment is part of it' }),
  parked_before: moment.optional().meta({ description: 'That moment is not part of it' }),
};
export const reason = z.string().trim().min(1).max(1_000).optional();
/** Enough for a filter that was named; without one it has to be `all`. */
export const confirmations = ['yes', 'true', 'all'] as const;

type GivenFilter = { readonly [Name in Exclude<keyof TaskFilter, 'tenant'>]?: TaskFilter[Name] | undefined };

export function filterOf(tenant: string, given: GivenFilter): TaskFilter {
  const { status = null, task_name = null, category = null, exception_type = null } = given;
  const { fingerprint = null, correlation_id = null, session_id = null } = given;
  return {
    tenant, status, task_name, category, exception_type, fingerprint, correlation_id, session_id, parked_after: given.parked_after ?? null,
    parked_before: given.parked_before ?? null,
  };
}

export function presentTask(row: TaskRow, now: number): z.input<typeof TaskWire> {
  const { parked_at: parkedAt } = row;
  return {
    task_id: row.task_id, task_name: row.task_name, status: row.status, category: row.category, severity: row.severity,
    exception_type: row.exception_type, exception_message: row.exception_message, fingerprint: row.fingerprint, attempts: row.attempts,
    manual_retries: row.manual_retries, correlation_id: row.correlation_id, session_id: row.session_id, parked_at: parkedAt.toISOString(),
    age_seconds: Math.max(0, Math.round((now - parkedAt.getTime()) / 1_000)),
  };
}

export function presentWhole(services: Services, state: ParkedTaskState, stale: boolean): z.input<typeof TaskWithHistory> {
  const { failure: { message, unclassified, ...failure }, context, history } = state;
  const workflowId = taskWorkflowId(state.tenant, state.task_id);
  const row: TaskRow = {
    ...failure, task_id: state.task_id, task_name: state.task_name, status: state.status, exception_message: message,
    attempts: history.length,
    manual_retries: state.manual_retries, correlation_id: context.correlation_id, session_id: context.session_id,
    parked_at: new Date(state.parked_at),
  };
  return {
    ...presentTask(row, services.now()), input: maskedInput(state.input),
    input_schema: services.deadLetters.inputSchema(state.task_name), amended: state.amended, max_retries: state.max_retries,
    context: { session_id: context.session_id, user: context.user, correlation_id: context.correlation_id },
    retry_history: history.map(({ number, at, category, error, delay_seconds, worker, round, actor, reason: why, input }) => ({
      round, attempt: number, at: iso(at), category, error, delay_seconds, worker, actor, reason: why, input,
    })),
    unclassified, updated_at: iso(state.updated_at), ended_at: state.ended_at === null ? null : iso(state.ended_at),
    discarded: state.discarded,
    succeeded_late_at: state.succeeded_late_at === null ? null : iso(state.succeeded_late_at),
    workflow_id: workflowId, links: { temporal_ui: services.temporalLink(workflowId) }, stale,
  };
}
