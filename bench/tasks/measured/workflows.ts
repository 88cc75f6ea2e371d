/**
 * One activity and its result: through the product, as the first page of the SDK's documentation has it, and that with the
 * options that the product sets.
 */
import { proxyActivities } from '@temporalio/workflow';
import { runTask, type TaskName } from '../../../workflows/tasks.ts';
import type { NothingInput } from './nothing.ts';

export async function throughTask(input: NothingInput): Promise<unknown> {
  const result = await runTask('nothing' as TaskName, input as never);
  return 'output' in result ? result.output : result.failure;
}

interface Activities { nothing: (input: NothingInput) => Promise<unknown> }
const { nothing } = proxyActivities<Activities>({ startToCloseTimeout: '10m' });

export async function throughActivity(input: NothingInput): Promise<unknown> {
  return nothing(input);
}

/** As workflows/tasks.ts has them. */
const withOptions = proxyActivities<Activities>({
  startToCloseTimeout: '10m', heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 10 }, priority: { priorityKey: 3 },
});

export async function throughOptions(input: NothingInput): Promise<unknown> {
  return withOptions.nothing(input);
}
