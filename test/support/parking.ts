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

interface Parked {
  readonly status?: string;
  readonly fingerprint?: string;
  readonly message?: string;
  /** Of whom the list says that it waits. */
  readonly session_id?: string | null;
}

/** Of one request for the list. */
const listedMost = 100;

/** So many tasks, at most 100, as a session parks them, in the engine and in the list. Returns their ids. */
export async function parkAll(
  { client }: Engine, admin: Person, count: number,
  { status = 'rejected', fingerprint = 'f-1', message = 'HTTP 503', session_id = null }: Parked = {},
): Promise<readonly string[]> {
  const { tenant } = admin;
  const ids = Array.from({ length: count }, () => randomUUID());
  await Promise.all(ids.map((id) => {
    const parking = {
      task_id: id, tenant, task_name: 'applyChangeset', input: inputOf(tenant, status) as Json,
      context: { session_id, user: 'ana', correlation_id: 'c-1' },
      reply_to: null, max_retries: 3, failure: failureOf({ fingerprint, message }),
    };
    return client.workflow.start(parkedTaskWorkflow, {
      taskQueue: 'gangway', workflowId: taskWorkflowId(tenant, id), args: [{ parking }],
    });
  }));
  await until('all are in the list', async () => {
    const { body: { results } } = await admin.get(`/admin/dlq/tasks/?limit=${listedMost}`);
    const listed = new Set(results.map((row: Body) => row.task_id));
    return ids.every((id) => listed.has(id));
  });
  for (const id of ids) await until('each is told', async () => (await admin.get(`/admin/dlq/tasks/${id}/`)).status === 200);
  return ids;
}

export async function park(engine: Engine, admin: Person, what?: Parked): Promise<string> {
  const [id] = await parkAll(engine, admin, 1, what);
  if (id === undefined) throw new Error('Nothing was parked.');
  return id;
}
