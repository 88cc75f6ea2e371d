/** Search attributes of sessions. The owner is an opaque id: nothing personal may stand here. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { ParkedTaskState, TaskFailure, TaskStatus } from '../domain/parked-task.ts';

export const sessionAttributes = {
  tenant: defineSearchAttributeKey('GwTenant', SearchAttributeType.KEYWORD),
  flow: defineSearchAttributeKey('GwFlow', SearchAttributeType.KEYWORD),
  state: defineSearchAttributeKey('GwState', SearchAttributeType.KEYWORD),
  stage: defineSearchAttributeKey('GwStage', SearchAttributeType.KEYWORD),
  owner: defineSearchAttributeKey('GwOwner', SearchAttributeType.KEYWORD),
} as const;

/** Of parked tasks, beside tenant, owner and state: parked, retrying, completed, discarded. */
export const taskAttributes = {
  task: defineSearchAttributeKey('GwTask', SearchAttributeType.KEYWORD),
  category: defineSearchAttributeKey('GwCategory', SearchAttributeType.KEYWORD),
  fingerprint: defineSearchAttributeKey('GwFingerprint', SearchAttributeType.KEYWORD),
  session: defineSearchAttributeKey('GwSession', SearchAttributeType.KEYWORD),
} as const;

/** What a parked task is listed by. */
export function attributesOf(
  status: TaskStatus, { tenant, task_name, failure, context }: Pick<ParkedTaskState,
  'tenant' | 'task_name' | 'context'> & { readonly failure: Pick<TaskFailure, 'category' | 'fingerprint'> },
) {
  return [
    { key: sessionAttributes.tenant, value: tenant }, { key: sessionAttributes.state, value: status },
    { key: taskAttributes.task, value: task_name },
    { key: taskAttributes.category, value: failure.category }, { key: taskAttributes.fingerprint, value: failure.fingerprint },
    { key: taskAttributes.session, value: context.session_id ?? 'none' },
  ];
}

export const searchAttributeNames = [...Object.values(sessionAttributes), ...Object.values(taskAttributes)].map((key) => key.name);
