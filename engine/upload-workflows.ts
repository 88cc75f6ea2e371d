/** Workflows that look into uploads, one for each try. */
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { UploadWorkflows } from '../activities/upload-workflows.ts';
import { sessionAttributes, taskAttributes } from '../workflows/search-attributes.ts';
import { uploadWorkflow, type LookingLimits, type UploadInput } from '../workflows/upload-messages.ts';
import { uploadWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine } from './calls.ts';

export interface UploadWorkflowsOptions {
  readonly client: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  readonly limits: LookingLimits;
  readonly newId: () => string;
}

export function createUploadWorkflows({ client, taskQueue, timeoutMs, limits, newId }: UploadWorkflowsOptions): UploadWorkflows {
  return {
    start: async ({ tenant, session_id, upload_id, object_id, owner, kind }) => {
      const input: UploadInput = { tenant, session_id, upload_id, object_id, owner, kind, correlation_id: newId(), limits };
      try {
        await callEngine(client, timeoutMs, () => client.workflow.start(uploadWorkflow, {
          workflowId: uploadWorkflowId(tenant, object_id), taskQueue, args: [input],
          // one that came to its end is not started a second time; one that was ended from outside is
          workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY', workflowTaskTimeout: '5s',
          memo: { correlation_id: input.correlation_id }, staticSummary: `${kind}: is it clean?`,
          typedSearchAttributes: [
            { key: sessionAttributes.tenant, value: tenant }, { key: taskAttributes.session, value: session_id },
          ],
        }));
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
  };
}
