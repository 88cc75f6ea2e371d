/** Temporal Schedules of what the service does for itself. Made at each start of a worker, so that a changed interval counts. */
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client, type ScheduleSpec } from '@temporalio/client';
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

async function keepSchedule(client: Client, taskQueue: string, { name, spec, input, note }: UpkeepSchedule): Promise<void> {
  const scheduleId = `upkeep:${taskQueue}:${name}`;
  const action = {
    type: 'startWorkflow' as const, workflowType: upkeepWorkflow, workflowId: scheduleId, taskQueue, args: [input],
    workflowTaskTimeout: '5s' as const,
  };
  // a run that is missed is not made up for, and none begins while one is under way
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const, pauseOnFailure: false };
  try {
    await client.schedule.create({ scheduleId, spec, action, policies, state: { note } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    // whoever paused it keeps it paused
    await client.schedule.getHandle(scheduleId).update(({ state }) => ({ spec, action, policies, state: { ...state, note } }));
  }
}
