/** Sessions at the engine, for what the service does for itself. */
import type { Client } from '@temporalio/client';
import type { SessionWorkflows, Span } from '../activities/session-workflows.ts';
import { sessionWorkflow } from '../workflows/messages.ts';
import { sessionAttributes } from '../workflows/search-attributes.ts';
import { parseWorkflowId } from '../workflows/workflow-ids.ts';
import { quoted } from './visibility-query.ts';
import type { SessionRevival } from './session-revival.ts';

export interface SessionWorkflowOptions {
  readonly client: Client;
  readonly taskQueue: string;
  readonly timeoutMs: number;
  readonly revival: SessionRevival;
}

export function createSessionWorkflows({ client, taskQueue, timeoutMs, revival }: SessionWorkflowOptions): SessionWorkflows {
  const within = ({ from, until }: Span): string => `WorkflowType = '${sessionWorkflow}' AND TaskQueue = ${quoted(taskQueue)}`
    + " AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed', 'Canceled')"
    + ` AND CloseTime BETWEEN '${new Date(from).toISOString()}' AND '${new Date(until).toISOString()}'`;
  return {
    countStopped: async (span) => {
      const { count } = await client.withDeadline(Date.now() + timeoutMs, () => client.workflow.count(within(span)));
      return count;
    },
    stopped: async function* stopped(span) {
      for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query: within(span), pageSize: 200 })) {
        const session = parseWorkflowId(workflowId);
        // the id has what stands for a long name, the attribute the name itself
        if (session?.kind !== 'session') continue;
        yield { tenant: typedSearchAttributes.get(sessionAttributes.tenant) ?? session.tenant, session_id: session.id };
      }
    },
    revive: ({ tenant, session_id: id }) => revival.revive(tenant, id),
  };
}
