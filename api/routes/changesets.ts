import { z } from 'zod';
import { findChangeset, listChangesets, type ChangesetRow } from '../../stores/changeset-store.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { notFound } from '../problem.ts';
import { ok, route } from '../route.ts';
import { ChangeWire, clientId, listOf, paging, rate, time, uuid } from '../wire.ts';

const ChangesetWire = z.object({
  changeset_id: uuid, session_id: uuid, status: z.enum(['applied', 'rejected']), requested_by: z.string(), approved_by: z.string(), risk_score: rate,
  created_at: time, applied_at: time.nullable(),
}).meta({ id: 'Changeset' });

export const changesetRoutes = [
  route.get('/changesets', {
    summary: 'Changesets of the tenant, newest first', access: ['approver'], answers: { 200: listOf(ChangesetWire) },
    query: z.strictObject({ ...paging, ...clientId, status: z.enum(['applied', 'rejected']).optional(), session_id: uuid.optional() }),
    handler: async ({ query, call, services }) => {
      const page = await listChangesets(
        services.db, { tenant: call.actor.tenant, status: query.status ?? null, session_id: query.session_id ?? null }, { limit: query.limit, after: readCursor(query.cursor) },
      );
      return ok({ results: page.rows.map(present), total: page.total, next_cursor: writeCursor(page.next) });
    },
  }),
  route.get('/changesets/:changeset_id', {
    summary: 'One changeset with its changes', access: ['approver'], params: z.object({ changeset_id: uuid }), query: z.strictObject(clientId),
    answers: { 200: ChangesetWire.extend({ changes: z.array(ChangeWire) }).meta({ id: 'ChangesetWithChanges' }) },
    handler: async ({ params, call, services }) => {
      const found = await findChangeset(services.db, call.actor.tenant, params.changeset_id);
      if (found === null) throw notFound();
      return ok({ ...present(found.changeset), changes: found.changes as z.input<typeof ChangeWire>[] });
    },
  }),
];

function present(row: ChangesetRow): z.input<typeof ChangesetWire> {
  return {
    changeset_id: row.changeset_id, session_id: row.session_id, status: row.status, requested_by: row.requested_by, approved_by: row.approved_by,
    risk_score: row.risk_score, created_at: row.created_at.toISOString(), applied_at: row.applied_at?.toISOString() ?? null,
  };
}
