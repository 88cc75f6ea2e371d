/** What the service does for itself, one task a run, begun by Temporal Schedules (engine/schedules.ts). The next run tries again. */
import { ApplicationFailure, uuid4, workflowInfo } from '@temporalio/workflow';
import { runTask, type TaskResult } from './tasks.ts';
import type { UpkeepInput } from './upkeep-input.ts';

export async function upkeep({ task, dry_run = false }: UpkeepInput): Promise<unknown> {
  const result = await run(task, uuid4(), dry_run);
  if ('output' in result) return result.output;
  // it has no input worth keeping: the run is shown as failed, and the schedule begins another
  throw ApplicationFailure.create({
    type: result.failure.category, message: `${task} failed: ${result.failure.message}`, nonRetryable: true,
  });
}

function run(task: UpkeepInput['task'], correlation_id: string, dry_run: boolean): Promise<TaskResult<unknown>> {
  if (task === 'cleanUpEndedTasks') return runTask(task, { correlation_id, dry_run }, 'low');
  if (task === 'reconcileStoppedSessions') return runTask(task, { correlation_id, since: lookedUntil() }, 'low');
  return runTask(task, { correlation_id }, 'low');
}

/** Where the last run of this schedule that succeeded has left off. */
function lookedUntil(): number | null {
  const { lastResult } = workflowInfo();
  const last = typeof lastResult === 'object' && lastResult !== null && 'looked_until' in lastResult ? lastResult.looked_until : null;
  return typeof last === 'number' ? last : null;
}
