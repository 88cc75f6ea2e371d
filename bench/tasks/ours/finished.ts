/** A task for a workflow that waits for it however long it takes, also while it is parked. */
import { setHandler, uuid4, workflowInfo } from '@temporalio/workflow';
import type { Json } from '../../../domain/json.ts';
import type { TaskOutcome } from '../../../domain/parked-task.ts';
import { startParkedTask } from '../../../workflows/parking.ts';
import { taskDone } from '../../../workflows/task-messages.ts';
import { runTask, type TaskName } from '../../../workflows/tasks.ts';
import type { TaskInputs } from './tasks.ts';

export async function finished<Name extends keyof TaskInputs>(name: Name, input: TaskInputs[Name]): Promise<TaskOutcome> {
  const result = await runTask(name as string as TaskName, input as never);
  if ('output' in result) return { kind: 'completed', output: result.output as Json };
  const { tenant, session_id, correlation_id } = input;
  const task_id = uuid4();
  const told = new Promise<TaskOutcome>((resolve) => {
    setHandler(taskDone, (done) => { if (done.task_id === task_id) resolve(done.outcome); });
  });
  await startParkedTask({
    task_id, tenant, task_name: name, input: input as unknown as Json, failure: result.failure, reply_to: workflowInfo().workflowId,
    max_retries: 3,
    context: { session_id, user: null, correlation_id },
  });
  return told;
}
