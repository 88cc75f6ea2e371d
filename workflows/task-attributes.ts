/** What operators filter parked tasks by. */
import type { ParkedTaskState, TaskFailure, TaskStatus } from '../domain/parked-task.ts';
import { sessionAttributes, taskAttributes } from './search-attributes.ts';

type Listed = Pick<ParkedTaskState, 'tenant' | 'task_name' | 'context'> & {
  readonly failure: Pick<TaskFailure, 'category' | 'fingerprint'>;
};

/** What a parked task is listed by. */
export function attributesOf(status: TaskStatus, { tenant, task_name, failure, context }: Listed) {
  return [
    { key: sessionAttributes.tenant, value: tenant }, { key: sessionAttributes.state, value: status },
    { key: taskAttributes.task, value: task_name },
    { key: taskAttributes.category, value: failure.category }, { key: taskAttributes.fingerprint, value: failure.fingerprint },
    { key: taskAttributes.session, value: context.session_id ?? 'none' },
  ];
}
