import { z } from 'zod';
import { mayDecide } from '../../domain/awaited-approval.ts';
import type { Actor, SessionView } from '../../domain/message.ts';
import { personOf } from '../../domain/person.ts';
import { listAwaited } from '../../stores/postgres/sessions.ts';
import { listed, readCursor } from '../cursor.ts';
import { iso } from '../presentation.ts';
import { ok, route } from '../route.ts';
import { clientId, listOf, paging, rate, time, uuid } from '../wire.ts';

export const AwaitedWire = z.object({
  session_id: uuid, approval_id: uuid.nullable().meta({ description: 'Of the second approval; null: nobody has decided yet' }),
  flow: z.object({ id: z.string(), version: z.number().int() }), owner: z.string(),
  changes: z.number().int().meta({ description: 'Of the decision, or of all that is proposed' }), risk_score: rate, waiting_since: time,
  waits_for: z.enum(['anyone', 'second_person']), may_decide: z.boolean(),
  reason: z.enum(['same_person']).nullable()
    .meta({ description: 'Why the caller may not decide: they asked for it, or were the first to approve' }),
}).meta({ id: 'AwaitedApproval' });

export const approvalRoutes = [
  route.get('/approvals', {
    summary: 'What waits for an approver, the longest waiting first', access: ['approver'], limits: ['api'], audit: 'approval.list',
    answers: { 200: listOf(AwaitedWire) },
    query: z.strictObject({
      ...paging, ...clientId, waits_for: z.enum(['anyone', 'second_person', 'me']).optional()
        .meta({ description: 'me: what the caller may decide' }),
      session_id: uuid.optional(),
    }),
    handler: async ({ query: { limit, cursor, waits_for: waitsFor, session_id: sessionId = null }, call: { actor }, services }) => {
      const page = await listAwaited(
        services.stores.db,
        {
          tenant: actor.tenant, waitsFor: waitsFor === undefined || waitsFor === 'me' ? null : waitsFor,
          sessionId, person: waitsFor === 'me' ? personOf(actor) : null,
        },
        { limit, after: readCursor(cursor) },
      );
      return ok(listed(page, page.rows.flatMap((view) => present(view, actor))));
    },
  }),
];

function present({ session_id, owner, flow, awaits }: SessionView, actor: Actor): z.input<typeof AwaitedWire>[] {
  if (awaits == null) return [];
  const may = mayDecide(awaits, actor);
  return [{
    session_id, approval_id: awaits.approval_id, flow, owner, changes: awaits.changes, risk_score: awaits.risk_score,
    waiting_since: iso(awaits.since), waits_for: awaits.waits_for, may_decide: may, reason: may ? null : 'same_person',
  }];
}
