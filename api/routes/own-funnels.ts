/** Funnels of one's own, kept by a name for everybody who reads the tenant's reports. */
import { z } from 'zod';
import type { FunnelDefinition } from '../../analytics/own-funnel/definition.ts';
import { dropFunnel, keepFunnel, keptFunnelsMax, listFunnels, type KeptFunnel } from '../../stores/postgres/own-funnels.ts';
import { derivedId } from '../../domain/derived-id.ts';
import { listed, readCursor } from '../cursor.ts';
import { definitionJson, definitionOf, FunnelDefinitionWire, type FunnelDefinitionBody } from '../own-funnels.ts';
import { notFound, Problem } from '../problem.ts';
import { audited, created, ok, route } from '../route.ts';
import { clientId, json, listOf, paging, time, uuid } from '../wire.ts';

const KeptWire = z.object({
  funnel_id: uuid, name: z.string(), definition: json.meta({ description: 'As POST /analytics/funnel/ takes it' }), created_by: z.string(),
  created_at: time,
}).meta({ id: 'KeptFunnel' });

export const ownFunnelRoutes = [
  route.get('/analytics/funnels', {
    summary: 'Funnels kept by name, newest first', access: ['analyst'], limits: ['api'], query: z.strictObject({ ...paging, ...clientId }),
    answers: { 200: listOf(KeptWire) },
    handler: async ({ query, call, services }) => {
      const page = await listFunnels(services.stores.db, call.actor.tenant, { limit: query.limit, after: readCursor(query.cursor) });
      return ok(listed(page, page.rows.map(present)));
    },
  }),
  route.post('/analytics/funnels', {
    summary: 'Keep a funnel by a name', access: ['analyst'], limits: ['api'], audit: 'funnel.create', query: z.strictObject(clientId),
    body: z.strictObject({ name: z.string().trim().min(1).max(128), definition: FunnelDefinitionWire }).meta({ id: 'KeptFunnelRequest' }),
    example: { name: 'From the first answer to the end', definition: { steps: [{ event: 'engaged' }, { event: 'completed' }] } },
    answers: { 201: KeptWire }, problems: ['invalid_steps', 'invalid_window', 'name_taken', 'too_many_funnels'],
    handler: async ({ body, call, services }) => {
      const { tenant, subject } = call.actor;
      const outcome = await keepFunnel(services.stores.db, {
        funnel_id: derivedId('funnel', tenant, call.operationId), tenant, name: body.name,
          definition: definitionJson(keptDefinition(body.definition)), created_by: subject,
      });
      if ('kept' in outcome) return audited(created(present(outcome.kept)),
        { target: `funnel:${outcome.kept.funnel_id}`, details: { name: body.name } });
      throw outcome.refused === 'name_taken'
        ? new Problem('name_taken', 'There is a funnel of this name. Take another, or delete that one.')
        : new Problem('too_many_funnels', `A tenant keeps at most ${keptFunnelsMax} funnels. Delete one first.`);
    },
  }),
  route.delete('/analytics/funnels/:funnel_id', {
    summary: 'Forget a funnel; what it counted stays', access: ['analyst'], limits: ['api'], audit: 'funnel.delete',
    params: z.object({ funnel_id: uuid }), query: z.strictObject(clientId), answers: { 200: KeptWire },
    handler: async ({ params, call, services }) => {
      const row = await dropFunnel(services.stores.db, call.actor.tenant, params.funnel_id);
      if (row === null) throw notFound();
      return audited(ok(present(row)), { details: { name: row.name } });
    },
  }),
];

/** As definitionOf, and what is wrong is named where it stands in this body. */
function keptDefinition(given: FunnelDefinitionBody): FunnelDefinition {
  try {
    return definitionOf(given);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const errors = error.errors.map((mistake) => ({ ...mistake, pointer: `/definition${mistake.pointer}` }));
    throw new Problem(error.code, error.message, { errors });
  }
}

function present(row: KeptFunnel): z.input<typeof KeptWire> {
  return { ...row, created_at: row.created_at.toISOString() };
}
