/** What the service does for itself, one task a run, begun by Temporal Schedules (engine/schedules.ts). The next run tries again. */
import { ApplicationFailure, uuid4 } from '@temporalio/workflow';
import { runTask } from './tasks.ts';
import type { UpkeepInput } from './upkeep-input.ts';

export async function upkeep({ task, dry_run = false }: UpkeepInput): Promise<unknown> {
  const correlation_id = uuid4();
  const result = task === 'cleanUpEndedTasks' ? await runTask(task, { correlation_id, dry_run }, 'low') : await runTask(
    task, { correlation_id }, 'low',
  );
  if ('output' in result) return result.output;
  // it has no input worth keeping: the run is shown as failed, and the schedule begins another
  throw ApplicationFailure.create({
    type: result.failure.category, message: `${task} failed: ${result.failure.message}`, nonRetryable: true,
  });
}
