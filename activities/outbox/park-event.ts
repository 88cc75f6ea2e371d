/** An event whose tries are exhausted becomes a parked task, where operators see it and can have it sent again. */
import type { Attempt } from '../../domain/attempts.ts';
import { fingerprintOf } from '../../domain/error-fingerprint.ts';
import { ParkedTask } from '../../domain/parked-task.ts';
import type { ClaimedEvent } from '../../stores/postgres/outgoing-events.ts';
import type { TaskWorkflows } from '../task-workflows.ts';

export interface EventParking { readonly workflows: TaskWorkflows; readonly maxRetries: number; readonly now: () => number }

/** The task has the event's id: parking it again finds it. `reason`: a status, or what kept the request from being answered. */
export function parkEvent(
  { workflows, maxRetries, now }: EventParking,
): (event: ClaimedEvent, attempts: readonly Attempt[], reason: string) => Promise<void> {
  return async ({ event_id, tenant, session_id }, attempts, reason) => {
    const message = `The receiver did not take the event: ${reason}.`;
    const { state } = ParkedTask.park({
      task_id: event_id, tenant, task_name: 'deliverEvent', reply_to: null, max_retries: maxRetries, fixed: ['event_id'],
      input: { correlation_id: event_id, tenant, session_id, event_id }, context: { session_id, user: null, correlation_id: event_id },
      failure: {
        category: 'external_api', severity: 'medium', unclassified: false, exception_type: 'DeliveryFailed', message,
        fingerprint: fingerprintOf({ exception_type: 'DeliveryFailed', task_name: 'deliverEvent', message }), attempts,
      },
    }, now());
    await workflows.begin(state);
  };
}
