import { z } from 'zod';
import { changeSteps, changesetStatuses } from '../../domain/changeset.ts';
import { findChangeset, listChangesets, type ChangesetRow } from '../../stores/postgres/changesets.ts';
import { ChangeTargetError } from '../../stores/change-target/port.ts';
import type { RollbackResult } from '../../stores/change-target/rollback-records.ts';
import { rollBackChangeset } from '../../stores/change-target/rollback.ts';
import { listed, readCursor } from '../cursor.ts';
import { notFound, Problem } from '../problem.ts';
import { audited, ok, route } from '../route.ts';
import { ChangeWire, clientId, listOf, paging, rate, targetValues, time, uuid } from '../wire.ts';

export const ChangesetWire = z.object({
  changeset_id: uuid, session_id: uuid, status: z.enum(changesetStatuses), requested_by: z.string(), approved_by: z.string(),
  second_approved_by: z.string().nullable(), approval_id: uuid.nullable(), risk_score: rate,
  created_at: time, applied_at: time.nullable(),
  failure: z.string().nullable().meta({ description: 'Why applying it was given up; nothing of it is at its targets then' }),
  rolled_back_by: z.string().nullable(), rolled_back_at: time.nullable(), rollback_reason: z.string().nullable(),
  rollback_forced: z.boolean(),
}).meta({ id: 'Changeset' });

const ProgressWire = z.object({
  sequence: z.number().int(), step: z.enum(changeSteps), failure: z.string().nullable(),
  overwritten: targetValues.nullable().meta({ description: 'What a rollback found and replaced; null also when nothing was there' }),
}).meta({ id: 'ChangeProgress' });

export const ChangesetWithChanges = ChangesetWire.extend({
  changes: z.array(ChangeWire), progress: z.array(ProgressWire),
}).meta({ id: 'ChangesetWithChanges' });

const RollbackRequest = z.strictObject({
  reason: z.string().trim().min(1).max(1_000),
  force: z.boolean().default(false).meta({ description: 'Also over what was changed since; what is overwritten is recorded' }),
}).meta({ id: 'RollbackRequest' });

export const RollbackDone = z.object({
  changeset_id: uuid, status: z.enum(['rolled_back', 'partially_rolled_back']), rolled_back_changes: z.number().int(),
  failed_rollbacks: z.number().int(),
  failures: z.array(z.object({ sequence: z.number().int(), target: z.string(), message: z.string() })),
}).meta({ id: 'RollbackResult' });

export const changesetRoutes = [
  route.get('/changesets', {
    summary: 'Changesets of the tenant, newest first', access: ['approver'], limits: ['api'], audit: 'changeset.list',
    answers: { 200: listOf(ChangesetWire) },
    query: z.strictObject({ ...paging, ...clientId, status: z.enum(changesetStatuses).optional(), session_id: uuid.optional() }),
    handler: async ({ query, call, services }) => {
      const page = await listChangesets(
        services.stores.db, { tenant: call.actor.tenant, status: query.status ?? null, session_id: query.session_id ?? null },
        { limit: query.limit, after: readCursor(query.cursor) },
      );
      return ok(listed(page, page.rows.map(present)));
    },
  }),
  route.get('/changesets/:changeset_id', {
    summary: 'One changeset with its changes', access: ['approver'], limits: ['api'], audit: 'changeset.read',
    params: z.object({ changeset_id: uuid }), query: z.strictObject(clientId),
    answers: { 200: ChangesetWithChanges },
    handler: async ({ params, call, services }) => {
      const found = await findChangeset(services.stores.db, call.actor.tenant, params.changeset_id);
      if (found === null) throw notFound();
      return ok({
        ...present(found.changeset), changes: found.changes as z.input<typeof ChangeWire>[],
        progress: found.progress as z.input<typeof ProgressWire>[],
      });
    },
  }),
  route.post('/changesets/:changeset_id/rollback', {
    summary: 'Put back what a changeset changed, in reverse order; repeatable', access: ['admin'], limits: ['api'],
    audit: 'changeset.rollback',
    params: z.object({ changeset_id: uuid }), query: z.strictObject(clientId), body: RollbackRequest, answers: { 200: RollbackDone },
    example: { reason: 'Opened by mistake' },
    problems: ['wrong_state', 'target_changed', 'request_in_progress'],
    handler: async ({ params, body, call, services }) => {
      const result = await rollBackChangeset(services.stores.db, services.changes.target, {
        tenant: call.actor.tenant, changeset_id: params.changeset_id, by: call.actor.subject, reason: body.reason, force: body.force,
        tell: services.changes.areTold,
      }).catch((error: unknown) => { throw error instanceof ChangeTargetError ? targetProblem(error) : error; });
      if (result.kind !== 'done') throw rollbackProblem(result);
      const done = {
        changeset_id: params.changeset_id, status: result.status, rolled_back_changes: result.rolled_back,
        failed_rollbacks: result.failed.length,
        failures: result.failed.map((item) => ({ ...item })),
      };
      return audited(ok(done), { details: { forced: body.force, status: done.status, failed_rollbacks: done.failed_rollbacks } });
    },
  }),
];

function rollbackProblem(result: Exclude<RollbackResult, { kind: 'done' }>): Problem {
  switch (result.kind) {
    case 'not_found': return notFound();
    case 'wrong_state': return new Problem('wrong_state', `A changeset that is ${result.status} has nothing to roll back.`);
    case 'other_target': return new Problem(
      'wrong_state', 'This changeset was applied to another change target than the one that is configured now.',
    );
    case 'target_changed': return new Problem('target_changed', 'What this changeset left has been changed since. Nothing was rolled ' +
      'back.', {
      errors: result.targets.map((target) => ({
        pointer: '/force', code: 'target_changed', message: `${target} is no longer what this changeset left.`,
        fix: 'Roll back the later changeset first, or repeat with force to overwrite it.',
      })),
    });
  }
}

function targetProblem(error: ChangeTargetError): Problem {
  if (error.kind === 'busy') {
    return new Problem('request_in_progress', 'Another changeset of this tenant is under way. Repeat in a moment.', { cause: error });
  }
  return new Problem(
    'store_unavailable', `The change target does not answer as it should (${error.kind}). Nothing was rolled back: repeat in a moment.`,
    { cause: error },
  );
}

function present(row: ChangesetRow): z.input<typeof ChangesetWire> {
  return {
    changeset_id: row.changeset_id, session_id: row.session_id, status: row.status, requested_by: row.requested_by,
    approved_by: row.approved_by,
    second_approved_by: row.second_approved_by, approval_id: row.approval_id,
    risk_score: row.risk_score, created_at: row.created_at.toISOString(), applied_at: row.applied_at?.toISOString() ?? null,
    failure: row.failure, rolled_back_by: row.rolled_back_by, rolled_back_at: row.rolled_back_at?.toISOString() ?? null,
    rollback_reason: row.rollback_reason,
    rollback_forced: row.rollback_forced,
  };
}
