/** One workflow for each task, so that each can be watched by itself. */
import type { TaskInputs } from './activities.ts';
import { runTask, type Outcome } from './parked-task.ts';

export { parkedTask } from './parked-task.ts';

export const verifying = (input: TaskInputs['verifyCompany']): Promise<Outcome> => runTask('verifyCompany', input);
export const opening = (input: TaskInputs['openUnit']): Promise<Outcome> => runTask('openUnit', input);
export const importing = (input: TaskInputs['importLabels']): Promise<Outcome> => runTask('importLabels', input);
