import { z } from 'zod';
import { deleteTaskRows, listTasks, matchingTaskIds, type TaskFilter } from '../../stores/postgres/tasks.ts';
import { MessageRejected } from '../../domain/message.ts';
import type { Call } from '../call.ts';
import { iso } from '../presentation.ts';
import { Problem } from '../problem.ts';
import { audited, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { clientId, time } from '../wire.ts';
import { confirmations, filterOf, narrowing, presentTask, reason, TaskWire } from './admin-dlq-wire.ts';
import { EngineUnavailableError } from '../../engine/calls.ts';

/** Most that one call takes off the list, how many Updates are under way at once, and for how long new ones are begun. */
const clearing = { tasksMax: 1_000, inFlight: 8, ms: 20_000 } as const;
const sampleRows = 10;
/** 114 years: beyond it there is no task. */
const hoursMax = 1_000_000;

/** Not `retrying`: what is under way cannot be taken off. */
const status = z.enum(['parked', 'completed', 'discarded']).optional();
const hours = z.number().min(0).max(hoursMax);
const hoursText = z.string().regex(/^\d{1,7}(\.\d{1,6})?$/, 'must be a number of hours, 0 or more').transform(Number).pipe(hours);

const ClearQuery = z.strictObject({
  ...clientId, ...narrowing, older_than_hours: hoursText.optional(), status, reason, dry_run: z.enum(['true', 'false']).optional(),
  confirm: z.enum(confirmations).optional(),
});
const ClearRequest = z.strictObject({
  ...narrowing, older_than_hours: hours.optional(),
  status: status.meta({ description: 'parked, unless another one is named: parked tasks are discarded, rows of ended ones are deleted' }),
  reason, dry_run: z.boolean().optional().meta({ description: 'true unless told otherwise' }),
  confirm: z.union([z.boolean(), z.enum(confirmations)]).optional()
    .meta({ description: 'Needed when dry_run is false; `all` where there is no filter' }),
}).meta({ id: 'ClearRequest' });

const count = z.number().int();
const Cleared = z.union([
  z.object({ dry_run: z.literal(true), matching_tasks: count, sample: z.array(TaskWire) }).meta({ id: 'ClearPreview' }),
  z.object({
    dry_run: z.literal(false), deleted_count: count, skipped: count.meta({ description: 'No longer parked when their turn came' }),
    remaining: count.meta({ description: `Match and were not taken: a call takes at most ${clearing.tasksMax}. Repeat it` }),
    filters_applied: z.record(z.string(), z.union([z.string(), z.number()])), cleared_at: time,
  }).meta({ id: 'ClearDone' }),
]).meta({ id: 'Cleared' });

export const dlqClearRoutes = [
  route.delete('/admin/dlq/clear', {
    summary: 'Discard parked tasks by filter; a dry run unless told otherwise', access: ['admin'], limits: ['api'], audit: 'dlq.clear',
    query: ClearQuery, body: ClearRequest, answers: { 200: Cleared }, problems: ['confirmation_required'],
    example: { category: 'network', older_than_hours: 720 },
    handler: async ({ query, body, call, services }) => {
      const { dry_run: dryRun = true, confirm, reason: why, ...named } = merged(query, body);
      const applied = definite(named);
      const isNarrowed = Object.keys(applied).length > 0;
      const filter = taskFilterOf(call.actor.tenant, named, services.now());
      const { ids, total } = await matchingTaskIds(services.stores.db, filter, clearing.tasksMax);
      if (dryRun) {
        const { rows } = await listTasks(services.stores.db, filter, 'oldest', { limit: sampleRows, after: null });
        const sample = rows.map((row) => presentTask(row, services.now()));
        return audited(ok({ dry_run: true as const, matching_tasks: total, sample }), {
          details: { dry_run: true, matching_tasks: total },
        });
      }
      if (isNarrowed ? confirm === undefined || confirm === false : confirm !== 'all') throw unconfirmed(isNarrowed, total);
      const take = filter.status === 'parked' ? discardAll(services, call, ids, why ?? null) : deleteRows(services, call, ids);
      const { deleted, skipped } = await take;
      const answer = { deleted_count: deleted, skipped, remaining: Math.max(0, total - deleted - skipped) };
      return audited(
        ok({ dry_run: false as const, ...answer, filters_applied: { status: 'parked', ...applied }, cleared_at: iso(services.now()) }),
        { details: { dry_run: false, ...answer, ...applied } },
      );
    },
  }),
];

type Given = z.output<typeof ClearRequest>;

/** What stands in the query and what stands in the body. Throws invalid_request for a field in both. */
function merged(query: z.output<typeof ClearQuery>, body: Given): Given {
  const { client_id: _, dry_run: dryRun, ...rest } = query;
  const inQuery: Given = { ...rest, ...(dryRun === undefined ? {} : { dry_run: dryRun === 'true' }) };
  const twice = Object.keys(inQuery).filter((field) => Object.hasOwn(body, field));
  if (twice.length === 0) return { ...inQuery, ...body };
  throw new Problem('invalid_request', 'A field stands in the query and in the body.', {
    errors: twice.map((field) => ({
      pointer: `/${field}`, code: 'given_twice', message: `${field} stands in the query and in the body.`, fix: 'Give it once.',
    })),
  });
}

function definite(named: Readonly<Record<string, string | number | undefined>>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string | number] => entry[1] !== undefined));
}

type Named = Omit<Given, 'dry_run' | 'confirm' | 'reason'>;

function taskFilterOf(tenant: string, { older_than_hours: olderThan, ...named }: Named, now: number): TaskFilter {
  const before = olderThan === undefined ? {} : { parked_before: iso(now - olderThan * 3_600_000) };
  return filterOf(tenant, { ...named, status: named.status ?? 'parked', ...before });
}

function unconfirmed(isNarrowed: boolean, matching: number): Problem {
  const needed = isNarrowed ? 'confirm=yes' : 'confirm=all';
  const message = isNarrowed ? `${matching} tasks match.` : `There is no filter: all ${matching} parked tasks match.`;
  return new Problem('confirmation_required', `${message} Nothing was cleared. Repeat with ${needed} to do it.`, {
    members: { matching_tasks: matching },
    errors: [{ pointer: '/confirm', code: 'confirmation_required', message, fix: `Send ${needed}.` }],
  });
}

interface ClearedCount { readonly deleted: number; readonly skipped: number }

/**
 * One Update each, since the workflow is the truth and whoever waits for it is told. Should the engine go away in between, what
 * was done stands and is counted; when nothing was done yet its error is thrown.
 */
async function discardAll(
  { deadLetters: { tasks }, now }: Services, call: Call, ids: readonly string[], why: string | null,
): Promise<ClearedCount> {
  const counts = { deleted: 0, skipped: 0 };
  const waiting = ids.values();
  const deadline = now() + clearing.ms;
  let failure: unknown = null;
  await Promise.all(Array.from({ length: clearing.inFlight }, async () => {
    for (const taskId of waiting) {
      if (failure !== null || now() > deadline) return;
      await tasks.discard({ tenant: call.actor.tenant, task_id: taskId }, call.operationId, { actor: call.actor.subject, reason: why })
        .then(
        () => { counts.deleted += 1; },
        (error: unknown) => {
          if (error instanceof MessageRejected) counts.skipped += 1;
          else failure = error;
        },
      );
    }
  }));
  if (failure !== null && (counts.deleted === 0 || !(failure instanceof EngineUnavailableError))) throw failure;
  return counts;
}

async function deleteRows({ stores: { db } }: Services, call: Call, ids: readonly string[]): Promise<ClearedCount> {
  const deleted = await deleteTaskRows(db, call.actor.tenant, ids);
  return { deleted, skipped: ids.length - deleted };
}
