/** Who is about to leave: one session, and all open ones of a tenant. */
import { z } from 'zod';
import { leastScore, riskLevels } from '../../domain/abandonment-risk.ts';
import { listTotalMax } from '../../stores/postgres/keyset-page.ts';
import { sessionsAtRisk } from '../../stores/postgres/sessions-at-risk.ts';
import { presentRisk, RiskWire } from '../risk.ts';
import { audited, ok, route } from '../route.ts';
import { clientId, sessionParams } from '../wire.ts';

const level = z.enum(riskLevels);

export const riskRoutes = [
  route.get('/sessions/:session_id/risk', {
    summary: 'How likely the person is to leave, and why', access: ['user'], limits: ['api'],
    audit: { action: 'risk.read', when: 'others' }, params: sessionParams, query: z.strictObject(clientId), answers: { 200: RiskWire },
    handler: async ({ params, call, services }) => {
      const { view } = await services.sessions.read(call.actor, params.session_id);
      return audited(ok(presentRisk(view, services.now())), { owner: view.owner });
    },
  }),
  route.get('/admin/at-risk-sessions', {
    summary: 'Open sessions that wait for their person, the most likely to be left first', access: ['admin'], limits: ['api'],
    audit: 'risk.list',
    query: z.strictObject({
      ...clientId, risk_level: level.default('high').meta({ description: 'The least level that is listed' }),
      limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Rows; total says how many there are' }),
    }),
    answers: {
      200: z.object({
        sessions: z.array(RiskWire.extend({ owner: z.string() }).meta({ id: 'SessionAtRisk' })), total: z.number().int().max(listTotalMax),
        total_is_at_least: z.boolean().optional().meta({ description: `true: there are more than ${listTotalMax}, not counted` }),
        filters: z.object({ risk_level: level, limit: z.number().int() }),
      }).meta({ id: 'SessionsAtRisk' }),
    },
    handler: async ({ query, call, services }) => {
      const now = services.now();
      const { views, total, totalIsAtLeast } = await sessionsAtRisk(services.stores.db, {
        tenant: call.actor.tenant, least: leastScore[query.risk_level], limit: query.limit, now,
      });
      return ok({
        sessions: views.map((view) => ({ ...presentRisk(view, now), owner: view.owner })), total,
        ...(totalIsAtLeast ? { total_is_at_least: true } : {}),
        filters: { risk_level: query.risk_level, limit: query.limit },
      });
    },
  }),
];
