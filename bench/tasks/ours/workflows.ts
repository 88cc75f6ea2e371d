/** One workflow for each task, so that each can be watched by itself. */
import type { TaskOutcome } from '../../../domain/parked-task.ts';
import { finished } from './finished.ts';
import type { TaskInputs } from './tasks.ts';

export { parkedTask } from '../../../workflows/parked-task.ts';

export const verifying = (input: TaskInputs['verifyCompany']): Promise<TaskOutcome> => finished('verifyCompany', input);
export const opening = (input: TaskInputs['openUnit']): Promise<TaskOutcome> => finished('openUnit', input);
export const importing = (input: TaskInputs['importLabels']): Promise<TaskOutcome> => finished('importLabels', input);
