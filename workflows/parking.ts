/** A step of a session whose task is exhausted: the task goes to the dead letter queue, and the session waits for its word. */
import { getExternalWorkflowHandle, ParentClosePolicy, startChild, uuid4, workflowInfo } from '@temporalio/workflow';
import type { Json } from '../domain/json.ts';
import { type Parking, type TaskFailure } from '../domain/parked-task.ts';
import type { OnboardingSession } from '../domain/session.ts';
import type { ParkedStep } from '../domain/session-state.ts';
import type { SessionLimits } from './messages.ts';
import { attributesOf } from './task-attributes.ts';
import { parkedTaskWorkflow, supersedeTask, type ParkedTaskInput } from './task-messages.ts';
import type { TaskName } from './tasks.ts';
import { taskWorkflowId } from './workflow-ids.ts';

export async function parkStep(
  session: OnboardingSession, limits: SessionLimits, step: ParkedStep['step'],
  task: {
    readonly name: TaskName; readonly input: object; readonly failure: TaskFailure;
    /** When the rules do it instead; null: never. */
    readonly fallbackAt: number | null;
  },
): Promise<void> {
  const { tenant, session_id, correlation_id, owner } = session.state;
  const { workflowId } = workflowInfo();
  const now = Date.now();
  const parking: Parking = {
    task_id: uuid4(), tenant, task_name: task.name, input: task.input as Json, failure: task.failure, reply_to: workflowId,
    max_retries: limits.manualRetries,
    // of a changeset everything: it is what people have approved
    fixed: step.kind === 'propose' ? ['owner', 'number', 'flow'] : Object.keys(task.input),
    context: { session_id, user: owner, correlation_id },
  };
  session.park(
    {
      task_id: parking.task_id, step, category: task.failure.category, parked_at: now,
      fallback_at: task.fallbackAt,
    },
    now,
  );
  await startParkedTask(parking);
}

/** The child outlives the run and the workflow that waits (ABANDON): it reports to that one's id, whichever run has it then. */
export async function startParkedTask(parking: Parking): Promise<void> {
  await startChild<(input: ParkedTaskInput) => Promise<unknown>>(parkedTaskWorkflow, {
    ...parkedTaskStart(parking), taskQueue: workflowInfo().taskQueue, parentClosePolicy: ParentClosePolicy.ABANDON, args: [{ parking }],
  });
}

/** How a parked task is named and what operators see of it in the Temporal Web UI. Nothing of its input. */
function parkedTaskStart(parking: Parking) {
  const { tenant, task_id, task_name, failure, context } = parking;
  return {
    workflowId: taskWorkflowId(tenant, task_id), memo: { correlation_id: context.correlation_id },
    staticSummary: `${task_name}: ${failure.category}`,
    typedSearchAttributes: attributesOf('parked', parking),
  };
}

/** Overtaken: its task is told that nobody waits any more, and the session goes on without it. */
export async function giveUpStep(session: OnboardingSession, parked: ParkedStep): Promise<void> {
  session.giveUp(parked, Date.now());
  // one that has ended meanwhile needs no word
  await getExternalWorkflowHandle(taskWorkflowId(session.state.tenant, parked.task_id)).signal(supersedeTask).catch(() => undefined);
}
