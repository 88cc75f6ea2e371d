import { z } from 'zod';
import type { BreakerStatus } from '../../outside/breakers/breaker.ts';
import { notFound } from '../problem.ts';
import { audited, ok, route } from '../route.ts';
import { clientId, time } from '../wire.ts';

const BreakerWire = z.object({
  name: z.string(), state: z.enum(['closed', 'open', 'half_open']), failures: z.number().int().meta({ description: 'In a row' }),
  opened_at: time.nullable(), next_probe_at: time.nullable(),
  override: z.enum(['open', 'closed']).nullable().meta({ description: 'Set by an admin; null: it decides by itself' }),
}).meta({ id: 'Breaker' });

const SetRequest = z.strictObject({
  state: z.enum(['open', 'closed', 'auto']).meta({ description: 'auto: closed, and deciding by itself again' }),
  reason: z.string().trim().min(1).max(1_000).optional(),
}).meta({ id: 'BreakerRequest' });

export const breakerRoutes = [
  route.get('/admin/breakers', {
    summary: 'Circuit breakers of the process that answers', access: ['admin'], limits: ['api'], audit: 'breaker.list',
    query: z.strictObject(clientId), answers: { 200: z.object({ results: z.array(BreakerWire) }).meta({ id: 'Breakers' }) },
    handler: ({ services }) => Promise.resolve(ok({ results: services.limits.breakers.list().map(present) })),
  }),
  route.post('/admin/breakers/:name', {
    summary: 'Open or close a breaker of this process by hand, until it is set to auto', access: ['admin'], limits: ['api'],
    audit: 'breaker.set',
    params: z.object({ name: z.string() }), query: z.strictObject(clientId), body: SetRequest, answers: { 200: BreakerWire },
    example: { state: 'auto', reason: 'It is mended' },
    handler: ({ params, body, services }) => {
      const status = services.limits.breakers.set(params.name, body.state === 'auto' ? null : body.state);
      if (status === null) throw notFound();
      return Promise.resolve(audited(ok(present(status)), { target: `breaker:${status.name}`, details: { state: body.state } }));
    },
  }),
];

function present(status: BreakerStatus): z.input<typeof BreakerWire> {
  const wire = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return { ...status, opened_at: wire(status.opened_at), next_probe_at: wire(status.next_probe_at) };
}
