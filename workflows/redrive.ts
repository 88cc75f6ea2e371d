/**
 * A redrive: parked tasks retried one after another, no faster than asked for. A few first (canary); it stops by itself when too
 * many of those that ended have failed. It is a workflow, so a worker that dies takes nothing with it.
 */
import {
  condition, getExternalWorkflowHandle, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo,
} from '@temporalio/workflow';
import { isRedriven } from '../domain/message-shape.ts';
import { Redrive } from '../domain/redrive.ts';
import type { RedriveInput, RedriveState } from '../domain/redrive-state.ts';
import { heedCancellation } from './cancellation.ts';
import { abortRedrive, pauseRedrive, readRedrive, resumeRedrive } from './redrive-messages.ts';
import { sessionAttributes } from './search-attributes.ts';
import { redriveTask, taskRedriven } from './task-messages.ts';
import { taskWorkflowId } from './workflow-ids.ts';

export async function redriveTasks(input: RedriveInput): Promise<RedriveState> {
  const redrive = new Redrive(input);
  for (const [definition, act] of [[pauseRedrive, 'pause'], [resumeRedrive, 'resume'], [abortRedrive, 'abort']] as const) {
    setHandler(definition, () => {
      redrive[act]();
      return redrive.view();
    });
  }
  setHandler(readRedrive, () => redrive.view());
  setHandler(taskRedriven, (told) => {
    if (isRedriven(told)) redrive.ended(told.task_id, told.result);
  });
  return heedCancellation(() => { redrive.abort(); }, () => live(redrive, input));
}

async function live(redrive: Redrive, input: RedriveInput): Promise<RedriveState> {
  // the first command of the run
  upsertSearchAttributes([{ key: sessionAttributes.state, value: redrive.status }]);
  void keepVisible(redrive);

  while (!redrive.isOver) {
    await condition(() => redrive.isOver || redrive.mayBegin);
    const next = redrive.begin();
    if (next === null) continue;
    const { actor, reason } = input;
    const request = { actor, reason, priority: 'low', redrive: workflowInfo().workflowId } as const;
    const reached = await getExternalWorkflowHandle(taskWorkflowId(input.tenant, next))
      .signal(redriveTask, request).then(() => true, () => false);
    // one that cannot be reached is gone: it ended meanwhile
    if (!reached) redrive.ended(next, 'not_parked');
    await condition(() => redrive.isOver, 1_000 / input.rate_per_second, { summary: 'pause between two tasks' });
  }
  // those that were begun still tell how they ended
  await condition(() => redrive.isSettled);
  return redrive.view();
}

async function keepVisible(redrive: Redrive): Promise<void> {
  for (;;) {
    const { status } = redrive;
    const { matched, succeeded, failed, remaining, note } = redrive.view();
    setCurrentDetails(
      [`**${status}**`, '', `- ${succeeded} of ${matched} succeeded, ${failed} failed, ${remaining} remain`, ...(note === null ? []
        : [`- ${note}`])].join('\n'),
    );
    await condition(() => redrive.status !== status || redrive.remaining !== remaining);
    if (redrive.status !== status) upsertSearchAttributes([{ key: sessionAttributes.state, value: redrive.status }]);
  }
}
