/** One activity and its result: through the product, and as the first page of the SDK's documentation has it. */
import { proxyActivities } from '@temporalio/workflow';
import { runTask, type TaskName } from '../../../workflows/tasks.ts';
import type { NothingInput } from './nothing.ts';

export async function throughTask(input: NothingInput): Promise<unknown> {
  const result = await runTask('nothing' as TaskName, input as never);
  return 'output' in result ? result.output : result.failure;
}

const { nothing } = proxyActivities<{ nothing: (input: NothingInput) => Promise<unknown> }>({ startToCloseTimeout: '10m' });

export async function throughActivity(input: NothingInput): Promise<unknown> {
  return nothing(input);
}
