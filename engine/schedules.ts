/** Temporal Schedules of what the service does for itself. Made at each start of a worker, so that a changed interval counts. */
import {
  ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, WorkflowNotFoundError, type Client, type ScheduleSpec,
} from '@temporalio/client';
import { KeyUnavailableError, SealBrokenError } from '../encryption/sealer.ts';
import { upkeepWorkflow, type UpkeepInput } from '../workflows/upkeep-input.ts';

export interface UpkeepSchedule {
  /** Short name; the schedule's id has the task queue beside it. */
  readonly name: string;
  readonly spec: ScheduleSpec;
  readonly input: UpkeepInput;
  readonly note: string;
}

export async function keepSchedules(client: Client, taskQueue: string, schedules: readonly UpkeepSchedule[]): Promise<void> {
  await Promise.all(schedules.map((schedule) => keepSchedule(client, taskQueue, schedule)));
}

async function keepSchedule(
  client: Client, taskQueue: string, { name, spec, input, note }: UpkeepSchedule, paused = false,
): Promise<void> {
  const scheduleId = `upkeep:${taskQueue}:${name}`;
  const action = {
    type: 'startWorkflow' as const, workflowType: upkeepWorkflow, workflowId: scheduleId, taskQueue, args: [input],
    workflowTaskTimeout: '5s' as const,
  };
  // a run that is missed is not made up for, and none begins while one is under way
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const, pauseOnFailure: false };
  try {
    await client.schedule.create({ scheduleId, spec, action, policies, state: { note, paused } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    // whoever paused it keeps it paused
    await client.schedule.getHandle(scheduleId).update(({ state }) => ({ spec, action, policies, state: { ...state, note } }))
      .catch(async (refusal: unknown) => {
        if (!isKeyTrouble(refusal)) throw refusal;
        await keepSchedule(client, taskQueue, { name, spec, input, note }, await forgetSchedule(client, scheduleId));
      });
  }
}

function isKeyTrouble(error: unknown): boolean {
  return error instanceof KeyUnavailableError || error instanceof SealBrokenError;
}

/**
 * Its input cannot be opened any more, nor that of the run under way, which would never end and let no other begin. Returns whether
 * it was paused.
 */
async function forgetSchedule(client: Client, scheduleId: string): Promise<boolean> {
  const { info, schedule } = await client.workflowService.describeSchedule({ namespace: client.options.namespace, scheduleId });
  for (const { workflowId } of info?.runningWorkflows ?? []) {
    await client.workflow.getHandle(workflowId ?? '').terminate('the key of its input is lost').catch(ignoreMissing);
  }
  await client.schedule.getHandle(scheduleId).delete().catch(ignoreMissing);
  return schedule?.state?.paused ?? false;
}

/** It has ended by itself, or another worker was first. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError || error instanceof ScheduleNotFoundError)) throw error;
}
