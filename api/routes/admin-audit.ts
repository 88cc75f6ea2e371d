import { z } from 'zod';
import { roles } from '../../domain/message.ts';
import { auditResults, listAudit, type AuditRow } from '../../stores/postgres/audit.ts';
import { listed, readCursor } from '../cursor.ts';
import { ok, route } from '../route.ts';
import { clientId, listOf, moment, paging, time, uuid } from '../wire.ts';

const AuditWire = z.object({
  id: uuid, at: time, actor: z.string().meta({ description: 'The credential that acted: the subject of a token, or key:<id>' }),
  person: z.string().nullable().meta({ description: 'The human behind it, as tenant/subject; null: nobody is known' }),
  roles: z.array(z.enum(roles)), action: z.string(), target: z.string().nullable(),
  reason: z.string().nullable(), result: z.enum(auditResults),
  status: z.number().int().nullable().meta({ description: 'HTTP status; null: cut off, nobody knows whether it took effect' }),
  correlation_id: z.string(), details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
}).meta({ id: 'AuditEntry' });

const name = z.string().min(1).max(200).optional();
/** Two names of 128, each character written as three at most. */
const personGiven = z.string().min(1).max(800).optional();

export const auditRoutes = [
  route.get('/admin/audit', {
    summary: 'What admins and approvers did and were refused, newest first', access: ['admin'], limits: ['api'], audit: 'audit.list',
    answers: { 200: listOf(AuditWire) },
    query: z.strictObject({
      ...paging, ...clientId, actor: name, person: personGiven, action: name, target: name,
      result: z.enum(auditResults).optional(), since: moment.optional(), until: moment.optional(),
    }),
    handler: async ({ query, call, services }) => {
      const page = await listAudit(services.stores.db, {
        tenant: call.actor.tenant, actor: query.actor ?? null, person: query.person ?? null,
        action: query.action ?? null, target: query.target ?? null, result: query.result ?? null,
        since: query.since ?? null, until: query.until ?? null,
      }, { limit: query.limit, after: readCursor(query.cursor) });
      return ok(listed(page, page.rows.map(present)));
    },
  }),
];

function present(row: AuditRow): z.input<typeof AuditWire> {
  const { id, actor, person, action, target, reason, result, status, details } = row;
  return {
    id, at: row.at.toISOString(), actor, person, roles: [...row.roles], action, target, reason, result, status,
    correlation_id: row.correlation_id, details,
  };
}
