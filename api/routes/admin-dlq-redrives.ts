import { z } from 'zod';
import { counts } from '../../domain/bounds.ts';
import { derivedId } from '../../domain/derived-id.ts';
import { redriveResults, redriveStatuses, type RedriveState } from '../../domain/redrive-state.ts';
import { matchingTaskIds } from '../../stores/postgres/tasks.ts';
import { Problem } from '../problem.ts';
import { audited, ok, route } from '../route.ts';
import { clientId, rate, uuid } from '../wire.ts';
import { confirmations, filterOf, reason, taskFilters } from './admin-dlq-wire.ts';

const RedriveRequest = z.strictObject({
  filter: z.strictObject({ ...taskFilters, status: z.literal('parked').optional() }),
  canary: z.number().int().min(0).max(counts.redrive_tasks).default(0).meta({
    description: 'So many first, and no more before all of them have ended',
  }),
  stop_at_failure_share: rate.default(0.5).meta({ description: 'It stops when more than this share of those that ended has failed' }),
  rate_per_second: z.number().min(0.01).max(100).default(5),
  reason: z.string().trim().min(1).max(1_000),
  confirm: z.enum(confirmations).optional().meta({ description: 'A filter that names nothing needs `all`' }),
}).meta({ id: 'RedriveRequest' });

const count = z.number().int();
export const RedriveWire = z.object({
  redrive_id: uuid, status: z.enum(redriveStatuses),
  matched: count.meta({
    description: `When it began, the oldest first, at most ${counts.redrive_tasks}; what is parked later is not part of it`,
  }),
  canary: count.meta({ description: 'So many first; 0: none' }), succeeded: count,
  failed: count.meta({ description: 'Parked again, or refused' }), remaining: count,
  note: z.string().nullable().meta({ description: 'Why it stopped' }),
}).meta({ id: 'Redrive' });
export const RedriveWithResults = RedriveWire.extend({
  results: z.array(z.object({ task_id: uuid, result: z.enum(redriveResults) })),
}).meta({ id: 'RedriveWithResults' });

const SteerRequest = z.strictObject({ reason }).meta({ id: 'RedriveSteering' });
const redriveParams = z.object({ redrive_id: uuid });

export const dlqRedriveRoutes = [
  route.post('/admin/dlq/redrives', {
    summary: 'Retry many parked tasks, carefully', access: ['admin'], limits: ['api'], audit: 'redrive.start',
    query: z.strictObject(clientId), body: RedriveRequest, answers: { 202: RedriveWire },
    example: { filter: { category: 'network' }, canary: 5, reason: 'The network is mended' }, problems: ['confirmation_required'],
    handler: async ({ body, call, services }) => {
      const { filter, confirm, ...how } = body;
      const { ids, total } = await matchingTaskIds(
        services.stores.db, filterOf(call.actor.tenant, { ...filter, status: 'parked' }), counts.redrive_tasks,
      );
      if (Object.keys(filter).length === 0 && confirm !== 'all') throw unconfirmed(total);
      // the same for each repeat of a keyed request, which then finds its redrive running
      const redriveId = derivedId('redrive', call.operationId);
      const redrive = await services.deadLetters.tasks.startRedrive({
        ...how, redrive_id: redriveId, tenant: call.actor.tenant, actor: call.actor.subject, task_ids: ids,
      });
      const details = { matched: redrive.matched, left_out: total - ids.length, canary: how.canary, rate_per_second: how.rate_per_second };
      return audited({ status: 202, body: presentRedrive(redrive) }, { target: `redrive:${redriveId}`, details });
    },
  }),
  route.get('/admin/dlq/redrives/:redrive_id', {
    summary: 'One redrive with the outcome of each task', access: ['admin'], limits: ['api'], audit: 'redrive.read',
    params: redriveParams, query: z.strictObject(clientId), answers: { 200: RedriveWithResults },
    handler: async ({ params, call, services }) => {
      const redrive = await services.deadLetters.tasks.redrive(call.actor.tenant, params.redrive_id);
      return ok({ ...presentRedrive(redrive), results: redrive.results.map(({ task_id, result }) => ({ task_id, result })) });
    },
  }),
  route.get('/admin/dlq/redrives/:redrive_id/events', {
    summary: 'Live numbers of a redrive until it is over', access: ['admin'], limits: ['api'], audit: 'redrive.events',
    params: redriveParams, query: z.strictObject({ ...clientId, last_event_id: z.string().max(100).optional() }),
    streams: true, answers: { 200: RedriveWire }, problems: ['too_many_streams'],
    handler: async ({ params, call, services }) => ({
      stream: await services.deadLetters.redrives.follow(call, params.redrive_id, presentRedrive),
    }),
  }),
  ...(['pause', 'resume', 'abort'] as const).map((act) => route.post(`/admin/dlq/redrives/:redrive_id/${act}`, {
    summary: `${act.charAt(0).toUpperCase()}${act.slice(1)} a redrive; tasks that were begun go on`, access: ['admin'], limits: ['api'],
    audit: `redrive.${act}`, params: redriveParams, query: z.strictObject(clientId), body: SteerRequest, answers: { 202: RedriveWire },
    example: { reason: 'The receiver is away again' },
    problems: ['wrong_state'],
    handler: async ({ params, call, services }) => {
      const redrive = await services.deadLetters.tasks.steerRedrive(call.actor.tenant, params.redrive_id, act, call.operationId);
      return audited({ status: 202, body: presentRedrive(redrive) }, { details: { status: redrive.status } });
    },
  })),
];

export function presentRedrive(
  { redrive_id, status, matched, canary = 0, succeeded, failed, remaining, note }: RedriveState,
): z.input<typeof RedriveWire> {
  return { redrive_id, status, matched, canary, succeeded, failed, remaining, note };
}

function unconfirmed(matching: number): Problem {
  const message = `The filter names nothing: all ${matching} parked tasks match.`;
  return new Problem('confirmation_required', `${message} Nothing was retried. Name what is meant, or repeat with confirm=all.`, {
    members: { matching_tasks: matching },
    errors: [{ pointer: '/confirm', code: 'confirmation_required', message, fix: 'Send confirm=all, or a filter.' }],
  });
}
