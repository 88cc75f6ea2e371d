/** Tasks that really wait in the engine, as a session parks them. */
import { randomUUID } from 'node:crypto';
import type { Client, Connection } from '@temporalio/client';
import type { Json } from '../../domain/json.ts';
import { connectEngine } from '../../engine/connection.ts';
import { parkedTaskWorkflow } from '../../workflows/task-messages.ts';
import { taskWorkflowId } from '../../workflows/workflow-ids.ts';
import type { InstanceAddress } from './instance.ts';
import { runFileOf } from './instance-stores.ts';
import { failureOf, sealerOf } from './parked-rows.ts';
import type { Body, Person } from './person.ts';
import { until } from './until.ts';

export interface Engine { readonly client: Client; readonly connection: Connection }

export async function engineOf(instance: InstanceAddress): Promise<Engine> {
  const { urls } = await runFileOf(instance);
  return connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer: await sealerOf(instance) });
}

/** Of a rejected changeset: the task writes it down, and is done. With another status it breaks the schema, and fails at once. */
const inputOf = (tenant: string, status: string) => ({
  correlation_id: 'c-1', tenant, session_id: randomUUID(), changeset_id: randomUUID(), changes: [], requested_by: 'ana', approved_by: 'ben',
  second_approved_by: null,
  approval_id: null, risk_score: 0, status,
});

/** A task as a session parks it, in the engine and in the list. Returns its id. */
export async function park(
  { client }: Engine, admin: Person,
  { status = 'rejected', fingerprint = 'f-1', message = 'HTTP 503', session_id = null }: {
    readonly status?: string;
    readonly fingerprint?: string;
    readonly message?: string;
    /** Of whom the list says that it waits. */
    readonly session_id?: string | null;
  } = {},
): Promise<string> {
  const { tenant } = admin;
  const parking = {
    task_id: randomUUID(), tenant, task_name: 'applyChangeset', input: inputOf(tenant, status) as Json,
    context: { session_id, user: 'ana', correlation_id: 'c-1' },
    reply_to: null, max_retries: 3, failure: failureOf({ fingerprint, message }),
  };
  await client.workflow.start(parkedTaskWorkflow, {
    taskQueue: 'gangway', workflowId: taskWorkflowId(tenant, parking.task_id), args: [{ parking }],
  });
  await until(
    'it is in the list',
    async () => (await admin.get(`/admin/dlq/tasks/${parking.task_id}/`)).status === 200
      && (await admin.get('/admin/dlq/tasks/?limit=100')).body.results.some((row: Body) => row.task_id === parking.task_id),
  );
  return parking.task_id;
}
