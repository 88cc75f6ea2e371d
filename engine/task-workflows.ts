/** Parked tasks at the engine, for what the service does for itself. */
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { TaskWorkflows } from '../activities/task-workflows.ts';
import { untouchedInput } from './untouched-run.ts';
import { parkedTaskWorkflow, readTask, rewriteTask } from '../workflows/task-messages.ts';
import { parseWorkflowId, taskWorkflowId } from '../workflows/workflow-ids.ts';

export interface TaskWorkflowOptions { readonly client: Client; readonly taskQueue: string; readonly timeoutMs: number }

export function createTaskWorkflows({ client, taskQueue, timeoutMs }: TaskWorkflowOptions): TaskWorkflows {
  const call = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + timeoutMs, work);
  return {
    running: (most) => call(async () => {
      const byTask = new Map<string, string>();
      for await (
        const { workflowId } of client.workflow.list({
          query: `WorkflowType = '${parkedTaskWorkflow}' AND ExecutionStatus = 'Running'`, pageSize: 1_000,
        })
      ) {
        const task = parseWorkflowId(workflowId);
        if (task !== null) byTask.set(task.id, workflowId);
        if (byTask.size >= most) break;
      }
      return byTask;
    }),
    look: ({ tenant, task_id: id }) => call(async () => {
      try {
        const handle = client.workflow.getHandle(taskWorkflowId(tenant, id));
        const { status } = await handle.describe();
        return status.name === 'RUNNING' ? 'running' : await handle.query(readTask);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        // nothing has happened in it: its row knows all there is
        if (await untouchedInput(client, taskWorkflowId(tenant, id), timeoutMs) !== null) return null;
        throw error;
      }
    }),
    begin: (state) => call(async () => {
      try {
        await client.workflow.start(parkedTaskWorkflow, {
          workflowId: taskWorkflowId(state.tenant, state.task_id), taskQueue, args: [{ state }], workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          memo: { correlation_id: state.context.correlation_id },
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    }),
    rewrite: (workflowId) => call(() => client.workflow.getHandle(workflowId).signal(rewriteTask)),
  };
}
