import { z } from 'zod';
import { ok, route } from '../route.ts';
import { clientId, listOf, time, uuid } from '../wire.ts';

const limitMost = 100;

const StuckWire = z.object({
  session_id: uuid.nullable().meta({ description: 'The session, or the one that waits for a parked task; null: none' }),
  workflow_id: z.string(),
  failure_type: z.string().meta({ description: 'As Temporal names it' }),
  since: time.meta({ description: 'When its workflow tasks began to fail' }),
  heal: z.string().meta({ description: 'The command that heals it: it is ended in Temporal, and begins again from what is kept of it' }),
}).meta({ id: 'StuckSession' });

export const stuckRoutes = [
  route.get('/admin/sessions/stuck', {
    summary: 'Sessions that cannot move: their workflow tasks fail again and again', access: ['admin'], limits: ['api'],
    audit: 'session.list_stuck', answers: { 200: listOf(StuckWire) },
    query: z.strictObject({
      ...clientId,
      limit: z.coerce.number().int().min(1).max(limitMost).default(20).meta({ description: 'Rows; total says how many there are' }),
    }),
    handler: async ({ query, call, services }) => {
      const everybody = call.actor.roles.includes('platform') && query.client_id === undefined;
      const { total, results } = await services.stuck.list(everybody ? null : call.actor.tenant, query.limit);
      const shown = results.map(({ since, ...one }) => (
        { ...one, since: new Date(since).toISOString(), heal: services.healCommand(one.workflow_id) }
      ));
      return ok({ results: shown, total, next_cursor: null });
    },
  }),
];
