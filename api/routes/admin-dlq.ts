import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { MessageRejected, type Mistake } from '../../domain/message.ts';
import { taskPriorities, taskStatuses, type ParkedTaskState } from '../../domain/parked-task.ts';
import { pageSorts } from '../../stores/postgres/keyset-page.ts';
import { listTasks } from '../../stores/postgres/tasks.ts';
import { listed, readCursor } from '../cursor.ts';
import { iso } from '../presentation.ts';
import { Problem } from '../problem.ts';
import { audited, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { unmaskedInput } from '../task-input.ts';
import { clientId, json, listOf, paging, time, uuid } from '../wire.ts';
import { filterOf, presentTask, presentWhole, reason, taskFilters, TaskWire, TaskWithHistory } from './admin-dlq-wire.ts';

const RetryRequest = z.strictObject({
  force: z.boolean().default(false).meta({ description: 'Also when it was retried by hand as often as is allowed' }),
  input: json.optional().meta({ description: 'In place of the input it had, all of it. A mask that comes back stands for what it masks' }),
  reason, priority: z.enum(taskPriorities).optional(),
}).meta({ id: 'RetryRequest' });

export const Retried = z.object({
  task_id: uuid, status: z.literal('retrying'), manual_retries: z.number().int(), max_retries: z.number().int(),
}).meta({ id: 'RetriedTask' });
const Discarded = z.object({ task_id: uuid, status: z.literal('discarded'), deleted_at: time }).meta({ id: 'DiscardedTask' });

const taskParams = z.object({ task_id: uuid });

export const dlqRoutes = [
  route.get('/admin/dlq/tasks', {
    summary: 'Parked tasks; those that are open unless a status is named', access: ['admin'], limits: ['api'], audit: 'dlq.list',
    answers: { 200: listOf(TaskWire) },
    query: z.strictObject({
      ...paging, ...clientId, ...taskFilters, status: z.enum(taskStatuses).optional(), sort: z.enum(pageSorts).default('newest'),
    }),
    handler: async ({ query, call, services }) => {
      const { limit, cursor, sort, ...filter } = query;
      const page = await listTasks(services.stores.db, filterOf(call.actor.tenant, filter), sort, { limit, after: readCursor(cursor) });
      return ok(listed(page, page.rows.map((row) => presentTask(row, services.now()))));
    },
  }),
  route.get('/admin/dlq/tasks/:task_id', {
    summary: 'One task with its input, masked, and every attempt', access: ['admin'], limits: ['api'], audit: 'dlq.read',
    params: taskParams,
    query: z.strictObject(clientId), answers: { 200: TaskWithHistory }, versioned: true,
    handler: async ({ params, call, services }) => {
      const { state, stale } = await services.deadLetters.tasks.read({ tenant: call.actor.tenant, task_id: params.task_id });
      return ok(presentWhole(services, state, stale), { ETag: `"${state.revision}"` });
    },
  }),
  route.post('/admin/dlq/tasks/:task_id/retry', {
    summary: 'Retry a parked task; two clicks are one retry', access: ['admin'], limits: ['api'], audit: 'dlq.retry', params: taskParams,
    query: z.strictObject(clientId), body: RetryRequest, answers: { 202: Retried },
    example: { reason: 'The receiver is back' },
    problems: ['not_parked', 'max_retries_exceeded', 'precondition_failed', 'input_invalid'],
    handler: async ({ params, body, call, services }) => {
      const task = { tenant: call.actor.tenant, task_id: params.task_id };
      const state = await services.deadLetters.tasks.current(task);
      if (call.ifMatch?.includes(state.revision) === false) {
        throw new Problem('precondition_failed', 'This task has changed. Read it again.');
      }
      // a click speaks of what could be seen when it was made: one that came before the last change was the second of two
      if (state.updated_at > call.receivedAt) {
        throw new MessageRejected('not_parked', 'This task changed just before you asked. Read it again.');
      }
      const input = body.input === undefined ? {} : { input: amendedInput(services, state, body.input) };
      const { manual_retries, max_retries } = await services.deadLetters.tasks.retry(task, call.operationId, {
        actor: call.actor.subject, reason: body.reason ?? null, force: body.force, priority: body.priority ?? null,
        round: state.manual_retries,
        ...input,
      });
      const details = { force: body.force, amended: body.input !== undefined, manual_retries };
      return audited(
        { status: 202, body: { task_id: task.task_id, status: 'retrying' as const, manual_retries, max_retries } }, { details },
      );
    },
  }),
  ...['/admin/dlq/tasks/:task_id/delete', '/admin/dlq/tasks/:task_id'].map((path) => route.delete(path, {
    summary: 'Discard a parked task; whoever waits for it is told', access: ['admin'], limits: ['api'], audit: 'dlq.discard',
    params: taskParams,
    query: z.strictObject({ ...clientId, reason }), answers: { 200: Discarded }, problems: ['not_parked'],
    handler: async ({ params, query, call, services }) => {
      const task = { tenant: call.actor.tenant, task_id: params.task_id };
      const { updated_at: at } = await services.deadLetters.tasks.discard(task, call.operationId, {
        actor: call.actor.subject, reason: query.reason ?? null,
      });
      return ok({ task_id: task.task_id, status: 'discarded' as const, deleted_at: iso(at) });
    },
  })),
];

/** With its masks replaced, and fit for the task. Throws input_invalid. */
function amendedInput(services: Services, state: ParkedTaskState, given: Json): Json {
  const { input, mistakes } = unmaskedInput(given, state.input);
  const unfit: Mistake[] = mistakes.length > 0 ? [...mistakes]
    : services.deadLetters.inputMistakes(state.task_name, input).map(({ pointer, message }) => ({
    pointer, code: 'invalid_value', message: `${pointer === '' ? 'The input' : pointer}: ${message}`,
    fix: 'Correct it, or send the value as it was shown.',
  }));
  if (unfit.length === 0) return input;
  throw new Problem('input_invalid', `This input is not what ${state.task_name} takes. Nothing was retried.`, {
    errors: unfit.slice(0, mistakesShown).map((mistake) => ({ ...mistake, pointer: `/input${mistake.pointer}` })),
  });
}

const mistakesShown = 20;
